/**
 * Threads create and destroy l1l2_threads at once. Built with the thread sanitizer, which ends the
 * program with an error if it finds a race. Nothing runs: oneTBB, which is not built for the
 * sanitizer, starts no thread.
 */
#include "l1l2_threads.h"

#include <oneapi/tbb/global_control.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

int main() {
    const tbb::global_control eight(tbb::global_control::max_allowed_parallelism, 8);
    std::atomic<bool> well{true};
    std::vector<std::thread> makers;
    for (int maker = 0; maker < 4; ++maker) {
        makers.emplace_back([&well] {
            for (std::size_t round = 0; round < 2000; ++round) {
                l1l2_threads* threads = nullptr;
                if (l1l2_threads_create(2 + round % 2, &threads) != L1L2_OK ||
                    l1l2_threads_count(threads) != 2 + round % 2) {
                    well = false;
                }
                l1l2_threads_destroy(threads);
            }
        });
    }
    for (std::thread& thread : makers) {
        thread.join();
    }
    return well ? 0 : 1;
}
