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

/// The unsigned integer of T's size, and the bits of its infinity and of the one NaN.
template <class T>
struct Bits {
    using type = uint16_t;
    static constexpr type infinity = is_same<T, Float16> ? 0x7C00 : 0x7F80;
    static constexpr type nan = is_same<T, Float16> ? 0x7E00 : 0x7FC0;
};
template <>
struct Bits<float> {
    using type = uint32_t;
    static constexpr type infinity = 0x7F800000;
    static constexpr type nan = 0x7FC00000;
};
template <>
struct Bits<double> {
    using type = uint64_t;
    static constexpr type infinity = 0x7FF0000000000000;
    static constexpr type nan = 0x7FF8000000000000;
};

/// Of an element at any address.
template <class T>
bool is_nan(const char* p) {
    using U = typename Bits<T>::type;
    U bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return static_cast<U>(bits & (static_cast<U>(-1) >> 1)) > Bits<T>::infinity;
}
template <class T>
void store_nan(char* p) {
    constexpr auto bits = Bits<T>::nan;
    __builtin_memcpy(p, &bits, sizeof bits);
}

/// 1, of which the compiler does not know that it is.
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
