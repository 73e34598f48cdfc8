// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "cpu.hpp"

#ifdef __x86_64__
#include <cpuid.h>
#include <cstring>
#endif

namespace l1l2::kernels {

#ifdef __x86_64__

namespace {

struct Registers {
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;
};

/// What CPUID says for a leaf; zeros if there is none.
Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
    Registers r = {};
    __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
    return r;
}

/// The kinds of registers that the operating system saves, by XGETBV, which needs OSXSAVE.
std::uint32_t read_xcr0() {
    std::uint32_t low;
    std::uint32_t high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

constexpr std::uint32_t avx_registers = 0x06;    // in XCR0: SSE and AVX
constexpr std::uint32_t avx512_registers = 0xE6; // besides, the masks and the upper halves

bool has_all(std::uint32_t set, std::uint32_t bits) {
    return (set & bits) == bits;
}

bool is_by(const CpuFeatures& features, const char* vendor) {
    return std::memcmp(features.vendor, vendor, sizeof features.vendor) == 0;
}

/// As AMD defines it: the base family plus, if that is 15, the extended one.
std::uint32_t family(std::uint32_t signature) {
    const std::uint32_t base = (signature >> 8U) & 0xFU;
    return base == 0xFU ? base + ((signature >> 20U) & 0xFFU) : base;
}

/// Bits first .. first + count - 1.
std::uint32_t field(std::uint32_t bits, unsigned first, unsigned count) {
    return (bits >> first) & ((1U << count) - 1U);
}

/// One cache a subleaf; after the last one the type is 0.
void read_caches(unsigned leaf, CpuFeatures& features) {
    for (unsigned i = 0; i < CpuFeatures::most_caches; ++i) {
        const Registers r = cpuid(leaf, i);
        if (field(r.eax, 0, 5) == 0) {
            return;
        }
        features.cache[i] = {r.eax, r.ebx, r.ecx};
    }
}

/// Of the highest level, but not of instructions; 0 if there is none.
std::size_t bytes_of_last_level_cache(const CpuFeatures& features) {
    constexpr std::uint32_t instructions = 2;
    std::uint32_t highest = 0;
    std::size_t bytes = 0;
    for (const CacheRegisters& cache : features.cache) {
        const std::uint32_t level = field(cache.eax, 5, 3);
        if (field(cache.eax, 0, 5) != instructions && level > highest) {
            highest = level;
            const std::size_t line = field(cache.ebx, 0, 12) + 1;
            const std::size_t partitions = field(cache.ebx, 12, 10) + 1;
            const std::size_t ways = field(cache.ebx, 22, 10) + 1;
            bytes = line * partitions * ways * (std::size_t{cache.ecx} + 1);
        }
    }
    return bytes;
}

} // namespace

CpuFeatures detect_cpu() {
    const Registers leaf0 = cpuid(0);
    const Registers leaf1 = cpuid(1);
    CpuFeatures features;
    std::memcpy(features.vendor, &leaf0.ebx, sizeof leaf0.ebx);
    std::memcpy(features.vendor + 4, &leaf0.edx, sizeof leaf0.edx);
    std::memcpy(features.vendor + 8, &leaf0.ecx, sizeof leaf0.ecx);
    features.signature = leaf1.eax;
    features.leaf1_ecx = leaf1.ecx;
    features.leaf7_ebx = cpuid(7).ebx;
    if ((leaf1.ecx & bit_OSXSAVE) != 0) {
        features.xcr0 = read_xcr0();
    }
    read_caches(4, features);
    if (features.cache[0].eax == 0) { // AMD and its licensees have their own leaf
        read_caches(0x8000001D, features);
    }
    return features;
}

Cpu classify(const CpuFeatures& features) {
    Cpu cpu;
    cpu.avx2 = has_all(features.xcr0, avx_registers) &&
               has_all(features.leaf1_ecx, bit_AVX | bit_FMA | bit_F16C) &&
               has_all(features.leaf7_ebx, bit_AVX2);
    // macOS grants these registers at their first use only, and so keeps AVX2.
    cpu.avx512bw = cpu.avx2 && has_all(features.xcr0, avx512_registers) &&
                   has_all(features.leaf7_ebx,
                           bit_AVX512F | bit_AVX512CD | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL);
    // Family 25 is Zen 3 and Zen 4; only Zen 4 has AVX-512.
    cpu.splits_512_bits =
        cpu.avx512bw && is_by(features, "AuthenticAMD") && family(features.signature) == 25;
    constexpr std::uint32_t sapphire_rapids = 0x806F0; // without the stepping
    constexpr std::uint32_t emerald_rapids = 0xC06F0;
    const std::uint32_t model = features.signature & ~0xFU;
    cpu.needs_prefetches = cpu.avx512bw && is_by(features, "GenuineIntel") &&
                           (model == sapphire_rapids || model == emerald_rapids);
    cpu.last_level_cache = bytes_of_last_level_cache(features);
    return cpu;
}

#else

CpuFeatures detect_cpu() {
    return {};
}

Cpu classify(const CpuFeatures&) {
    return {};
}

#endif

} // namespace l1l2::kernels
