/**
 * Which kernels run.
 */
#pragma once

#include "kernels.hpp"

#include <cstddef>

namespace l1l2::kernels {

/// The tables that this CPU can run, the preferred one first, generic last.
struct Tables {
    static constexpr std::size_t capacity = 5;
    const KernelTable* table[capacity];
    std::size_t count;
};

Tables runnable_tables();

/// The first runnable table whose isa is `wanted`, or the preferred one if there is none; NULL
/// stands for no wish.
const KernelTable& choose(const Tables& tables, const char* wanted);

/// The table that l1l2_isa() tells: chosen once, by the environment variable L1L2_ISA and the CPU.
/// Any number of threads may make the first call at once.
const KernelTable& chosen_table();

} // namespace l1l2::kernels
