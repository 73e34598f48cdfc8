/**
 * The shared library, as it ships, in processes with threads, forks, signals and cancellation.
 */
#include "catch.hpp"
#include "everything.hpp"

#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

using namespace training;

namespace {

/// Threads that call the library until the end of the scope.
class BusyThreads {
  public:
    explicit BusyThreads(const std::string& expected) {
        for (int i = 0; i < 3; ++i) {
            threads_.emplace_back([this, &expected] {
                while (!stop_) {
                    if (everything() != expected) {
                        well_ = false;
                    }
                }
            });
        }
    }
    ~BusyThreads() { stop(); }
    BusyThreads(const BusyThreads&) = delete;
    BusyThreads& operator=(const BusyThreads&) = delete;

    bool stop() {
        stop_ = true;
        for (std::thread& thread : threads_) {
            thread.join();
        }
        threads_.clear();
        return well_;
    }

  private:
    std::atomic<bool> stop_{false};
    std::atomic<bool> well_{true};
    std::vector<std::thread> threads_;
};

// What the signal handler has read.
std::atomic<int> signals{0};
std::atomic<bool> well_in_handler{true};
const char* const version = l1l2_version_string();
const char* const status_text = l1l2_status_string(L1L2_ERROR_OVERLAP);

void handle_signal(int) {
    ++signals;
    if (l1l2_version_number() != L1L2_VERSION_NUMBER || l1l2_version_string() != version ||
        l1l2_status_string(L1L2_ERROR_OVERLAP) != status_text) {
        well_in_handler = false;
    }
}

} // namespace

TEST_CASE("any number of threads may call all functions at once", "[process]") {
    const std::string expected = everything();
    BusyThreads threads(expected);
    for (int round = 0; round < 300; ++round) {
        if (everything() != expected) {
            FAIL("round " << round);
        }
    }
    CHECK(threads.stop());
}

