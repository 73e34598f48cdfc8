/**
 * Many threads make the first calls of the process at once, on one regularizer, and run the tasks
 * of terms. Built with the thread sanitizer, which ends the program with an error if it finds a
 * race.
 */
#include "../support/run_tasks.hpp"
#include "l1l2.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

namespace {

/// Runs each task on two threads at once.
std::int32_t twice_at_once(void*, l1l2_task task, void* work, std::size_t count) {
    std::atomic<std::size_t> arrived{0};
    const auto run = [&] {
        for (std::size_t i = 0; i < count; ++i) {
            ++arrived;
            while (arrived < 2 * (i + 1)) {
            }
            task(work, i);
        }
    };
    std::thread other(run);
    run();
    other.join();
    return 0;
}

/// Returns whether a runner gives the gradients and penalties of the calling thread, for small
/// terms and one that is cut into tasks.
bool terms_agree(const l1l2_regularizer* regularizer, l1l2_runner runner) {
    const std::vector<std::size_t> sizes = {5, 4097, 300000, 100, 70000, 3};
    const std::vector<float> x(300000, 0.5F);
    std::vector<std::vector<float>> gradients[2];
    std::vector<double> penalties[2];
    double totals[2] = {-1.0, -2.0};
    std::size_t threads = 3;
    for (const std::size_t way : {0U, 1U}) {
        std::vector<l1l2_term> terms(sizes.size());
        penalties[way].resize(sizes.size());
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            gradients[way].emplace_back(sizes[i], 1.0F);
            terms[i] = {};
            terms[i].regularizer = regularizer;
            terms[i].x = x.data();
            terms[i].n = sizes[i];
            terms[i].gradient = gradients[way][i].data();
            terms[i].dtype = L1L2_FLOAT32;
        }
        if (l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), 1.0,
                                    way == 0 ? nullptr : runner, &threads, penalties[way].data(),
                                    &totals[way], nullptr) != L1L2_OK) {
            return false;
        }
    }
    return gradients[0] == gradients[1] && penalties[0] == penalties[1] && totals[0] == totals[1];
}

/// Calls every function on the shared regularizer and returns the penalty of the result, which is
/// the same for each thread.
double use(const l1l2_regularizer* shared, const std::vector<float>& x) {
    double l1 = 0.0;
    char json[256];
    std::size_t length = 0;
    double sum = 0.0;
    std::vector<float> gradient(x.size(), 1.0F);
    std::vector<float> out(x.size());
    const bool well =
        l1l2_get_config(shared, &l1, nullptr) == L1L2_OK &&
        l1l2_to_json(shared, L1L2_JSON_KERAS3, json, sizeof json, &length) == L1L2_OK &&
        l1l2_add_gradient(shared, L1L2_FLOAT32, x.data(), x.size(), 1.0, gradient.data(), &sum) ==
            L1L2_OK &&
        l1l2_prox(shared, L1L2_FLOAT32, gradient.data(), gradient.size(), l1, out.data()) ==
            L1L2_OK;
    l1l2_term term = {};
    term.regularizer = shared;
    term.x = out.data();
    term.n = out.size();
    term.gradient = gradient.data();
    term.dtype = L1L2_FLOAT32;
    double total = 0.0;
    if (!well ||
        l1l2_add_gradient_terms(&term, sizeof term, 1, sum, nullptr, nullptr, nullptr, &total,
                                nullptr) != L1L2_OK ||
        l1l2_penalty(shared, L1L2_FLOAT32, gradient.data(), gradient.size(), &sum) != L1L2_OK) {
        return -1.0;
    }
    return total + sum + static_cast<double>(length);
}

} // namespace

int main() {
    constexpr int thread_count = 16;
    constexpr std::size_t n = 3 * 4096 + 7;
    std::vector<float> x(n);
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = 0.001F * static_cast<float>(i % 1009);
    }
    const char json[] = R"({"class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.02}})";
    l1l2_regularizer* shared = nullptr;
    if (l1l2_create(0.01, 0.02, &shared) != L1L2_OK) {
        return 1;
    }
    std::atomic<int> waiting{0};
    std::vector<double> penalty(2 * thread_count, -1.0);
    std::vector<double> used(thread_count, -1.0);
    std::vector<const char*> isa(2 * thread_count, nullptr);
    std::vector<std::thread> threads;
    for (int t = 0; t < thread_count; ++t) {
        threads.emplace_back([&, t] {
            const auto i = static_cast<std::size_t>(t);
            ++waiting;
            while (waiting < thread_count) {
            }
            if (t % 2 == 0) { // the very first call is of either kind
                isa[2 * i] = l1l2_isa();
            }
            l1l2_penalty(shared, L1L2_FLOAT32, x.data(), n, &penalty[2 * i]);
            l1l2_regularizer* own = nullptr;
            if (l1l2_from_json(json, sizeof json - 1, &own, nullptr, 0) == L1L2_OK) {
                l1l2_penalty(own, L1L2_FLOAT32, x.data(), n, &penalty[2 * i + 1]);
            }
            l1l2_destroy(own);
            used[i] = use(shared, x);
            isa[2 * i + 1] = l1l2_isa();
            if (t % 2 != 0) {
                isa[2 * i] = isa[2 * i + 1];
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const bool agree = terms_agree(shared, run_on_threads) && terms_agree(shared, twice_at_once);
    l1l2_destroy(shared);
    if (!agree) {
        std::fputs("the terms of a runner differ from those of the calling thread\n", stderr);
        return 1;
    }
    for (const double value : penalty) {
        if (std::memcmp(&value, &penalty[0], sizeof value) != 0 || value <= 0.0) {
            std::fputs("the threads' penalties differ\n", stderr);
            return 1;
        }
    }
    for (const double value : used) {
        if (std::memcmp(&value, &used[0], sizeof value) != 0 || value <= 0.0) {
            std::fputs("the threads' results differ\n", stderr);
            return 1;
        }
    }
    for (const char* name : isa) {
        if (name != isa[0]) {
            std::fputs("the threads saw different instruction sets\n", stderr);
            return 1;
        }
    }
    return 0;
}
