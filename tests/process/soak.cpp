/**
 * Every function from many threads for a long time, while the process forks and is interrupted:
 *
 *     soak SECONDS [THREADS]
 *
 * Each result must be the one that was computed alone, in the children, too, and the process
 * may not take more memory in the second half than in the first. Prints what was done; exits with 1
 * at what is wrong.
 */
#include "everything.hpp"
#include "l1l2_threads.h"

#include <malloc.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

l1l2_threads* workers = nullptr;
volatile std::sig_atomic_t signals = 0;

/// All functions, and a list that is long enough for several tasks.
std::string results() {
    static const Handle shared(training::both);
    static const std::vector<float> x = ordinary_elements<float>(200000, 1);
    std::vector<l1l2_term> terms(8);
    for (l1l2_term& term : terms) {
        term = {};
        term.regularizer = shared.get();
        term.dtype = L1L2_FLOAT32;
        term.x = x.data();
        term.n = x.size();
    }
    double total = 0.0;
    const l1l2_status status =
        l1l2_penalty_terms(terms.data(), sizeof terms[0], terms.size(), l1l2_threads_run, workers,
                           nullptr, &total, nullptr);
    return training::everything(l1l2_threads_run, workers) + ' ' + std::to_string(status) + ' ' +
           std::to_string(to_bits(total));
}

/// What the process has in memory, in KiB.
long resident() {
    long pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

bool is_well_in_a_child(const std::string& expected) {
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGALRM, SIG_DFL);
        alarm(120); // ends a wait for a lock that no thread is left to release
        _exit(results() == expected ? 0 : 1);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) != child) { // a signal interrupts it
    }
    return status == 0;
}

} // namespace

int main(int count, char** argument) {
    const int seconds = count > 1 ? std::atoi(argument[1]) : 0;
    const int threads = count > 2 ? std::atoi(argument[2]) : 64;
    if (seconds < 1 || threads < 1) {
        std::fputs("soak SECONDS [THREADS]\n", stderr);
        return 2;
    }
    mallopt(M_ARENA_MAX, 1); // so that what is in use does not depend on which thread asks when
    if (l1l2_threads_create(4, &workers) != L1L2_OK) {
        std::fputs("no threads\n", stderr);
        return 1;
    }
    const std::string expected = results();
    std::atomic<bool> stop{false};
    std::atomic<bool> well{true};
    std::atomic<long> rounds{0};
    std::vector<std::thread> all;
    for (int i = 0; i < threads; ++i) {
        all.emplace_back([&] {
            while (!stop) {
                if (results() != expected) {
                    well = false;
                }
                ++rounds;
            }
        });
    }

    struct sigaction action = {};
    action.sa_handler = [](int) { signals = signals + 1; };
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, nullptr);
    itimerval often = {};
    often.it_interval.tv_usec = often.it_value.tv_usec = 5000;
    setitimer(ITIMER_REAL, &often, nullptr);

    const Clock::time_point begin = Clock::now();
    const auto passed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
    long most_at_first = 0;
    long most_later = 0;
    int children = 0;
    while (well && passed() < seconds) {
        well = is_well_in_a_child(expected) && well;
        ++children;
        long& most = passed() < 0.5 * seconds ? most_at_first : most_later;
        most = std::max(most, resident());
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    stop = true;
    for (std::thread& thread : all) {
        thread.join();
    }
    const itimerval never = {};
    setitimer(ITIMER_REAL, &never, nullptr);
    l1l2_threads_destroy(workers);
    std::cout << rounds << " rounds in " << threads << " threads, " << children << " children, "
              << signals << " signals, " << seconds << " seconds; at most " << most_at_first
              << " KiB in the first half, " << most_later << " in the second\n";
    constexpr long allowed = 1024; // what the threads happen to hold at one time and at another
    return well && most_later > 0 && most_later <= most_at_first + allowed ? 0 : 1;
}
