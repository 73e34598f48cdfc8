/**
 * The lives of the threads of libl1l2_threads: creation, destruction, memory, forks, CPUs.
 */
#include "catch.hpp"
#include "runs.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace threads_tests;

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

/// Waits for what fork() returned.
bool has_passed(pid_t child) {
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

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
    return has_passed(child);
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

} // namespace

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

TEST_CASE("tbb::finalize fails once there is an arena, also of a destroyed handle", "[threads]") {
    if (std::getenv(fresh) == nullptr) {
        CHECK(passes_in_a_fresh_process());
        return;
    }
    tbb::task_scheduler_handle scheduler{tbb::attach{}};
    CHECK(run(make_threads(2), 2, [](std::size_t) {}) == 0);
    CHECK_FALSE(tbb::finalize(scheduler, std::nothrow));
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

TEST_CASE("the number of threads is what was requested, and 0 for NULL", "[threads]") {
    CHECK(l1l2_threads_count(make_threads(1).get()) == 1);
    CHECK(l1l2_threads_count(make_threads(7).get()) == 7);
    CHECK(l1l2_threads_count(make_threads(L1L2_THREADS_MAX_COUNT).get()) == L1L2_THREADS_MAX_COUNT);
    CHECK(l1l2_threads_count(nullptr) == 0);

    SECTION("0 stands for what oneTBB may use") {
        CHECK(l1l2_threads_count(make_threads(0).get()) ==
              tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
        const Threads before = make_threads(0);
        const std::size_t then = l1l2_threads_count(before.get());
        const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
        CHECK(l1l2_threads_count(make_threads(0).get()) == 1);
        CHECK(l1l2_threads_count(before.get()) == then);
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
        REQUIRE(has_passed(child));
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
    CHECK(has_passed(child));
}

TEST_CASE("a fork is noticed from two threads on", "[threads]") {
    if (std::getenv(fresh) == nullptr) {
        CHECK(passes_in_a_fresh_process());
        return;
    }
    const ThreadsOfTbb two = allow(2);
    const Threads threads = make_threads(2);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        _exit(l1l2_threads_count(make_threads(0).get()) == 1 ? 0 : 1);
    }
    CHECK(has_passed(child));
}
