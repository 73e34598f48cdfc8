/**
 * The arrays that are measured on, and the exact sums over them.
 */
#pragma once

#include "exact_sum.hpp"
#include "l1l2.h"

#include <cstddef>
#include <memory>
#include <vector>

constexpr std::size_t kibi = 1024;
constexpr std::size_t mebi = 1024 * kibi;

/// The sizes that are measured, up to the environment variable L1L2_BENCH_LARGEST if it is set.
const std::vector<std::size_t>& sizes();
std::size_t largest_size();

/// Memory aligned to 64 bytes.
class Memory {
  public:
    explicit Memory(std::size_t bytes);
    void* data() const { return data_.get(); }

  private:
    std::unique_ptr<void, void (*)(void*)> data_;
};

/// Two arrays of n elements, in -0.1 .. 0.1 to begin with. x is only read.
struct Arrays {
    const void* x;
    void* y;
};

/**
 * The first n <= largest_size() elements of the two arrays that all benchmarks share, which are
 * filled when a benchmark first asks for them, and again when one asks for another type than the
 * one before. So the memory is that of two arrays, and what is measured in one go should be of one
 * type. x always holds the same elements, y what the benchmarks leave there.
 */
Arrays shared_arrays(l1l2_dtype dtype, std::size_t n);

/// n steps of 1 for elements of a type, in the arithmetic type; kept until another type is asked
/// for.
const void* steps_array(l1l2_dtype dtype, std::size_t n);

/// Writes n elements of bell-shaped distribution in -scale .. scale, always the same ones.
void fill(l1l2_dtype dtype, double scale, void* x, std::size_t n);

/// A distribution that elements are drawn from.
struct DataKind {
    const char* name;
    double (*element)(double a, double b); ///< of two numbers that are uniform in 0 .. 1, but not 0
};

/// Weights of deviation 0.02; -1 to 1; what spans more exponents; what spans nearly all of
/// float32's.
extern const std::vector<DataKind> data_kinds;

/// n elements of a kind, made when they are first asked for and kept until another type, kind or
/// size is.
const void* kind_array(const DataKind& kind, l1l2_dtype dtype, std::size_t n);

struct Truth {
    ExactSum absolute;
    ExactSum square;
};

/// The exact sums of the first n elements of the shared x.
const Truth& exact_sums(l1l2_dtype dtype, std::size_t n);
