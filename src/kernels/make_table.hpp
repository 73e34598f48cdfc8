// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The table of an instruction set, filled from the kernels of each type.
#pragma once

#include "kernels.hpp"

namespace {

using l1l2::kernels::KernelTable;
using l1l2::kernels::WantedSums;

template <class Kernels, WantedSums wanted>
constexpr void add_wanted(KernelTable& table, size_t dtype) {
    constexpr auto i = static_cast<size_t>(wanted);
    table.sums[dtype][i] = Kernels::template sums<wanted>;
    table.sums_of_each[dtype][i] = Kernels::template sums_of_each<wanted>;
    table.add_gradient[dtype][i] = Kernels::template add_gradient<wanted>;
    table.add_gradient_and_sum[dtype][i] = Kernels::template add_gradient_and_sum<wanted>;
}

/// The kernels of the types, in the order of Dtype.
template <class... Kernels>
constexpr KernelTable make_table(const char* isa, const char* name,
                                 l1l2::kernels::StreamKernel stream = nullptr) {
    static_assert(sizeof...(Kernels) == l1l2::kernels::dtype_count);
    KernelTable table = {isa,
                         name,
                         {},
                         {},
                         {},
                         {},
                         {Kernels::prox...},
                         {Kernels::scale...},
                         {Kernels::prox_step...},
                         {Kernels::greatest_step...},
                         {Kernels::exact...},
                         stream};
    size_t dtype = 0;
    ((add_wanted<Kernels, WantedSums::absolute>(table, dtype),
      add_wanted<Kernels, WantedSums::square>(table, dtype),
      add_wanted<Kernels, WantedSums::both>(table, dtype), ++dtype),
     ...);
    return table;
}

} // namespace
