/**
 * Makes the table of an instruction set of the templates. A file that includes this defines a class
 * `Isa` that owns what xsimd has no common ground for over its versions 8 to 14; block_sum.hpp,
 * elementwise.hpp and exact_block.hpp say what they use of it.
 */
#pragma once

#include "block_sum.hpp"
#include "elementwise.hpp"
#include "exact_block.hpp"
#include "kernels.hpp"

namespace {

using l1l2::kernels::Dtype;
using l1l2::kernels::KernelTable;

/// The registers of an instruction set, and what xsimd offers for all of them. An Isa that has
/// better instructions for it has functions of its own.
template <class Arch>
struct CommonIsa {
    using arch = Arch;
    using Doubles = xsimd::batch<double, arch>;
    using Floats = xsimd::batch<float, arch>;
    using Words = xsimd::batch<uint32_t, arch>;
    using SignedWords = xsimd::batch<int32_t, arch>;
    using Halves = xsimd::batch<int16_t, arch>;
    template <class A>
    using Register = xsimd::batch<A, arch>;

    template <class AnyBatch>
    static inline AnyBatch signed_as(AnyBatch x, AnyBatch y) {
        return y ^ xsimd::bitofsign(x);
    }
    /// Not by xsimd::max: which operand it returns beside a NaN differs between versions.
    template <class AnyBatch>
    static inline AnyBatch positive_part(AnyBatch x) {
        return xsimd::select(x < AnyBatch(0), AnyBatch(0), x);
    }
    template <class AnyBatch>
    static inline AnyBatch times_sign(AnyBatch x, AnyBatch a) {
        return xsimd::select(x == AnyBatch(0), AnyBatch(0), signed_as(x, a));
    }
};

constexpr size_t index(Dtype dtype) {
    return static_cast<size_t>(dtype);
}
constexpr size_t index(WantedSums wanted) {
    return static_cast<size_t>(wanted);
}

template <class Isa, class T>
constexpr void add_sums(KernelTable& table, Dtype dtype) {
    auto& sums = table.sums[index(dtype)];
    sums[index(WantedSums::absolute)] = BlockSum<Isa, T, WantedSums::absolute>::run;
    sums[index(WantedSums::square)] = BlockSum<Isa, T, WantedSums::square>::run;
    sums[index(WantedSums::both)] = BlockSum<Isa, T, WantedSums::both>::run;
}

template <class SumIsa, class Isa, class T>
constexpr void add_elementwise(KernelTable& table, Dtype dtype) {
    using Kernels = Elementwise<Isa, T>;
    auto& add_gradient = table.add_gradient[index(dtype)];
    add_gradient[index(WantedSums::absolute)] =
        Kernels::template add_gradient<WantedSums::absolute>;
    add_gradient[index(WantedSums::square)] = Kernels::template add_gradient<WantedSums::square>;
    add_gradient[index(WantedSums::both)] = Kernels::template add_gradient<WantedSums::both>;
    auto& and_sum = table.add_gradient_and_sum[index(dtype)];
    and_sum[index(WantedSums::absolute)] =
        Kernels::template add_gradient_and_sum<WantedSums::absolute, SumIsa>;
    and_sum[index(WantedSums::square)] =
        Kernels::template add_gradient_and_sum<WantedSums::square, SumIsa>;
    and_sum[index(WantedSums::both)] =
        Kernels::template add_gradient_and_sum<WantedSums::both, SumIsa>;
    table.prox[index(dtype)] = Kernels::prox;
}

/// For registers of one size; or of SumIsa's for the sums of float32, float16 and bfloat16, which
/// are converted to double, and of Isa's for all else.
template <class SumIsa, class Isa = SumIsa>
constexpr KernelTable kernel_table(const char* isa, const char* name) {
    KernelTable table = {};
    table.isa = isa;
    table.name = name;
    add_sums<SumIsa, float>(table, Dtype::float32);
    add_sums<Isa, double>(table, Dtype::float64);
    add_sums<SumIsa, Float16>(table, Dtype::float16);
    add_sums<SumIsa, BFloat16>(table, Dtype::bfloat16);
    table.exact[index(Dtype::float32)] = ExactBlock<SumIsa, float>::run;
    table.exact[index(Dtype::float64)] = ExactBlock<Isa, double>::run;
    table.exact[index(Dtype::float16)] = ExactBlock<SumIsa, Float16>::run;
    table.exact[index(Dtype::bfloat16)] = ExactBlock<SumIsa, BFloat16>::run;
    add_elementwise<SumIsa, Isa, float>(table, Dtype::float32);
    add_elementwise<Isa, Isa, double>(table, Dtype::float64);
    add_elementwise<SumIsa, Isa, Float16>(table, Dtype::float16);
    add_elementwise<SumIsa, Isa, BFloat16>(table, Dtype::bfloat16);
    return table;
}

} // namespace
