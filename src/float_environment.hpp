/**
 * The floating-point environment in which results are promised.
 */
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(__SSE2__)
#include <emmintrin.h>
#else
#include <cfenv>
#endif

namespace l1l2::core {

/**
 * While an object of this class lives, the thread rounds to nearest, keeps subnormals and traps
 * nothing; then all is as it was before but the exception flags.
 *
 * Hosts of machine learning set flush-to-zero and denormals-are-zero. Writing the control register
 * takes tens of cycles, so it is done only where the environment is not the default one.
 *
 * The compiler does not know that arithmetic depends on the register and may move it past the
 * guard. What is to be computed under it must therefore stand in a function that is not inlined.
 */
class FloatEnvironment {
  public:
    FloatEnvironment() : changed_(!is_default()) {
        if (changed_) {
            saved_ = read();
            set_default();
        }
    }
    ~FloatEnvironment() {
        if (changed_) {
            write(saved_);
        }
    }
    FloatEnvironment(const FloatEnvironment&) = delete;
    FloatEnvironment& operator=(const FloatEnvironment&) = delete;

  private:
#if defined(__x86_64__) || defined(__SSE2__)
    struct Register {
        std::uint32_t mxcsr = 0x1F80; // all exceptions masked
#if defined(__i386__)
        // A function returns a double in the x87 unit there, where a subnormal one underflows.
        std::uint16_t x87_control = 0x037F;
#endif
    };

    static Register read() {
        Register value;
        value.mxcsr = _mm_getcsr();
#if defined(__i386__)
        __asm__ __volatile__("fnstcw %0" : "=m"(value.x87_control));
#endif
        return value;
    }
    static void write(const Register& value) {
        _mm_setcsr(value.mxcsr);
#if defined(__i386__)
        // What has happened meanwhile is not to trap afterwards.
        __asm__ __volatile__("fnclex\n\tfldcw %0" : : "m"(value.x87_control));
#endif
    }
    static void set_default() {
        write({});
    }

    /**
     * Reading MXCSR takes 20 cycles on Zen 4 (5.6 ns, half of a call on 16 elements), so it is
     * asked in another way (1.7 ns): one addition in four lanes, of which two round differently in
     * each of the other rounding modes and one is lost if subnormals are. As that addition would
     * trap where underflow is unmasked, the control word of the x87 unit is looked at first:
     * feenableexcept and its like in Fortran unmask an exception in both. Who unmasks underflow or
     * denormal operands in MXCSR alone is trapped here, of which l1l2.h warns.
     */
    static bool is_default() {
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
#else
#if defined(__aarch64__)
    using Register = std::uint64_t; // FPCR, which holds no exception flags
    static constexpr Register default_control = 0;

    static Register read() {
        Register value;
        __asm__ __volatile__("mrs %0, fpcr" : "=r"(value));
        return value;
    }
    static void write(Register value) {
        __asm__ __volatile__("msr fpcr, %0" : : "r"(value));
    }
    static void set_default() {
        write(default_control);
    }
    static bool is_default() {
        return read() == default_control;
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
    static void set_default() {
        write(default_control);
    }
    static bool is_default() {
        return (read() & control_bits) == default_control;
    }
#else
    using Register = std::fenv_t; // no such processor here flushes to zero

    static Register read() {
        Register value;
        std::fegetenv(&value);
        return value;
    }
    static void write(const Register& value) {
        std::fesetenv(&value);
    }
    static void set_default() {
        std::fesetenv(FE_DFL_ENV);
    }
    static bool is_default() {
#if defined(__GLIBC__)
        return std::fegetround() == FE_TONEAREST && fegetexcept() == 0;
#else
        return std::fegetround() == FE_TONEAREST;
#endif
    }
#endif
#endif

    bool changed_;
    Register saved_ = {};
};

} // namespace l1l2::core
