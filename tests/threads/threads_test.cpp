/**
 * Runs on libl1l2_threads, the shared library as it ships.
 */
#include "catch.hpp"
#include "runs.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace threads_tests;

TEST_CASE("each index is run exactly once", "[threads]") {
    for (const std::size_t count : Sizes{1, 2, 3, 16, 0, L1L2_THREADS_MAX_COUNT}) {
        const Threads threads = make_threads(count);
        for (const std::size_t tasks : Sizes{0, 1, 2, 3, 1000, 100000}) {
            std::vector<std::atomic<int>> calls(tasks);
            CAPTURE(count, tasks);
            CHECK(run(threads, tasks, [&](std::size_t i) { ++calls.at(i); }) == 0);
            CHECK(each_once(calls));
        }
    }
}

TEST_CASE("one thread runs the tasks in their order and is the calling one", "[threads]") {
    const Threads threads = make_threads(1);
    std::vector<std::size_t> order;
    const auto caller = std::this_thread::get_id();
    bool same = true;
    run(threads, 100, [&](std::size_t i) {
        order.push_back(i);
        same = same && std::this_thread::get_id() == caller;
    });
    CHECK(same);
    CHECK(order.size() == 100);
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("each thread takes the lowest index that is left", "[threads]") {
    static thread_local std::pair<std::size_t, std::size_t> last; // the run and the index in it
    std::size_t run_number = 0;
    for (const std::size_t count : Sizes{1, 2, 3, 8}) {
        const Threads threads = make_threads(count);
        std::atomic<std::size_t> begun{0};
        std::atomic<bool> ascending{true};
        std::atomic<bool> lowest{true};
        ++run_number;
        run(threads, 500, [&](std::size_t i) {
            // All lower ones have begun, except those that other threads have just taken.
            const std::size_t before = begun++;
            if (i >= before + count) {
                lowest = false;
            }
            if (last.first == run_number && i <= last.second) {
                ascending = false;
            }
            last = {run_number, i};
            std::this_thread::sleep_for(std::chrono::microseconds(10));
        });
        CAPTURE(count);
        CHECK(ascending);
        CHECK(lowest);
    }
}

TEST_CASE("tasks see what was written before the run, and the caller sees what they write",
          "[threads]") {
    const Threads threads = make_threads(4);
    std::array<int, 8> values = {}; // not atomic, and written by changing threads
    std::array<bool, 8> seen = {};
    bool right = true;
    for (int round = 0; round < 1000; ++round) {
        Gate gate(2); // so that two threads are in each run
        for (int& value : values) {
            ++value;
        }
        std::atomic<int> met{0};
        run(threads, values.size(), [&](std::size_t i) {
            seen[i] = values[i] == 2 * round + 1;
            if (i < 2 && gate.pass()) {
                ++met;
            }
            ++values[i];
        });
        REQUIRE(met == 2);
        for (std::size_t i = 0; i < values.size(); ++i) {
            right = right && seen[i] && values[i] == 2 * (round + 1);
        }
    }
    CHECK(right);
}

TEST_CASE("two tasks run at the same time", "[threads]") {
    const Threads threads = make_threads(2);
    for (int round = 0; round < 100; ++round) {
        Gate gate(2);
        std::atomic<int> passed{0};
        REQUIRE(run(threads, 2, [&](std::size_t) { passed += gate.pass() ? 1 : 0; }) == 0);
        REQUIRE(passed == 2);
    }
}

TEST_CASE("a run uses no more threads than requested", "[threads]") {
    for (const std::size_t count : Sizes{2, 3, 5}) {
        const Threads threads = make_threads(count);
        std::atomic<std::size_t> at_once{0};
        std::atomic<std::size_t> most{0};
        run(threads, 500, [&](std::size_t) {
            const std::size_t now = ++at_once;
            std::size_t before = most;
            while (now > before && !most.compare_exchange_weak(before, now)) {
            }
            std::this_thread::sleep_for(std::chrono::microseconds(100));
            --at_once;
        });
        CAPTURE(count);
        CHECK(most <= count);
    }
}

TEST_CASE("runs of many threads do not wait for one another", "[threads]") {
    constexpr int callers = 20;
    const Threads threads = make_threads(3);
    Gate all_run(callers);
    std::atomic<int> passed{0};
    std::vector<std::thread> application;
    for (int caller = 0; caller < callers; ++caller) {
        application.emplace_back([&] {
            run(threads, 10, [&](std::size_t i) {
                if (i == 0) {
                    passed += all_run.pass() ? 1 : 0;
                }
            });
        });
    }
    for (std::thread& thread : application) {
        thread.join();
    }
    CHECK(passed == callers);
}

TEST_CASE("beyond the number of runs that can be helped the caller works alone", "[threads]") {
    struct Case {
        std::size_t count;
        int helped; ///< runs at once: the count, or 8
    };
    const ThreadsOfTbb two =
        GENERATE(false, true) ? allow(2) : nullptr; // both have one worker then
    for (const Case c : {Case{20, 8}, Case{2, 2}}) {
        const Threads threads = make_threads(c.count);
        Gate all_run(c.helped + 1);
        std::atomic<bool> stop{false};
        std::vector<std::thread> application;
        for (int i = 0; i < c.helped; ++i) {
            application.emplace_back([&] {
                const auto caller = std::this_thread::get_id();
                std::atomic<bool> caller_is_in{false};
                run(threads, 2, [&](std::size_t) {
                    // The helpers finish the rest and become idle.
                    if (std::this_thread::get_id() == caller && !caller_is_in.exchange(true)) {
                        all_run.pass();
                        while (!stop) {
                            std::this_thread::sleep_for(std::chrono::microseconds(50));
                        }
                    }
                    while (!caller_is_in) {
                        std::this_thread::sleep_for(std::chrono::microseconds(50));
                    }
                });
            });
        }
        CHECK(all_run.pass());
        const auto caller = std::this_thread::get_id();
        std::atomic<bool> alone{true};
        run(threads, 100, [&](std::size_t) {
            if (std::this_thread::get_id() != caller) {
                alone = false;
            }
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        });
        stop = true;
        for (std::thread& thread : application) {
            thread.join();
        }
        CAPTURE(c.count);
        CHECK(alone);
        // Now the run can be helped.
        Gate gate(2);
        std::atomic<int> passed{0};
        run(threads, 2, [&](std::size_t) { passed += gate.pass() ? 1 : 0; });
        CHECK(passed == 2);
    }
}

TEST_CASE("a thread that waits for its run does no task of another run", "[threads]") {
    static thread_local int own_run = -1; // of the application's threads; oneTBB's have none
    constexpr int callers = 6;
    const Threads threads = make_threads(4);
    std::atomic<int> strange{0};
    std::atomic<int> done{0};
    std::vector<std::thread> application;
    for (int caller = 0; caller < callers; ++caller) {
        application.emplace_back([&, caller] {
            own_run = caller;
            for (int round = 0; round < 50; ++round) {
                run(threads, 40, [&](std::size_t i) {
                    strange += own_run == -1 || own_run == caller ? 0 : 1;
                    ++done;
                    std::this_thread::sleep_for(std::chrono::microseconds(i % 5 == 0 ? 50 : 0));
                });
            }
        });
    }
    for (std::thread& thread : application) {
        thread.join();
    }
    CHECK(strange == 0);
    CHECK(done == callers * 50 * 40);
}

TEST_CASE("runs may nest, on the same threads and crosswise", "[threads]") {
    const Threads a = make_threads(2);
    const Threads b = make_threads(2);
    std::atomic<int> done{0};
    std::vector<std::thread> application;
    for (int caller = 0; caller < 24; ++caller) {
        application.emplace_back([&, caller] {
            const Threads& outer = caller % 2 == 0 ? a : b;
            const Threads& other = caller % 2 == 0 ? b : a;
            for (int round = 0; round < 10; ++round) {
                run(outer, 6, [&](std::size_t) {
                    run(outer, 5, [&](std::size_t) { ++done; });
                    run(other, 4,
                        [&](std::size_t) { run(outer, 3, [&](std::size_t) { ++done; }); });
                });
            }
        });
    }
    for (std::thread& thread : application) {
        thread.join();
    }
    CHECK(done == 24 * 10 * 6 * (5 + 4 * 3));
}

TEST_CASE("a run without threads or without a task is refused", "[threads]") {
    const Threads threads = make_threads(2);
    static std::atomic<int> calls{0};
    const auto count_call = [](void*, std::size_t) { ++calls; };
    CHECK(l1l2_threads_run(nullptr, count_call, nullptr, 3) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_threads_run(threads.get(), nullptr, nullptr, 3) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(calls == 0);
    CHECK(l1l2_threads_run(threads.get(), count_call, nullptr, 3) == L1L2_OK);
    CHECK(calls == 3);
}

TEST_CASE("a task that throws makes the run fail, after all tasks", "[threads]") {
    for (const std::size_t count : Sizes{1, 3}) {
        const Threads threads = make_threads(count);
        std::vector<std::atomic<int>> calls(1000);
        const int32_t status = run(threads, calls.size(), [&](std::size_t i) {
            ++calls.at(i);
            if (i % 100 == 7) {
                throw std::runtime_error("a task must not do this");
            }
        });
        CHECK(status == L1L2_ERROR_RUNNER_FAILED);
        CHECK(each_once(calls));
        CHECK(run(threads, 10, [](std::size_t) {}) == L1L2_OK);
    }
}

TEST_CASE("a run leaves the caller's floating-point environment unchanged", "[threads]") {
    const int before = std::fegetround();
    for (const std::size_t count : Sizes{1, 2}) {
        const Threads threads = make_threads(count);
        std::fesetround(FE_UPWARD);
        run(threads, 100, [](std::size_t) {});
        const int after = std::fegetround();
        std::fesetround(before);
        CHECK(after == FE_UPWARD);
#if defined(__x86_64__) || defined(__SSE2__)
        const unsigned control = _mm_getcsr();
        for (const unsigned hostile : {0x0040U, 0x8000U, 0xE040U}) {
            _mm_setcsr(control | hostile); // denormals are zero, flush to zero, towards zero
            run(threads, 100, [](std::size_t) {});
            const unsigned control_after = _mm_getcsr() & ~0x003FU; // without exception flags
            _mm_setcsr(control);
            CHECK(control_after == ((control | hostile) & ~0x003FU));
        }
#endif
    }
}
