/**
 * The floating-point environment in which results are promised.
 */
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace l1l2::core {

/**
 * While an object of this class lives, the thread rounds to nearest, keeps subnormals and traps
 * nothing; then all is as it was before, the exception flags included if anything had to be
 * changed.
 *
 * Hosts of machine learning set flush-to-zero and denormals-are-zero. Reading the control register
 * takes a few cycles, writing it tens: it is written only if it differs.
 *
 * The compiler does not know that arithmetic depends on the register and may move it past the
 * guard. What is to be computed under the guard must therefore stand in a function that is not
 * inlined.
 */
class FloatEnvironment {
  public:
    FloatEnvironment() : saved_(read()) {
        if ((saved_ & control_bits) != default_control) {
            write(default_control);
        }
    }
    ~FloatEnvironment() {
        if ((saved_ & control_bits) != default_control) {
            write(saved_);
        }
    }
    FloatEnvironment(const FloatEnvironment&) = delete;
    FloatEnvironment& operator=(const FloatEnvironment&) = delete;

  private:
#if defined(__x86_64__) || defined(__SSE2__)
    using Register = std::uint32_t; // MXCSR
    static constexpr Register control_bits = 0xFFC0;
    static constexpr Register default_control = 0x1F80; // all exceptions masked

    static Register read() {
        return _mm_getcsr();
    }
    static void write(Register value) {
        _mm_setcsr(value);
    }
#elif defined(__aarch64__)
    using Register = std::uint64_t; // FPCR, which holds no exception flags
    static constexpr Register control_bits = ~Register{0};
    static constexpr Register default_control = 0;

    static Register read() {
        Register value;
        __asm__ __volatile__("mrs %0, fpcr" : "=r"(value));
        return value;
    }
    static void write(Register value) {
        __asm__ __volatile__("msr fpcr, %0" : : "r"(value));
    }
#elif defined(__arm__) && defined(__VFP_FP__) && !defined(__SOFTFP__)
    using Register = std::uint32_t; // FPSCR
    static constexpr Register control_bits = 0x07FF9F00;
    static constexpr Register default_control = 0;

    static Register read() {
        Register value;
        __asm__ __volatile__("vmrs %0, fpscr" : "=r"(value));
        return value;
    }
    static void write(Register value) {
        __asm__ __volatile__("vmsr fpscr, %0" : : "r"(value));
    }
#else
    using Register = int; // the rounding direction, which is all that C's library tells cheaply
    static constexpr Register control_bits = ~Register{0};
    static constexpr Register default_control = FE_TONEAREST;

    static Register read() {
        return std::fegetround();
    }
    static void write(Register value) {
        std::fesetround(value);
    }
#endif

    Register saved_;
};

} // namespace l1l2::core
