// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// AVX2, FMA and F16C: 16 registers of 4 doubles, so that both sums take two passes of 16 lanes.
#include "avx2.hpp"

namespace {

struct Avx2 : FourDoubles {
    static constexpr size_t registers = 16;
};

} // namespace

constexpr KernelTable l1l2::kernels::avx2 = kernel_table<Avx2>("avx2", "avx2", stream_lines<Avx2>);
