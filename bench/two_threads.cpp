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

/// Each thread takes half of the arrays: run(x, y, steps, bytes), where bytes are those of x.
template <class Run>
void add_roof(const Operation& operation, const std::string& name, const Run& run_half) {
    const auto run = [=](benchmark::State& state) {
        const ElementType& type = operation.type;
        const Arrays arrays = shared_arrays(type.dtype, operation.n);
        const char* const steps =
            operation.with_steps ? static_cast<const char*>(steps_array(type.dtype, operation.n))
                                 : nullptr;
        const std::size_t half = operation.n * type.bytes / threads;
        const std::size_t steps_half = operation.n * step_bytes(type) / threads;
        const char* const x = static_cast<const char*>(arrays.x);
        char* const y = static_cast<char*>(arrays.y);
        double first = 0.0;
        double second = 0.0;
        const std::function<void()> here = [&] { first = run_half(x, y, steps, half); };
        const std::function<void()> there = [&] {
            second =
                run_half(x + half, y + half, steps == nullptr ? steps : steps + steps_half, half);
        };
        Companion companion;
        for (auto _ : state) {
            companion.run_both(here, there);
            benchmark::DoNotOptimize(first);
            benchmark::DoNotOptimize(second);
        }
        set_bytes(state, operation.bytes);
    };
    benchmark::RegisterBenchmark(name_of(operation, "roof " + name).c_str(), run)->UseRealTime();
}

void add_roofs(const Operation& operation, const std::vector<roofs::Loop>& loops) {
    for (const roofs::Loop& loop : loops) {
        add_roof(operation, loop.name,
                 [=](const char* x, char* y, const char* /*steps*/, std::size_t bytes) {
                     return loop.run(x, y, bytes);
                 });
    }
}

void add_roofs(const Operation& operation, const std::vector<roofs::SteppedLoop>& loops) {
    const std::size_t ratio = step_bytes(operation.type) / operation.type.bytes;
    for (const roofs::SteppedLoop& loop : loops) {
        add_roof(operation, loop.name,
                 [=](const char* x, char* y, const char* steps, std::size_t bytes) {
                     return loop.run(x, steps, ratio, y, bytes);
                 });
    }
}

/// The operations of which each is measured.
struct Operations {
    Operation penalty;
    Operation gradient;
    Operation fused;
    Operation prox;
    Operation prox_elsewhere;
    Operation step;
    Operation steps;
    Operation clip;
};

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

void add_library(const Operations& of) {
    const std::shared_ptr<l1l2_threads> pool = make_threads();
    add(of.penalty, "l1l2", [pool](const Job& job) {
        const l1l2_term term = term_of(job);
        double total = 0.0;
        expect_ok(l1l2_penalty_terms(&term, sizeof term, 1, l1l2_threads_run, pool.get(), nullptr,
                                     &total, nullptr));
        return total;
    })->UseRealTime();
    add(of.gradient, "l1l2", [pool](const Job& job) {
        const l1l2_term term = term_of(job);
        expect_ok(l1l2_add_gradient_terms(&term, sizeof term, 1, job.scale, l1l2_threads_run,
                                          pool.get(), nullptr, nullptr, nullptr));
        return 0.0;
    })->UseRealTime();
    add(of.fused, "l1l2", [pool](const Job& job) {
        const l1l2_term term = term_of(job);
        double total = 0.0;
        expect_ok(l1l2_add_gradient_terms(&term, sizeof term, 1, job.scale, l1l2_threads_run,
                                          pool.get(), nullptr, &total, nullptr));
        return total;
    })->UseRealTime();
    for (const Operation& operation : {of.prox, of.prox_elsewhere}) {
        add(operation, "l1l2", [pool](const Job& job) {
            const l1l2_term term = term_of(job);
            expect_ok(l1l2_prox_terms(&term, sizeof term, 1, prox_step, l1l2_threads_run,
                                      pool.get(), nullptr));
            return 0.0;
        })->UseRealTime();
    }
    for (const Operation& operation : {of.step, of.steps}) {
        add(operation, "l1l2", [pool](const Job& job) {
            l1l2_term term = term_of(job);
            term.x = job.y;
            term.gradient = const_cast<void*>(job.x);
            term.steps = job.steps;
            expect_ok(l1l2_prox_step_terms(&term, sizeof term, 1, prox_step, l1l2_threads_run,
                                           pool.get(), nullptr));
            return 0.0;
        })->UseRealTime();
    }
    add(of.clip, "l1l2", [pool](const Job& job) {
        const l1l2_term term = term_of(job);
        expect_ok(l1l2_clip_by_norm_terms(&term, sizeof term, 1, clipped_norm, max_norm,
                                          l1l2_threads_run, pool.get(), nullptr));
        return 0.0;
    })->UseRealTime();
}

#else

void add_library(const Operations& /*of*/) {}

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
        Operations of = {
            {"penalty on two threads", type, n, bytes},
            {"gradient on two threads", type, n, 3 * bytes},
            {"fused on two threads", type, n, 3 * bytes},
            {"prox on two threads", type, n, 2 * bytes},
            {"prox to another array on two threads", type, n, 2 * bytes},
            {"prox step on two threads", type, n, 3 * bytes},
            {"prox step of each element on two threads", type, n, 3 * bytes + n * step_bytes(type)},
            {"clip on two threads", type, n, 2 * bytes}};
        of.prox.in_place = true;
        of.steps.with_steps = true;
        of.clip.in_place = true;
        add_roofs(of.penalty, roofs::read());
        add_roofs(of.gradient, roofs::read_and_update());
        add_roofs(of.prox, roofs::update());
        add_roofs(of.prox_elsewhere, roofs::copy());
        add_roofs(of.step, roofs::read_and_update());
        add_roofs(of.steps, roofs::read_steps_and_update());
        add_roofs(of.clip, roofs::update());
        add_library(of);
        const Operation exact = {"exact sums on two threads", type, n, bytes};
        add_roofs(exact, roofs::read());
        add_sums_of_halves(exact);
    }
}
