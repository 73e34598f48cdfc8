/**
 * Times the penalty for every element type, choice of terms, size and kernel of this CPU, beside
 * the read loops that are its limit and the peers. bench/run.sh runs it and bench/report.py makes
 * the table and the plot of what it writes.
 *
 * Name of a benchmark: dtype/terms/n/who. Counters: bytes_per_second, and relative_error against
 * the exact sums.
 */
#include "exact_sum.hpp"
#include "kernels/dispatch.hpp"
#include "l1l2.h"
#include "peers.hpp"
#include "reduction.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

using l1l2::core::Dtype;
using l1l2::kernels::Sums;
using l1l2::kernels::Terms;

constexpr double l1 = 0.01;
constexpr double l2 = 0.02;

constexpr std::size_t kibi = 1024;
constexpr std::size_t mebi = 1024 * kibi;
const std::vector<std::size_t> sizes = {16,       256,      2 * kibi,  8 * kibi,  128 * kibi,
                                        1 * mebi, 4 * mebi, 64 * mebi, 256 * mebi};

/// A generator that fills gigabytes in seconds (xorshift, Marsaglia 2003).
class Random {
  public:
    /// In -1 .. 1, bell-shaped.
    double weight() {
        std::int64_t sum = 0;
        for (int i = 0; i < 3; ++i) {
            state_ ^= state_ << 13U;
            state_ ^= state_ >> 7U;
            state_ ^= state_ << 17U;
            sum += static_cast<std::int32_t>(state_);
        }
        return static_cast<double>(sum) * 0x1p-33;
    }

  private:
    std::uint64_t state_ = 88172645463325252U;
};

template <class T>
class Array {
  public:
    Array(std::size_t n, double scale)
        : data_(static_cast<T*>(std::aligned_alloc(64, n * sizeof(T))), std::free) {
        Random random;
        for (std::size_t i = 0; i < n; ++i) {
            data_.get()[i] = static_cast<T>(random.weight() * scale);
        }
    }
    const T* data() const { return data_.get(); }

  private:
    std::unique_ptr<T, void (*)(void*)> data_;
};

struct Truth {
    ExactSum absolute;
    ExactSum square;
};

/// The exact sums of the first n elements, for each n of `sizes`.
template <class T>
std::map<std::size_t, Truth> exact_sums(const T* x, std::size_t largest) {
    std::map<std::size_t, Truth> truths;
    auto sums = std::make_unique<Truth>();
    std::size_t done = 0;
    for (const std::size_t n : sizes) {
        for (; n <= largest && done < n; ++done) {
            sums->absolute.add_absolute(static_cast<double>(x[done]));
            sums->square.add_square(static_cast<double>(x[done]));
        }
        if (n <= largest) {
            truths.emplace(n, *sums);
        }
    }
    return truths;
}

struct TermsCase {
    const char* name;
    Terms terms;
    double l1;
    double l2;
};
constexpr TermsCase terms_cases[] = {{"both", Terms::both, l1, l2},
                                     {"l1", Terms::absolute, l1, 0.0},
                                     {"l2", Terms::square, 0.0, l2}};

double relative_error(const Truth& truth, const TermsCase& terms, double penalty) {
    ExactSum exact;
    if (terms.l1 != 0.0) {
        exact.add_product(terms.l1, truth.absolute);
    }
    if (terms.l2 != 0.0) {
        exact.add_product(terms.l2, truth.square);
    }
    return exact.relative_error(penalty);
}

/// What every benchmark tells beside its time.
void tell(benchmark::State& state, std::size_t bytes, double result,
          const std::function<double(double)>& error) {
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
    if (error) {
        state.counters["relative_error"] = error(result);
    }
}

void add(const std::string& name, std::size_t bytes, const std::function<double()>& compute,
         const std::function<double(double)>& error) {
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        double result = 0.0;
        for (auto _ : state) {
            benchmark::DoNotOptimize(result = compute());
        }
        tell(state, bytes, result, error);
    });
}

