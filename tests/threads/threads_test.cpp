/**
 * libl1l2_threads, the shared library as it ships. oneTBB may use more threads than the machine
 * has, so that no test depends on their number.
 */
#include "catch.hpp"
#include "l1l2_threads.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace {

thread_local bool no_memory = false; ///< whether this thread's operator new fails

} // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return no_memory ? nullptr : std::malloc(size > 0 ? size : 1);
}
void* operator new(std::size_t size) {
    void* memory = operator new(size, std::nothrow);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}
// Not inlined: GCC 12 warns where it sees what operator new returned go to free().
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

using ThreadsOfTbb = std::unique_ptr<tbb::global_control>;

/// Allows oneTBB so many threads in all.
ThreadsOfTbb allow(std::size_t threads) {
    return std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism,
                                                 threads);
}

constexpr const char* fresh = "L1L2_TEST_FRESH"; ///< set by passes_in_a_fresh_process()
const ThreadsOfTbb more_threads = std::getenv(fresh) == nullptr ? allow(8) : nullptr;

struct Destroy {
    void operator()(l1l2_threads* threads) const { l1l2_threads_destroy(threads); }
};
using Threads = std::unique_ptr<l1l2_threads, Destroy>;

Threads make_threads(std::size_t count) {
    l1l2_threads* threads = nullptr;
    if (l1l2_threads_create(count, &threads) != L1L2_OK) {
        throw std::runtime_error("no threads");
    }
    return Threads(threads);
}

using Sizes = std::initializer_list<std::size_t>;
using Task = std::function<void(std::size_t)>;

int32_t run(const Threads& threads, std::size_t count, Task task) {
    const auto call = [](void* work, std::size_t i) { (*static_cast<Task*>(work))(i); };
    const l1l2_runner runner = l1l2_threads_run;
    return runner(threads.get(), call, &task, count);
}

/// A barrier for a number of threads. Returns false if they do not arrive within a minute.
class Gate {
  public:
    explicit Gate(int expected) : missing_(expected) {}

    bool pass() {
        --missing_;
        const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (missing_ > 0) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
        return true;
    }

  private:
    std::atomic<int> missing_;
};

/// Returns whether the calling test case passes in a process of its own, perhaps on one CPU, in
/// which nothing has used oneTBB before.
bool passes_in_a_fresh_process(bool on_one_cpu = false) {
    const std::string name = Catch::getResultCapture().getCurrentTestName();
    const pid_t child = fork();
    if (child == 0) {
        if (on_one_cpu) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(sched_getcpu(), &one);
            sched_setaffinity(0, sizeof one, &one);
        }
        setenv(fresh, "1", 1);
        execl("/proc/self/exe", "threads_tests", name.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

std::ptrdiff_t threads_of_the_process() {
    using Iterator = std::filesystem::directory_iterator;
    return std::distance(Iterator("/proc/self/task"), Iterator());
}

/// The process's resident memory.
long resident_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("VmRSS:", 0) == 0) {
            return std::stol(line.substr(6));
        }
    }
    throw std::runtime_error("/proc cannot be read");
}

bool each_once(const std::vector<std::atomic<int>>& calls) {
    return std::all_of(calls.begin(), calls.end(), [](const auto& n) { return n == 1; });
}

} // namespace

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

TEST_CASE("no thread starts before the first run, and none ends with its handle", "[threads]") {
    if (std::getenv(fresh) == nullptr) {
        CHECK(passes_in_a_fresh_process());
        return;
    }
    const ThreadsOfTbb two = allow(2);
    const std::ptrdiff_t before = threads_of_the_process();
    Threads threads = make_threads(2);
    CHECK(threads_of_the_process() == before);
    Gate gate(2);
    std::atomic<int> met{0};
    run(threads, 2, [&](std::size_t) { met += gate.pass() ? 1 : 0; });
    REQUIRE(met == 2);
    CHECK(threads_of_the_process() > before);
    const std::ptrdiff_t with_workers = threads_of_the_process();
    threads.reset();
    CHECK(threads_of_the_process() == with_workers);
}

