/**
 * float16 and bfloat16 as the bits that they are, to and from float32. To float32 every finite
 * number goes exactly. From float32 is rounded to nearest, ties to even: to bfloat16 every finite
 * number, to float16 0 and those from 2^-14 to below 65520 in magnitude. Smaller ones are first
 * rounded to a multiple of 2^-37, and so twice; from 65536 on the bits are wrong. The
 * floating-point environment must be the default one.
 */
#pragma once

#include <cstdint>
#include <cstring>

struct Float16 {
    std::uint16_t bits;
};
struct BFloat16 {
    std::uint16_t bits;
};

inline std::uint32_t bits_of(float x) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}
inline float float_of(std::uint32_t bits) {
    float x = 0;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

/// Leaves the lowest `dropped` bits out.
inline std::uint32_t round_bits(std::uint32_t bits, unsigned dropped) {
    return (bits + (1U << (dropped - 1)) - 1 + ((bits >> dropped) & 1U)) >> dropped;
}

inline float to_float(BFloat16 x) {
    return float_of(static_cast<std::uint32_t>(x.bits) << 16U);
}
/// The product brings the exponent from float16's bias to float32's, subnormals included.
inline float to_float(Float16 x) {
    const float magnitude = float_of((x.bits & 0x7FFFU) << 13U) * 0x1p112F;
    return (x.bits & 0x8000U) != 0 ? -magnitude : magnitude;
}

inline void from_float(float x, BFloat16* to) {
    to->bits = static_cast<std::uint16_t>(round_bits(bits_of(x), 16));
}
inline void from_float(float x, Float16* to) {
    const std::uint32_t sign = (bits_of(x) & 0x80000000U) >> 16U;
    const std::uint32_t magnitude = bits_of(float_of(bits_of(x) & 0x7FFFFFFFU) * 0x1p-112F);
    to->bits = static_cast<std::uint16_t>(sign | round_bits(magnitude, 13));
}
