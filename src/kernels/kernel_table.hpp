/**
 * Makes the table of an instruction set of the templates. A file that includes this defines a class
 * `Isa` that owns what xsimd has no common ground for over its versions 8 to 14; block_sum.hpp and
 * elementwise.hpp say what they use of it.
 */
#pragma once

#include "block_sum.hpp"
#include "elementwise.hpp"
#include "kernels.hpp"

namespace {

using l1l2::kernels::Dtype;
using l1l2::kernels::KernelTable;

template <class Isa, class T>
constexpr void add_dtype(KernelTable& table, Dtype dtype) {
    const auto i = static_cast<size_t>(dtype);
    constexpr auto absolute = static_cast<size_t>(Terms::absolute);
    constexpr auto square = static_cast<size_t>(Terms::square);
    constexpr auto both = static_cast<size_t>(Terms::both);
    table.sums[i][absolute] = BlockSum<Isa, T, Terms::absolute>::run;
    table.sums[i][square] = BlockSum<Isa, T, Terms::square>::run;
    table.sums[i][both] = BlockSum<Isa, T, Terms::both>::run;
    using Element = Elementwise<Isa, T>;
    table.add_gradient[i][absolute] = Element::template add_gradient<Terms::absolute>;
    table.add_gradient[i][square] = Element::template add_gradient<Terms::square>;
    table.add_gradient[i][both] = Element::template add_gradient<Terms::both>;
    table.prox[i] = Element::prox;
}

template <class Isa>
constexpr KernelTable kernel_table(const char* isa, const char* name) {
    KernelTable table = {};
    table.isa = isa;
    table.name = name;
    add_dtype<Isa, float>(table, Dtype::float32);
    add_dtype<Isa, double>(table, Dtype::float64);
    add_dtype<Isa, Float16>(table, Dtype::float16);
    add_dtype<Isa, BFloat16>(table, Dtype::bfloat16);
    return table;
}

} // namespace
