/// with_default_environment by itself: what the function that it calls sees, and what it leaves.
#include "catch.hpp"
#include "data.hpp"
#include "float_environment.hpp"

#include <cfenv>
#include <functional>
#include <vector>

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

using l1l2::core::with_default_environment;

namespace {

struct Seen {
    double third;
    double minus_third;
    double subnormal;
};

void look(double one, double three, double subnormal, Seen* seen) {
    seen->third = one / three;
    seen->minus_third = -one / three;
    seen->subnormal = subnormal + subnormal;
}

void fail(double one, double three, double* third) {
    *third = one / three;
    throw 7;
}

int add(int a, int b) {
    return a + b;
}

int add_within(int a, int b) {
    return with_default_environment<add>(a, b) + 1;
}

/// An environment of a host, and the part of it that is to be seen afterwards.
struct Host {
    const char* name;
    std::function<void()> enter;
    std::function<unsigned()> state;
};

std::vector<Host> hosts() {
    std::vector<Host> hosts;
    for (const int mode : {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO}) {
        hosts.push_back({"rounding", [=] { std::fesetround(mode); },
                         [] { return static_cast<unsigned>(std::fegetround()); }});
    }
#if defined(__x86_64__) || defined(__SSE2__)
    constexpr unsigned exception_flags = 0x003F;
    for (const unsigned control : {0x1FC0U, 0x9F80U, 0x9FC0U, 0xFFC0U}) {
        hosts.push_back({"subnormals", [=] { _mm_setcsr(control); },
                         [] { return _mm_getcsr() & ~exception_flags; }});
    }
#endif
#if defined(__GLIBC__)
    hosts.push_back({"a trap",
                     [] {
                         std::feclearexcept(FE_ALL_EXCEPT);
                         feenableexcept(FE_INEXACT);
                     },
                     [] { return static_cast<unsigned>(fegetexcept()); }});
#endif
    return hosts;
}

/// Calls f in a host's environment; whether that is as it was before.
template <class F>
bool keeps(const Host& host, F&& f) {
    std::fenv_t own;
    std::fegetenv(&own);
    host.enter();
    const unsigned before = host.state();
    f();
    const unsigned after = host.state();
    std::fesetenv(&own);
    return after == before;
}

// Volatile, so that the compiler cannot compute with them beforehand.
volatile double one = 1.0;
volatile double three = 3.0;
volatile double subnormal = 0x1p-1074;

} // namespace

TEST_CASE("a function computes in the default environment, whatever the host's is",
          "[float_environment]") {
    for (const Host& host : hosts()) {
        INFO(host.name);
        Seen seen = {};
        CHECK(keeps(host, [&] {
            with_default_environment<look>(double{one}, double{three}, double{subnormal}, &seen);
        }));
        CHECK(to_bits(seen.third) == 0x3fd5555555555555);
        CHECK(to_bits(seen.minus_third) == 0xbfd5555555555555);
        CHECK(to_bits(seen.subnormal) == 2);
    }
}

TEST_CASE("what is computed outside is not taken for what is computed inside",
          "[float_environment]") {
    // The compiler divides once if it sees both divisions.
    for (const int mode : {FE_DOWNWARD, FE_UPWARD}) {
        const double a = one;
        const double b = three;
        Seen seen = {};
        std::fesetround(mode);
        volatile double before = mode == FE_UPWARD ? a / b : -a / b;
        with_default_environment<look>(a, b, double{subnormal}, &seen);
        volatile double after = mode == FE_UPWARD ? a / b : -a / b;
        std::fesetround(FE_TONEAREST);
        CHECK(to_bits(seen.third) == 0x3fd5555555555555);
        CHECK(to_bits(seen.minus_third) == 0xbfd5555555555555);
        CHECK((to_bits(double{before}) & 0xF) == 6);
        CHECK((to_bits(double{after}) & 0xF) == 6);
    }
}

TEST_CASE("an exception leaves the default environment, too", "[float_environment]") {
    for (const Host& host : hosts()) {
        INFO(host.name);
        double third = 0.0;
        int caught = 0;
        CHECK(keeps(host, [&] {
            try {
                with_default_environment<fail>(double{one}, double{three}, &third);
            } catch (const int thrown) {
                caught = thrown;
            }
        }));
        CHECK(caught == 7);
        CHECK(to_bits(third) == 0x3fd5555555555555);
    }
}

TEST_CASE("a call within a call changes nothing, and results are returned", "[float_environment]") {
    for (const Host& host : hosts()) {
        INFO(host.name);
        int sum = 0;
        CHECK(keeps(host, [&] { sum = with_default_environment<add_within>(20, 21); }));
        CHECK(sum == 42);
    }
}
