/**
 * Helpers for all fuzz targets: an input that is read as numbers, and the check of a promise.
 */
#pragma once

#include "handle.hpp"
#include "l1l2.h"
#include "narrow.hpp"

#include <cfenv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

/// Aborts if a promise does not hold, so that libFuzzer keeps the input as a finding.
inline void check(bool holds, const char* promise) {
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", promise);
        std::abort();
    }
}

/// The value of an output before a call, to see whether the call changed it.
constexpr double untouched = -123.25;

/// Reads the input from its start; zeros follow its end, so that each prefix is valid.
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    template <class T>
    T take() {
        T value = {};
        const std::size_t n = size_ < sizeof value ? size_ : sizeof value;
        if (n > 0) {
            std::memcpy(&value, data_, n);
        }
        data_ += n;
        size_ -= n;
        return value;
    }

    std::uint8_t byte() { return take<std::uint8_t>(); }

    template <class T, std::size_t n>
    T one_of(const T (&values)[n]) {
        return values[byte() % n];
    }

    /// A coefficient that l1l2_create takes.
    double coefficient() {
        constexpr double telling[] = {0.0,     0.01,      0.3,      1.0,       3.0,
                                      0x1p-40, 0x1p-1074, 0x1p-130, 0x1.8p127, 1e38};
        const std::uint8_t choice = byte();
        if (choice < 0xC0) {
            return telling[choice % (sizeof telling / sizeof *telling)];
        }
        const double any = std::fabs(take<double>());
        return std::isfinite(any) ? any : 0.0;
    }

    /// A scale or a step, valid or not.
    double parameter() {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
        constexpr double telling[] = {
            1.0,     0.5,   -0.25,    0.0,       -0.0,  65536.0, 0x1p-149, 0x1p-1074,
            0x1p128, 1e300, infinity, -infinity, 0.001, -1.0,    1024.125, not_a_number};
        const std::uint8_t choice = byte();
        return choice < 0xC0 ? telling[choice % (sizeof telling / sizeof *telling)]
                             : take<double>();
    }

    /// Fills n bytes with the rest of the input, repeated, or with zeros if nothing is left.
    void fill(std::uint8_t* to, std::size_t n) const {
        if (size_ == 0) {
            std::memset(to, 0, n);
            return;
        }
        std::size_t done = size_ < n ? size_ : n;
        std::memcpy(to, data_, done);
        while (done < n) {
            const std::size_t some = done < n - done ? done : n - done;
            std::memcpy(to + done, to, some);
            done += some;
        }
    }

    std::size_t left() const { return size_; }

  private:
    const std::uint8_t* data_;
    std::size_t size_;
};

/// The faults of a call: the statuses that it may return.
class Faults {
  public:
    void add(l1l2_status status) { mask_ |= std::uint64_t{1} << status; }
    void add(const Faults& others) { mask_ |= others.mask_; }
    /// Adds the status of another call if it failed.
    void add_failure(l1l2_status status) {
        if (status != L1L2_OK) {
            add(status);
        }
    }
    bool none() const { return mask_ == 0; }

    void check_status(l1l2_status status) const {
        check((status == L1L2_OK) == none(), "a call fails if and only if something is wrong");
        check(none() || (mask_ >> status & 1U) != 0, "the status names something that is wrong");
    }

  private:
    std::uint64_t mask_ = 0;
};

enum class Environment { usual, hostile };

/// Calls a function in a floating-point environment that a host may have set: rounding upwards and,
/// on x86, with subnormals flushed to zero. Checks that the call does not change it.
template <class Function>
void in_environment(Environment environment, Function function) {
    if (environment == Environment::usual) {
        function();
        return;
    }
    std::fesetround(FE_UPWARD);
#if defined(__x86_64__) || defined(__SSE2__)
    constexpr unsigned flush_to_zero = 0x8040; // and denormals are zero
    constexpr unsigned exception_flags = 0x003F;
    const unsigned before = _mm_getcsr() | flush_to_zero;
    _mm_setcsr(before);
    function();
    const unsigned after = _mm_getcsr();
    _mm_setcsr(after & ~flush_to_zero);
    const bool is_flushing = ((after ^ before) & ~exception_flags) == 0;
#else
    function();
    const bool is_flushing = true;
#endif
    const bool is_upward = std::fegetround() == FE_UPWARD;
    std::fesetround(FE_TONEAREST);
    check(is_flushing && is_upward, "the floating-point environment is as it was after a call");
}

} // namespace fuzz
