/**
 * What the kernel templates share. For kernel files alone: everything in them stands in an
 * anonymous namespace and uses no std:: template, so that no function compiled for one instruction
 * set can be linked into another one's code; a test looks at the symbols of the objects.
 */
#pragma once

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
constexpr bool is_same = false;
template <class A>
constexpr bool is_same<A, A> = true;

template <class T>
constexpr bool is_narrow = sizeof(T) == 2;

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
using Arithmetic = typename Select<is_narrow<T>, float, double>::type;

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