TEST_CASE("create, run and destroy, again and again, take no more memory", "[threads]") {
    // More than the CPUs have threads, as an arena that oneTBB never frees is one that no worker
    // joined.
    const auto cycle = [](std::size_t round) {
        const Threads threads = make_threads(2 + round % 5);
        std::atomic<int> calls{0};
        REQUIRE(run(threads, 10, [&](std::size_t) { ++calls; }) == 0);
        REQUIRE(calls == 10);
    };
    long before = 0;
    for (std::size_t round = 0; round < 10000; ++round) {
        if (round == 100) { // by then oneTBB has allocated what it keeps
            before = resident_kib();
        }
        cycle(round);
    }
    CHECK(resident_kib() - before < 4096);

    SECTION("nor do calling threads that come and go") {
        for (std::size_t round = 0; round < 1000; ++round) {
            std::thread([&] { cycle(round); }).join();
        }
        CHECK(resident_kib() - before < 4096);
    }
}

TEST_CASE("threads may be created, run on and destroyed at the same time", "[threads]") {
    const Threads shared = make_threads(3);
    std::atomic<int> wrong{0};
    std::vector<std::thread> application;
    for (std::size_t caller = 0; caller < 8; ++caller) {
        application.emplace_back([&, caller] {
            for (std::size_t round = 0; round < 200; ++round) {
                const std::size_t count = 2 + (caller + round) % 4;
                const Threads own = make_threads(count);
                std::atomic<int> at_once{0};
                std::vector<std::atomic<int>> calls(20);
                const auto task = [&](std::size_t i) {
                    wrong += ++at_once > static_cast<int>(count) ? 1 : 0;
                    ++calls[i];
                    --at_once;
                };
                wrong += run(own, calls.size(), task) == 0 && each_once(calls) ? 0 : 1;
                wrong += l1l2_threads_count(own.get()) == count ? 0 : 1;
                std::atomic<int> others{0};
                wrong +=
                    run(shared, 10, [&](std::size_t) { ++others; }) == 0 && others == 10 ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : application) {
        thread.join();
    }
    CHECK(wrong == 0);
}

TEST_CASE("what is kept of destroyed threads serves those of the same size alone", "[threads]") {
    if (std::getenv(fresh) == nullptr) {
        CHECK(passes_in_a_fresh_process());
        return;
    }
    struct Case {
        std::size_t allowed;
        std::size_t count;
        int concurrency; ///< the arena's places for callers, at most 8, and its workers
    };
    for (const Case c : {Case{2, 20, 8 + 1}, Case{8, 20, 8 + 7}, Case{8, 2, 2 + 1}}) {
        const ThreadsOfTbb allowed = allow(c.allowed);
        std::atomic<int> concurrency{0};
        run(make_threads(c.count), 2,
            [&](std::size_t) { concurrency = tbb::this_task_arena::max_concurrency(); });
        CAPTURE(c.allowed, c.count);
        CHECK(concurrency == c.concurrency);
    }
}

TEST_CASE("threads of one size have each its own workers", "[threads]") {
    // What was destroyed is not handed out twice, and its places are free.
    make_threads(2);
    const Threads a = make_threads(2);
    const Threads b = make_threads(2);
    Gate gate(4);
    std::atomic<int> passed{0};
    const auto pass = [&](std::size_t) { passed += gate.pass() ? 1 : 0; };
    std::thread application([&] { run(a, 2, pass); });
    run(b, 2, pass);
    application.join();
    CHECK(passed == 4);
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

TEST_CASE("the number of threads is what was requested, and 0 for NULL", "[threads]") {
    CHECK(l1l2_threads_count(make_threads(1).get()) == 1);
    CHECK(l1l2_threads_count(make_threads(7).get()) == 7);
    CHECK(l1l2_threads_count(make_threads(L1L2_THREADS_MAX_COUNT).get()) == L1L2_THREADS_MAX_COUNT);
    CHECK(l1l2_threads_count(nullptr) == 0);

    SECTION("0 stands for what oneTBB may use") {
        CHECK(l1l2_threads_count(make_threads(0).get()) ==
              tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
        const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
        CHECK(l1l2_threads_count(make_threads(0).get()) == 1);
    }
}

TEST_CASE("0 threads means as many as the process may use CPUs", "[threads]") {
    if (std::getenv(fresh) == nullptr) {
        CHECK(passes_in_a_fresh_process(true));
        return;
    }
    CHECK(l1l2_threads_count(make_threads(0).get()) == 1);
}

TEST_CASE("l1l2_threads_create reports why it failed", "[threads]") {
    int other = 0;
    auto* const untouched = reinterpret_cast<l1l2_threads*>(&other);

    CHECK(l1l2_threads_create(2, nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    for (const std::size_t count : {std::size_t{L1L2_THREADS_MAX_COUNT} + 1, SIZE_MAX}) {
        l1l2_threads* threads = untouched;
        CHECK(l1l2_threads_create(count, &threads) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(threads == nullptr);
    }
    l1l2_threads* threads = untouched;
    no_memory = true;
    const l1l2_status status = l1l2_threads_create(2, &threads);
    no_memory = false;
    CHECK(status == L1L2_ERROR_OUT_OF_MEMORY);
    CHECK(threads == nullptr);
    l1l2_threads_destroy(nullptr);
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

TEST_CASE("requesting more threads than oneTBB has prints nothing", "[threads]") {
    std::FILE* const printed = std::tmpfile();
    REQUIRE(printed != nullptr);
    const int standard_error = dup(STDERR_FILENO);
    dup2(fileno(printed), STDERR_FILENO);
    run(make_threads(L1L2_THREADS_MAX_COUNT), 100, [](std::size_t) {});
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    std::fseek(printed, 0, SEEK_END);
    CHECK(std::ftell(printed) == 0);
    std::fclose(printed);
}

TEST_CASE("in a forked process the calling thread does all tasks", "[threads]") {
    Threads threads = make_threads(4);
    // What oneTBB says within a run that it helps: four places for callers and three workers.
    constexpr int within = 7;
    std::atomic<int> concurrency{0};
    run(threads, 2, [&](std::size_t) { concurrency = tbb::this_task_arena::max_concurrency(); });
    REQUIRE(concurrency == within);
    // Workers exist, and run tasks while the process forks, and locks may be held.
    std::atomic<bool> stop{false};
    std::thread maker([&] {
        while (!stop) {
            make_threads(4);
        }
    });
    std::thread application([&] {
        while (!stop) {
            run(threads, 100, [](std::size_t) {});
        }
    });
    for (int round = 0; round < 50; ++round) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(60);
            const auto caller = std::this_thread::get_id();
            std::vector<int> calls(1000, 0);
            bool alone = true;
            const auto count_call = [&](std::size_t i) {
                ++calls[i];
                alone = alone && std::this_thread::get_id() == caller &&
                        tbb::this_task_arena::max_concurrency() != within;
            };
            const bool inherited = run(threads, calls.size(), count_call) == 0;
            threads.reset();
            const Threads own = make_threads(4);
            const bool made = run(own, calls.size(), count_call) == 0;
            const bool twice =
                std::all_of(calls.begin(), calls.end(), [](int n) { return n == 2; });
            const bool counted = l1l2_threads_count(own.get()) == 4 &&
                                 l1l2_threads_count(make_threads(0).get()) == 1;
            _exit(inherited && made && twice && alone && counted ? 0 : 1);
        }
        REQUIRE(child > 0);
        int status = -1;
        REQUIRE(waitpid(child, &status, 0) == child);
        REQUIRE(status == 0);
    }
    stop = true;
    application.join();
    maker.join();
}

TEST_CASE("a process that was forked before the first threads has threads of its own",
          "[threads]") {
    if (std::getenv(fresh) == nullptr) {
        CHECK(passes_in_a_fresh_process());
        return;
    }
    const ThreadsOfTbb two = allow(2);
    CHECK(run(make_threads(1), 10, [](std::size_t) {}) == 0);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        Gate gate(2);
        std::atomic<int> passed{0};
        run(make_threads(2), 2, [&](std::size_t) { passed += gate.pass() ? 1 : 0; });
        _exit(passed == 2 ? 0 : 1);
    }
    REQUIRE(child > 0);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
