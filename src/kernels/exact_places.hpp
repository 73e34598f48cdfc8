// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Sums by exponent field, in plain C++: kernels.hpp has their layout.
#pragma once

#include "elements.hpp"

namespace {

template <class T>
class ExactPlaces {
    static constexpr size_t copies = l1l2::kernels::exact_copies;
    static constexpr size_t numbers = l1l2::kernels::exact_numbers(dtype_of<T>);

    static Bits<T> bits_at(const char* x, size_t i) {
        Bits<T> bits;
        __builtin_memcpy(&bits, x + i * sizeof(T), sizeof bits);
        return bits;
    }

    static unsigned exponent_field(Bits<T> bits) {
        return static_cast<unsigned>(bits >> format<T>.mantissa_bits) &
               static_cast<unsigned>(format<T>.special_exponent());
    }

    /// Where the numbers of an exponent field are, for elements with even or odd numbers.
    static uint64_t* of_field(unsigned field, size_t copy, uint64_t* places) {
        size_t place = field;
        if constexpr (is_same<T, double>) {
            constexpr unsigned behind = l1l2::kernels::exact_fields;
            constexpr unsigned first = l1l2::kernels::exact_first_field(dtype_of<T>);
            place = field - first < behind ? field - first : behind;
        }
        return places + (place * copies + copy) * numbers;
    }

    static void add(uint64_t* number, uint64_t mantissa) {
        number[0] += mantissa;
        if constexpr (is_same<T, double>) {
            const uint64_t upper = mantissa >> lower_bits;
            const uint64_t lower = mantissa & lower_half;
            number[1] += upper * upper;
            number[2] += upper * lower;
            number[3] += lower * lower;
        } else {
            number[1] += mantissa * mantissa;
        }
    }

  public:
    static constexpr uint64_t hidden = uint64_t{1} << format<T>.mantissa_bits;
    static constexpr uint64_t fraction = hidden - 1;
    static constexpr int lower_bits = l1l2::kernels::exact_lower_bits;
    static constexpr uint64_t lower_half = (uint64_t{1} << lower_bits) - 1;

    /// Where the numbers of element i at x are.
    static uint64_t* of(const char* x, size_t i, uint64_t* places) {
        return of_field(exponent_field(bits_at(x, i)), i % copies, places);
    }

    /// An ExactPlacesKernel.
    static void add(const char* x, size_t n, uint64_t* places) {
        for (size_t i = 0; i < n; i += copies) {
            unrolled<0, copies>([&](auto j) {
                const Bits<T> bits = bits_at(x, i + j.value);
                const unsigned field = exponent_field(bits);
                add(of_field(field, j.value, places),
                    (bits & fraction) | (field != 0 ? hidden : 0));
            });
        }
    }
};

} // namespace
