// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "dispatch.hpp"

#include "cpu.hpp"

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <utility>

namespace l1l2::kernels {

Tables runnable_tables() {
    return tables_of(classify(detect_cpu()));
}

Tables tables_of([[maybe_unused]] const Cpu& cpu) {
    const std::pair<bool, const KernelTable*> candidates[] = {
#if defined(L1L2_X86_64_KERNELS)
        // The same instructions in the order that suits the CPU: see avx512bw.cpp.
        {cpu.avx512bw, cpu.needs_prefetches  ? &avx512bw_fetching
                       : cpu.splits_512_bits ? &avx512bw_256
                                             : &avx512bw},
        {cpu.avx512bw, cpu.needs_prefetches || cpu.splits_512_bits ? &avx512bw : &avx512bw_256},
        {cpu.avx512bw, cpu.needs_prefetches ? &avx512bw_256 : &avx512bw_fetching},
        {cpu.avx2, &avx2},
        {true, &sse2},
#elif defined(L1L2_AARCH64_KERNELS)
        {true, &neon64},
#elif defined(L1L2_WASM_KERNELS)
        {true, &sse2},
#endif
        {true, &generic},
    };
    static_assert(std::size(candidates) <= Tables::capacity);
    Tables tables = {};
    for (const auto& [runs, table] : candidates) {
        if (runs) {
            tables.table[tables.count++] = table;
        }
    }
    return tables;
}

const KernelTable& choose(const Tables& tables, const char* wanted) {
    for (std::size_t i = 0; wanted != nullptr && i < tables.count; ++i) {
        if (std::strcmp(tables.table[i]->isa, wanted) == 0) {
            return *tables.table[i];
        }
    }
    return *tables.table[0];
}

std::atomic<const KernelTable*> chosen{nullptr};
std::atomic<std::size_t> last_level_cache{0};

[[gnu::cold]] const KernelTable& choose_once() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): l1l2.h forbids setenv during the first call.
    const char* const wanted = std::getenv("L1L2_ISA");
    const Cpu cpu = classify(detect_cpu());
    last_level_cache.store(cpu.last_level_cache, std::memory_order_relaxed);
    const KernelTable* const table = &choose(tables_of(cpu), wanted);
    // Racing threads all use the table that was stored first, even if the host changes the
    // environment meanwhile.
    const KernelTable* expected = nullptr;
    return chosen.compare_exchange_strong(expected, table, std::memory_order_relaxed) ? *table
                                                                                      : *expected;
}

} // namespace l1l2::kernels