TEST_CASE("one accumulator per thread gives the bits of a single one", "[process]") {
    const std::vector<double> x = ordinary_elements<double>(100003, 1, -300, 300);
    using Sums = std::vector<std::int64_t>;
    Sums expected(L1L2_EXACT_SUMS_LENGTH);
    REQUIRE(l1l2_exact_sums_add(expected.data(), L1L2_FLOAT64, x.data(), x.size()) == L1L2_OK);
    for (std::size_t count = 2; count <= 7; ++count) {
        std::vector<Sums> sums(count, Sums(L1L2_EXACT_SUMS_LENGTH));
        std::vector<std::thread> threads;
        for (std::size_t thread = 0; thread < count; ++thread) {
            threads.emplace_back([&, thread] {
                // Parts of the whole array.
                for (std::size_t i = thread * 1000; i < x.size(); i += count * 1000) {
                    l1l2_exact_sums_add(sums[thread].data(), L1L2_FLOAT64, &x[i],
                                        std::min<std::size_t>(1000, x.size() - i));
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        Sums all(L1L2_EXACT_SUMS_LENGTH);
        for (const Sums& of_thread : sums) {
            CHECK(l1l2_exact_sums_merge(all.data(), of_thread.data()) == L1L2_OK);
        }
        CHECK(all == expected);
    }
}

TEST_CASE("any number of threads may read one accumulator at once", "[process]") {
    const Handle handle(both);
    const std::vector<float> x = ordinary_elements<float>(5000, 1);
    std::vector<std::int64_t> sums(L1L2_EXACT_SUMS_LENGTH);
    REQUIRE(l1l2_exact_sums_add(sums.data(), L1L2_FLOAT32, x.data(), x.size()) == L1L2_OK);
    const auto all_that_is_read = [&] {
        std::vector<std::int64_t> own(L1L2_EXACT_SUMS_LENGTH);
        std::int64_t count = 0;
        double numbers[] = {0.0, 0.0, 0.0, 0.0};
        own.push_back(l1l2_exact_sums_merge(own.data(), sums.data()));
        own.push_back(l1l2_exact_sums_check(sums.data()));
        own.push_back(l1l2_exact_sums_read(sums.data(), &numbers[0], &numbers[1], &count));
        own.push_back(l1l2_penalty_exact_sums(handle.get(), sums.data(), &numbers[2]));
        own.push_back(l1l2_exact_sums_norm(sums.data(), &numbers[3]));
        own.push_back(count);
        for (const double& number : numbers) {
            own.push_back(static_cast<std::int64_t>(to_bits(number)));
        }
        return own;
    };
    const std::vector<std::int64_t> expected = all_that_is_read();
    std::atomic<bool> well{true};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            for (int round = 0; round < 2000; ++round) {
                if (all_that_is_read() != expected) {
                    well = false;
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(well);
}

TEST_CASE("a child that is forked while other threads run can call all functions", "[process]") {
    const std::string expected = everything();
    BusyThreads threads(expected);
    for (int round = 0; round < 100; ++round) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(60); // ends a wait for a lock that no thread is left to release
            _exit(everything() == expected ? 0 : 1);
        }
        REQUIRE(child > 0);
        int status = -1;
        REQUIRE(waitpid(child, &status, 0) == child);
        REQUIRE(status == 0);
    }
    CHECK(threads.stop());
}

TEST_CASE("a signal handler may interrupt any function and ask for versions and status strings",
          "[process]") {
    const std::string expected = everything();
    struct sigaction action = {};
    struct sigaction before = {};
    action.sa_handler = handle_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, &before);
    itimerval often = {};
    often.it_interval.tv_usec = often.it_value.tv_usec = 200;
    setitimer(ITIMER_REAL, &often, nullptr);
    bool well = true;
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (signals < 200 && std::chrono::steady_clock::now() < end) {
        well = well && everything() == expected;
    }
    const itimerval never = {};
    setitimer(ITIMER_REAL, &never, nullptr);
    action.sa_handler = SIG_IGN; // a signal that is pending is dropped, not left to end the process
    sigaction(SIGALRM, &action, nullptr);
    sigaction(SIGALRM, &before, nullptr);
    CHECK(signals >= 200);
    CHECK(well);
    CHECK(well_in_handler);
}

TEST_CASE("no function is a cancellation point", "[process]") {
    static const std::string expected = everything();
    static std::atomic<bool> well;
    well = false;
    pthread_t thread;
    const auto run = [](void*) -> void* {
        pthread_cancel(pthread_self()); // pending from here on
        well = everything() == expected;
        pthread_testcancel();
        well = false; // not reached
        return nullptr;
    };
    REQUIRE(pthread_create(&thread, nullptr, run, nullptr) == 0);
    void* result = nullptr;
    REQUIRE(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(well);
}

TEST_CASE("no failure prints anything", "[process]") {
    std::FILE* const printed = std::tmpfile();
    REQUIRE(printed != nullptr);
    const int standard[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    std::fflush(stdout);
    dup2(fileno(printed), STDOUT_FILENO);
    dup2(fileno(printed), STDERR_FILENO);
    everything();
    l1l2_create(-1.0, 0.0, nullptr);
    l1l2_penalty(nullptr, 99, nullptr, 1, nullptr);
    l1l2_penalty_terms(nullptr, 1, 1, nullptr, nullptr, nullptr, nullptr, nullptr);
    l1l2_penalty_dlpack(nullptr, nullptr, nullptr);
    l1l2_exact_sums_add(nullptr, L1L2_FLOAT32, nullptr, 1);
    l1l2_exact_sums_add_dlpack(nullptr, nullptr);
    std::int64_t damaged[L1L2_EXACT_SUMS_LENGTH] = {};
    damaged[2] = 1;
    l1l2_exact_sums_check(damaged);
    l1l2_exact_sums_merge(damaged, damaged);
    l1l2_from_json(nullptr, 1, nullptr, nullptr, 1);
    std::fflush(stdout);
    dup2(standard[0], STDOUT_FILENO);
    dup2(standard[1], STDERR_FILENO);
    close(standard[0]);
    close(standard[1]);
    std::fseek(printed, 0, SEEK_END);
    CHECK(std::ftell(printed) == 0);
    std::fclose(printed);
}
