/**
 * How a benchmark is made of an operation. Its name is dtype/operation/n/who, where who is "l1l2",
 * "kernel ...", "roof ..." (the limit that memory sets) or a peer. Counters: bytes, what one call
 * moves; bytes_per_second; relative_error against the exact sums, of penalties.
 */
#pragma once

#include "arrays.hpp"
#include "job.hpp"
#include "kernels/kernels.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

constexpr double l1 = 0.01;
constexpr double l2 = 0.02;

/// Ends the program, as the time of a call that failed is no result.
inline void expect_ok(l1l2_status status) {
    if (status != L1L2_OK) {
        std::fprintf(stderr, "bench: %s\n", l1l2_status_string(status));
        std::exit(EXIT_FAILURE);
    }
}

class Regularizer {
  public:
    Regularizer(double of_l1, double of_l2) { expect_ok(l1l2_create(of_l1, of_l2, &handle_)); }
    ~Regularizer() { l1l2_destroy(handle_); }
    Regularizer(const Regularizer&) = delete;
    Regularizer& operator=(const Regularizer&) = delete;
    const l1l2_regularizer* get() const { return handle_; }

  private:
    l1l2_regularizer* handle_ = nullptr;
};

struct Operation {
    std::string name;
    ElementType type;
    std::size_t n;
    std::size_t bytes; ///< that one call moves
    double l1 = ::l1;
    double l2 = ::l2;
    bool in_place = false;                    ///< the job's x is its y
    std::function<double(double)> error = {}; ///< relative, of what a call returns; may be empty
    const DataKind* kind = nullptr;           ///< of the job's x, if that is not the shared one
    bool with_steps = false;
};

inline std::string name_of(const Operation& operation, const std::string& who) {
    return std::string(operation.type.name) + "/" + operation.name + "/" +
           std::to_string(operation.n) + "/" + who;
}

/// What a job works on; a kind of data has nothing to be written.
inline Arrays arrays_of(const Operation& operation) {
    if (operation.kind != nullptr) {
        return {kind_array(*operation.kind, operation.type.dtype, operation.n), nullptr};
    }
    const Arrays arrays = shared_arrays(operation.type.dtype, operation.n);
    return {operation.in_place ? arrays.y : arrays.x, arrays.y};
}

inline double call_penalty(const Job& job) {
    double penalty = 0.0;
    expect_ok(l1l2_penalty(job.regularizer, job.dtype, job.x, job.n, &penalty));
    return penalty;
}

inline double call_exact_sums(const Job& job) {
    std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
    expect_ok(l1l2_exact_sums_add(sums, job.dtype, job.x, job.n));
    double penalty = 0.0;
    expect_ok(l1l2_penalty_exact_sums(job.regularizer, sums, &penalty));
    return penalty;
}

inline l1l2::kernels::Dtype dtype_of(const ElementType& type) {
    using l1l2::kernels::Dtype;
    switch (type.dtype) {
    case L1L2_FLOAT64: return Dtype::float64;
    case L1L2_FLOAT16: return Dtype::float16;
    case L1L2_BFLOAT16: return Dtype::bfloat16;
    default: return Dtype::float32;
    }
}

inline void set_bytes(benchmark::State& state, std::size_t bytes) {
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
    state.counters["bytes"] = static_cast<double>(bytes);
}

/// call(job) is what is timed; it returns the penalty, or anything. By its type and not through
/// std::function, as that is a third of a small call.
template <class Call>
benchmark::internal::Benchmark* add(const Operation& operation, const std::string& who,
                                    const Call& call) {
    const auto run = [operation, call](benchmark::State& state) {
        const Regularizer regularizer(operation.l1, operation.l2);
        const Arrays arrays = arrays_of(operation);
        Job job = {regularizer.get(), operation.l1, operation.l2, operation.type.dtype,
                   arrays.x,          operation.n,  arrays.y,     1.0};
        if (operation.with_steps) {
            job.steps = steps_array(operation.type.dtype, operation.n);
        }
        double result = 0.0;
        for (auto _ : state) {
            result = call(job);
            // As a constant: GCC 12 loses a variable that is handed over as one to be changed.
            benchmark::DoNotOptimize(static_cast<const double&>(result));
            job.scale = -job.scale;
        }
        set_bytes(state, operation.bytes);
        if (operation.error) {
            state.counters["relative_error"] = operation.error(result);
        }
    };
    return benchmark::RegisterBenchmark(name_of(operation, who).c_str(), run);
}
