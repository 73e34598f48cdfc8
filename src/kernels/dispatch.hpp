// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Which kernels run.
 */
#pragma once

#include "cpu.hpp"
#include "kernels.hpp"

#include <atomic>
#include <cstddef>

namespace l1l2::kernels {

/// The tables that this CPU can run, the preferred one first, generic last.
struct Tables {
    static constexpr std::size_t capacity = 6;
    const KernelTable* table[capacity];
    std::size_t count;
};

Tables runnable_tables();

/// The tables that a given CPU can run, the preferred one first.
Tables tables_of(const Cpu& cpu);

/// The first runnable table whose isa is `wanted`, or the preferred one if there is none or
/// `wanted` is NULL.
const KernelTable& choose(const Tables& tables, const char* wanted);

/// NULL until the first call of chosen_table().
extern std::atomic<const KernelTable*> chosen;

/// Bytes, 0 if it is unknown, as before the first call of chosen_table(). Results do not depend on
/// it, so whoever reads it too early loses nothing but time.
extern std::atomic<std::size_t> last_level_cache;

/// Chooses, by the environment variable L1L2_ISA and the CPU.
[[gnu::cold]] const KernelTable& choose_once();

/// The table that l1l2_isa() names, the same for the life of the process. Any number of threads may
/// make the first call at once. Inline, as calls are half the cost of a small array.
inline const KernelTable& chosen_table() {
    const KernelTable* const table = chosen.load(std::memory_order_relaxed);
    return table != nullptr ? *table : choose_once();
}

} // namespace l1l2::kernels
