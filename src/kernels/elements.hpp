// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * What the kernel templates share. For kernel files alone: everything in them stands in an
 * anonymous namespace and uses no std:: template, so that no function compiled for one instruction
 * set can be linked into another one's code; a test looks at the symbols of the objects.
 */
#pragma once

#include "kernels.hpp"

#include <stddef.h>
#include <stdint.h>

namespace {

/// Element types by which templates are chosen; float and double stand for themselves.
struct Float16 {
    uint16_t bits;
};
struct BFloat16 {
    uint16_t bits;
};

template <class A, class B>
inline constexpr bool is_same = false;
template <class A>
inline constexpr bool is_same<A, A> = true;

template <class T>
inline constexpr bool is_narrow = sizeof(T) == 2;

template <bool condition, class A, class B>
struct Select {
    using type = A;
};
template <class A, class B>
struct Select<false, A, B> {
    using type = B;
};

/// What gradients and proxes of a type are computed in.
template <class T>
using Arithmetic = typename Select<is_same<T, double>, double, float>::type;

template <class T>
inline constexpr l1l2::kernels::Dtype dtype_of =
    is_same<T, float>     ? l1l2::kernels::Dtype::float32
    : is_same<T, double>  ? l1l2::kernels::Dtype::float64
    : is_same<T, Float16> ? l1l2::kernels::Dtype::float16
                          : l1l2::kernels::Dtype::bfloat16;

template <class T>
inline constexpr l1l2::kernels::Format format = l1l2::kernels::format_of(dtype_of<T>);

/// The unsigned integer of T's size.
template <class T>
using Bits = typename Select<is_narrow<T>, uint16_t,
                             typename Select<is_same<T, double>, uint64_t, uint32_t>::type>::type;

template <class T>
inline constexpr auto infinity = static_cast<Bits<T>>(format<T>.infinity());
template <class T>
inline constexpr auto quiet_nan = static_cast<Bits<T>>(format<T>.quiet_nan());

/// Of an element at any address.
template <class T>
bool is_nan(const char* p) {
    Bits<T> bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return static_cast<Bits<T>>(bits & (static_cast<Bits<T>>(-1) >> 1)) > infinity<T>;
}
template <class T>
void store_nan(char* p) {
    __builtin_memcpy(p, &quiet_nan<T>, sizeof quiet_nan<T>);
}

/// Rounds the bits of a float32 to nearest, ties to even, before the lowest `lost` bits are cut
/// off. It adds half of the last place that stays, less one if that place is even. A carry out of
/// the mantissa gives the right exponent. Words is uint32_t, or a register of them.
template <int lost, class Words>
[[gnu::always_inline]] inline Words rounded(Words bits) {
    const Words odd = (bits >> lost) & Words(1);
    return bits + (odd + Words((1U << (lost - 1)) - 1));
}

/// 1, opaque, or the compiler turns fma(x, 1, s) back into x + s.
template <class A, class Batch>
[[gnu::always_inline]] inline Batch opaque_one() {
    A one{1};
    __asm__("" : "+m"(one));
    return Batch(one);
}

template <size_t i>
struct Index {
    static constexpr size_t value = i;
};

/// Calls f(Index<i>()) for i = first .. last - 1. Sums in an array stay in registers only if every
/// index is a constant before the compiler looks at loops.
template <size_t first, size_t last, class F>
[[gnu::always_inline]] inline void unrolled(F&& f) {
    if constexpr (first < last) {
        f(Index<first>());
        unrolled<first + 1, last>(f);
    }
}

} // namespace
