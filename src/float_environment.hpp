// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The floating-point environment in which results are promised, and the one way to compute in it.
 */
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>

#if defined(__x86_64__) || defined(__SSE2__)
#include <emmintrin.h>
#else
#include <cfenv>
#endif

namespace l1l2::core {

/// The registers that control rounding, subnormals and traps. Hosts of machine learning set
/// flush-to-zero and denormals-are-zero. Writing takes tens of cycles, so is_default() comes first.
namespace environment {

#if defined(__x86_64__) || defined(__SSE2__)
struct Control {
    std::uint32_t mxcsr = 0x1F80; // all exceptions masked
#if defined(__i386__)
    // The compiler may move a double through the x87 unit here, where a subnormal one underflows.
    std::uint16_t x87 = 0x037F;
#endif
};

inline Control read() {
    Control control;
    control.mxcsr = _mm_getcsr();
#if defined(__i386__)
    __asm__ __volatile__("fnstcw %0" : "=m"(control.x87));
#endif
    return control;
}
inline void write(const Control& control) {
    _mm_setcsr(control.mxcsr);
#if defined(__i386__)
    // An exception that is pending must not trap later.
    __asm__ __volatile__("fnclex\n\tfldcw %0" : : "m"(control.x87));
#endif
}
inline void write_default() {
    write({});
}

/**
 * Reading MXCSR takes 20 cycles on Zen 4 (5.6 ns, half of a call on 16 elements). This takes 1.7
 * ns: one addition in four lanes. Two of them round differently in each of the other rounding
 * modes, and one is lost if subnormals are. The addition would trap where underflow is unmasked, so
 * the control word of the x87 unit is looked at first: feenableexcept and its like in Fortran
 * unmask an exception in both. Unmasking underflow or denormal operands in MXCSR alone traps here
 * (l1l2.h).
 */
inline bool is_default() {
    constexpr std::uint16_t all_masked = 0x3F;
    std::uint16_t x87_control = 0;
    __asm__ __volatile__("fnstcw %0" : "=m"(x87_control));
    if ((x87_control & all_masked) != all_masked) {
        return false;
    }
    // 1 + 2^-25, 1 - 2^-26, 2^-149 + 2^-149, in the bits of float32.
    constexpr int one = 0x3F800000;
    const __m128i expected = _mm_setr_epi32(one, one, 2, 0);
    __m128 sum = _mm_castsi128_ps(_mm_setr_epi32(one, one, 1, 0));
    const __m128 addend =
        _mm_castsi128_ps(_mm_setr_epi32(0x33000000, static_cast<int>(0xB2800000), 1, 0));
    __asm__ __volatile__("addps %1, %0" : "+x"(sum) : "x"(addend));
    return _mm_movemask_epi8(_mm_cmpeq_epi32(_mm_castps_si128(sum), expected)) == 0xFFFF;
}

#elif defined(__aarch64__) || (defined(__arm__) && defined(__VFP_FP__) && !defined(__SOFTFP__))
#if defined(__aarch64__)
using Control = std::uint64_t; // FPCR, which holds no exception flags
constexpr Control control_bits = ~Control{0};
#else
using Control = std::uint32_t; // FPSCR
constexpr Control control_bits = 0x07FF9F00;
#endif

inline Control read() {
    Control control;
#if defined(__aarch64__)
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(control));
#else
    __asm__ __volatile__("vmrs %0, fpscr" : "=r"(control));
#endif
    return control;
}
inline void write(Control control) {
#if defined(__aarch64__)
    __asm__ __volatile__("msr fpcr, %0" : : "r"(control));
#else
    __asm__ __volatile__("vmsr fpscr, %0" : : "r"(control));
#endif
}
inline void write_default() {
    write(0);
}
inline bool is_default() {
    return (read() & control_bits) == 0;
}

#else
using Control = std::fenv_t; // no processor that is left flushes to zero

inline Control read() {
    Control control;
    std::fegetenv(&control);
    return control;
}
inline void write(const Control& control) {
    std::fesetenv(&control);
}
inline void write_default() {
    std::fesetenv(FE_DFL_ENV);
}
inline bool is_default() {
#if defined(__GLIBC__)
    return std::fegetround() == FE_TONEAREST && fegetexcept() == 0;
#else
    return std::fegetround() == FE_TONEAREST;
#endif
}
#endif

/// Not inlined, and with an effect of which the compiler knows nothing: so the call stays between
/// the instructions that write the registers.
template <auto f, class... Arguments>
[[gnu::noinline]] auto call(Arguments... arguments) {
    __asm__ __volatile__("");
    return std::invoke(f, arguments...);
}

} // namespace environment

/**
 * Returns f(arguments...), called while the thread rounds to nearest, keeps subnormals and traps
 * nothing. After that, also if f throws, the environment is what it was before, except for the
 * exception flags.
 *
 * The compiler does not know that arithmetic depends on the environment: it may move what is
 * computed beside the call past the instructions that set it, but nothing out of f. So f is a
 * function, captures nothing, and stores what it computes; it returns no floating-point number.
 * Arguments are numbers and pointers, which stay in registers.
 */
template <auto f, class... Arguments>
auto with_default_environment(Arguments... arguments) {
    using Result = std::invoke_result_t<decltype(f), Arguments...>;
    static_assert(std::is_void_v<Result> || std::is_integral_v<Result>);
    static_assert((std::is_scalar_v<Arguments> && ...));
    struct Restore {
        bool needed;
        environment::Control control = {};
        ~Restore() {
            if (needed) {
                environment::write(control);
            }
        }
    } restore{!environment::is_default()};
    if (restore.needed) {
        restore.control = environment::read();
        environment::write_default();
    }
    return environment::call<f>(arguments...);
}

} // namespace l1l2::core
