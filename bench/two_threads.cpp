#include "benchmarks.hpp"
#include "measure.hpp"
#include "roofs.hpp"

#ifdef L1L2_BENCH_THREADS
#include "l1l2_threads.h"
#endif

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

namespace {

constexpr std::size_t threads = 2;

/// A thread that waits for work without sleeping, so that a call of it costs next to nothing.
class Companion {
  public:
    Companion() : thread_([this] { live(); }) {}
    ~Companion() {
        work_ = nullptr;
        asked_.fetch_add(1, std::memory_order_release);
        thread_.join();
    }
    Companion(const Companion&) = delete;
    Companion& operator=(const Companion&) = delete;

    /// Runs one of the two on this thread and one on the other.
    void run_both(const std::function<void()>& here, const std::function<void()>& there) {
        work_ = &there;
        const unsigned number = asked_.fetch_add(1, std::memory_order_release) + 1;
        here();
        while (done_.load(std::memory_order_acquire) != number) {
        }
    }

  private:
    void live() {
        for (unsigned number = 1;; ++number) {
            while (asked_.load(std::memory_order_acquire) != number) {
            }
            if (work_ == nullptr) {
                return;
            }
            (*work_)();
            done_.store(number, std::memory_order_release);
        }
    }

    const std::function<void()>* work_ = nullptr;
    std::atomic<unsigned> asked_{0};
    std::atomic<unsigned> done_{0};
    std::thread thread_;
};

/// Each thread takes half of the arrays.
void add_roofs(const Operation& operation, const std::vector<roofs::Loop>& loops) {
    for (const roofs::Loop& loop : loops) {
        const auto run = [=](benchmark::State& state) {
            const Arrays arrays = shared_arrays(operation.type.dtype, operation.n);
            const std::size_t half = operation.n * operation.type.bytes / threads;
            const char* const x = static_cast<const char*>(arrays.x);
            char* const y = static_cast<char*>(arrays.y);
            double first = 0.0;
            double second = 0.0;
            const std::function<void()> here = [&] { first = loop.run(x, y, half); };
            const std::function<void()> there = [&] {
                second = loop.run(x + half, y + half, half);
            };
            Companion companion;
            for (auto _ : state) {
                companion.run_both(here, there);
                benchmark::DoNotOptimize(first);
                benchmark::DoNotOptimize(second);
            }
            set_bytes(state, operation.bytes);
        };
        const std::string name = name_of(operation, std::string("roof ") + loop.name);
        benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime();
    }
}

#ifdef L1L2_BENCH_THREADS

/// The threads of libl1l2_threads, as long as the benchmarks that hold it live.
std::shared_ptr<l1l2_threads> make_threads() {
    l1l2_threads* made = nullptr;
    expect_ok(l1l2_threads_create(threads, &made));
    return {made, l1l2_threads_destroy};
}

l1l2_term term_of(const Job& job) {
    l1l2_term term = {};
    term.regularizer = job.regularizer;
    term.x = job.x;
    term.n = job.n;
    term.gradient = job.y;
    term.out = job.y;
    term.dtype = job.dtype;
    return term;
}

void add_library(const Operation& penalty, const Operation& fused, const Operation& prox) {
    const std::shared_ptr<l1l2_threads> pool = make_threads();
    add(penalty, "l1l2", [pool](const Job& job) {
        const l1l2_term term = term_of(job);
        double total = 0.0;
        expect_ok(l1l2_penalty_terms(&term, sizeof term, 1, l1l2_threads_run, pool.get(), nullptr,
                                     &total, nullptr));
        return total;
    })->UseRealTime();
    add(fused, "l1l2", [pool](const Job& job) {
        const l1l2_term term = term_of(job);
        double total = 0.0;
        expect_ok(l1l2_add_gradient_terms(&term, sizeof term, 1, job.scale, l1l2_threads_run,
                                          pool.get(), nullptr, &total, nullptr));
        return total;
    })->UseRealTime();
    add(prox, "l1l2", [pool](const Job& job) {
        const l1l2_term term = term_of(job);
        expect_ok(l1l2_prox_terms(&term, sizeof term, 1, prox_step, l1l2_threads_run, pool.get(),
                                  nullptr));
        return 0.0;
    })->UseRealTime();
}

#else

void add_library(const Operation& /*penalty*/, const Operation& /*fused*/,
                 const Operation& /*prox*/) {}

#endif

/// Each thread sums half of the array into an accumulator of its own; then they are merged.
void add_sums_of_halves(const Operation& operation) {
    const auto run = [=](benchmark::State& state) {
        const Regularizer regularizer(operation.l1, operation.l2);
        const char* const x =
            static_cast<const char*>(shared_arrays(operation.type.dtype, operation.n).x);
        const std::size_t half = operation.n / threads;
        std::int64_t sums[threads][L1L2_EXACT_SUMS_LENGTH] = {};
        const auto add_half = [&](std::size_t i) {
            std::fill(sums[i], sums[i] + L1L2_EXACT_SUMS_LENGTH, 0);
            expect_ok(l1l2_exact_sums_add(sums[i], operation.type.dtype,
                                          x + i * half * operation.type.bytes, half));
        };
        const std::function<void()> here = [&] { add_half(0); };
        const std::function<void()> there = [&] { add_half(1); };
        Companion companion;
        for (auto _ : state) {
            companion.run_both(here, there);
            double penalty = 0.0;
            expect_ok(l1l2_exact_sums_merge(sums[0], sums[1]));
            expect_ok(l1l2_penalty_exact_sums(regularizer.get(), sums[0], &penalty));
            benchmark::DoNotOptimize(penalty);
        }
        set_bytes(state, operation.bytes);
    };
    benchmark::RegisterBenchmark(name_of(operation, "l1l2").c_str(), run)->UseRealTime();
}

} // namespace

void add_two_threads() {
    const ElementType& type = element_types[0];
    for (const std::size_t n : {64 * mebi, 256 * mebi}) {
        if (n > largest_size()) {
            continue;
        }
        const std::size_t bytes = n * type.bytes;
        const Operation penalty = {"penalty on two threads", type, n, bytes};
        const Operation fused = {"fused on two threads", type, n, 3 * bytes};
        Operation prox = {"prox on two threads", type, n, 2 * bytes};
        prox.in_place = true;
        add_roofs(penalty, roofs::read());
        add_roofs(fused, roofs::read_and_update());
        add_roofs(prox, roofs::update());
        add_library(penalty, fused, prox);
        const Operation exact = {"exact sums on two threads", type, n, bytes};
        add_roofs(exact, roofs::read());
        add_sums_of_halves(exact);
    }
}
