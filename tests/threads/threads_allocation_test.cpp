/// libl1l2_threads without memory.
#include "catch.hpp"
#include "failing_malloc.hpp"
#include "l1l2_threads.h"

#include <oneapi/tbb/global_control.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <thread>

using failing_malloc::allocations;
using failing_malloc::mistake_without_memory;
using failing_malloc::Watch;

namespace {

const tbb::global_control four_threads(tbb::global_control::max_allowed_parallelism, 4);

} // namespace

TEST_CASE("l1l2_threads_create reports any failed allocation and leaks nothing",
          "[allocation][threads]") {
    // oneTBB allocates some memory once and keeps it, and an arena is kept for later: before the
    // test.
    l1l2_threads* threads = nullptr;
    REQUIRE(l1l2_threads_create(4, &threads) == L1L2_OK);
    l1l2_threads_destroy(threads);

    l1l2_status status = L1L2_OK;
    const auto call = [&] {
        threads = reinterpret_cast<l1l2_threads*>(&threads);
        status = l1l2_threads_create(4, &threads);
        l1l2_threads_destroy(status == L1L2_OK ? threads : nullptr);
    };
    const auto well = [&](bool failed) {
        return status == (failed ? L1L2_ERROR_OUT_OF_MEMORY : L1L2_OK) &&
               (threads == nullptr) == failed;
    };
    CHECK(mistake_without_memory(call, well) == "");

    SECTION("also of the arena, of which none of that size was made before") {
        for (const std::size_t count : {5, 6}) {
            bool failed = true;
            long failing = 0;
            for (; failed; ++failing) {
                const Watch watch(failing, count == 6);
                status = l1l2_threads_create(count, &threads);
                failed = allocations > failing;
                CHECK(well(failed));
                CHECK((!failed || failing_malloc::balance == 0));
            }
            CHECK(failing > 2);
            l1l2_threads_destroy(threads);
        }
    }
}

TEST_CASE("without memory a run still does each task once", "[allocation][threads]") {
    static std::atomic<int> calls[1000];
    const auto each_once = [](l1l2_threads* threads, long failing) {
        for (std::atomic<int>& n : calls) {
            n = 0;
        }
        const auto count_call = [](void*, std::size_t i) { ++calls[i]; };
        std::int32_t result = -1;
        {
            const Watch watch(failing, true);
            result = l1l2_threads_run(threads, count_call, nullptr, 1000);
        }
        return result == 0 && std::all_of(std::begin(calls), std::end(calls),
                                          [](const auto& n) { return n == 1; });
    };
    l1l2_threads* threads = nullptr;
    REQUIRE(l1l2_threads_create(4, &threads) == L1L2_OK);
    CHECK(each_once(threads, 0)); // the process's first run
    CHECK(allocations > 0);
    l1l2_threads_destroy(threads);

    // Two tasks that wait for one another, but not forever, as oneTBB may have no worker left.
    const auto together = [](void* waiting, std::size_t) {
        auto& others = *static_cast<std::atomic<int>*>(waiting);
        --others;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        while (others > 0 && std::chrono::steady_clock::now() < end) {
            std::this_thread::yield();
        }
    };
    bool failed = true;
    long failing = 0;
    for (; failed; ++failing) {
        // New threads with a helper, and a new caller, each time, as oneTBB keeps what it has
        // allocated.
        REQUIRE(l1l2_threads_create(4, &threads) == L1L2_OK);
        std::atomic<int> waiting{2};
        REQUIRE(l1l2_threads_run(threads, together, &waiting, 2) == 0);
        bool well = false;
        std::thread caller([&] { well = each_once(threads, failing); });
        caller.join();
        failed = allocations > failing;
        CHECK(well);
        l1l2_threads_destroy(threads);
    }
    CHECK(failing > 1);
}