/// The C function itself, without what std::function adds: that is a third of a small call.
template <class T>
void add_c_function(const std::string& name, const T* x, std::size_t n, const TermsCase& terms,
                    const std::function<double(double)>& error) {
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        l1l2_regularizer* regularizer = nullptr;
        if (l1l2_create(terms.l1, terms.l2, &regularizer) != L1L2_OK) {
            state.SkipWithError("l1l2_create");
            return;
        }
        constexpr l1l2_dtype dtype = sizeof(T) == 4 ? L1L2_FLOAT32 : L1L2_FLOAT64;
        double result = 0.0;
        for (auto _ : state) {
            l1l2_penalty(regularizer, dtype, x, n, &result);
            benchmark::DoNotOptimize(result);
        }
        l1l2_destroy(regularizer);
        tell(state, n * sizeof(T), result, error);
    });
}

template <class T>
void add_size(const char* dtype_name, const T* x, std::size_t n, const Truth& truth) {
    const std::size_t bytes = n * sizeof(T);
    const std::string of_size = "/" + std::to_string(n) + "/";
    const std::string dtype(dtype_name);
    for (const peers::ReadLoop& loop : peers::read_loops()) {
        add(dtype + "/read" + of_size + loop.name, bytes, [=] { return loop.read(x, bytes); }, {});
    }
    for (const TermsCase& terms : terms_cases) {
        const std::string prefix = dtype + "/" + terms.name + of_size;
        const auto error = [&truth, terms](double penalty) {
            return relative_error(truth, terms, penalty);
        };
        add_c_function(prefix + "l1l2", x, n, terms, error);
        const l1l2::kernels::Tables tables = l1l2::kernels::runnable_tables();
        for (std::size_t i = 0; i < tables.count; ++i) {
            const l1l2::kernels::KernelTable* const table = tables.table[i];
            constexpr Dtype type = sizeof(T) == 4 ? Dtype::float32 : Dtype::float64;
            const auto compute = [=] {
                const Sums sums = l1l2::core::reduce(*table, type, terms.terms, x, n);
                return terms.l1 * sums.absolute + terms.l2 * sums.square;
            };
            add(prefix + "kernel " + table->name, bytes, compute, error);
        }
        for (const peers::Peer<T>& peer : peers::all<T>()) {
            const auto compute = [=] {
                return peer.penalty(x, n, static_cast<T>(terms.l1), static_cast<T>(terms.l2));
            };
            add(prefix + peer.name, bytes, compute, error);
        }
    }
}

template <class T>
void add_type(const char* dtype_name, std::size_t largest) {
    static const Array<T> x(largest, 0.1);
    static const std::map<std::size_t, Truth> truths = exact_sums(x.data(), largest);
    for (const auto& [n, truth] : truths) {
        add_size<T>(dtype_name, x.data(), n, truth);
    }
}

/// Subnormal elements beside ordinary ones, for the ratio between the two.
void add_subnormal(std::size_t largest) {
    static const Array<float> x(4 * mebi, 0x1p-130);
    static const Array<double> y(4 * mebi, 0x1p-1030);
    for (const std::size_t n : {8 * kibi, 4 * mebi}) {
        if (n > largest) {
            break;
        }
        const std::string of_size = "/both/" + std::to_string(n) + "/";
        add_c_function("float32 subnormal" + of_size + "l1l2", x.data(), n, terms_cases[0], {});
        add_c_function("float64 subnormal" + of_size + "l1l2", y.data(), n, terms_cases[0], {});
    }
}

} // namespace

int main(int argc, char** argv) {
    // The largest size, for a quick look or a machine with less than 5 GiB of memory to spare.
    const char* const limit = std::getenv("L1L2_BENCH_LARGEST");
    const std::size_t largest = limit != nullptr ? std::strtoull(limit, nullptr, 10) : sizes.back();
    add_type<float>("float32", largest);
    add_type<double>("float64", largest);
    add_subnormal(largest);
    benchmark::AddCustomContext("l1l2_isa", l1l2_isa());
    benchmark::AddCustomContext("l1l2_version", l1l2_version_string());
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
