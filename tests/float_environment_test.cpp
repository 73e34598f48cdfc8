/// The host's rounding mode, flush-to-zero and traps: no result sees them, and they are restored.
#include "catch.hpp"
#include "data.hpp"
#include "l1l2.h"

#include <cfenv>
#include <cstring>
#include <string>

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace {

struct Results {
    std::uint64_t penalty;
    std::uint64_t subnormal_penalty;
    std::uint64_t l1;
    std::string json;
    bool operator==(const Results& other) const {
        return penalty == other.penalty && subnormal_penalty == other.subnormal_penalty &&
               l1 == other.l1 && json == other.json;
    }
};

/// Everything that computes, through the C interface.
Results compute() {
    static const std::vector<float> x = rough_vector<float>(10007, -20, 20);
    static const std::vector<float> tiny = rough_vector<float>(1000, -149, -140);
    static const std::vector<double> tiny64 = rough_vector<double>(1000, -1074, -1060);
    Results results = {};
    l1l2_regularizer* regularizer = nullptr;
    const char text[] = R"({"l1": 0.1234567890123456789e-3, "l2": 9007199254740993})";
    REQUIRE(l1l2_from_json(text, sizeof text - 1, &regularizer, nullptr, 0) == L1L2_OK);
    double l1 = 0.0;
    double penalty = 0.0;
    l1l2_get_config(regularizer, &l1, nullptr);
    results.l1 = bits(l1);
    l1l2_penalty(regularizer, L1L2_FLOAT32, x.data(), x.size(), &penalty);
    results.penalty = bits(penalty);
    l1l2_penalty(regularizer, L1L2_FLOAT32, tiny.data(), tiny.size(), &penalty);
    results.subnormal_penalty = bits(penalty);
    l1l2_penalty(regularizer, L1L2_FLOAT64, tiny64.data(), tiny64.size(), &penalty);
    results.subnormal_penalty ^= 3 * bits(penalty);
    char json[256];
    std::size_t length = 0;
    REQUIRE(l1l2_to_json(regularizer, L1L2_JSON_KERAS3, json, sizeof json, &length) == L1L2_OK);
    results.json.assign(json, length);
    l1l2_destroy(regularizer);
    return results;
}

} // namespace

TEST_CASE("the rounding mode changes no result and is restored", "[float_environment]") {
    const Results expected = compute();
    for (const int mode : {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO}) {
        std::fesetround(mode);
        const Results results = compute();
        const int after = std::fegetround();
        std::fesetround(FE_TONEAREST);
        CHECK(results == expected);
        CHECK(after == mode);
    }
}

TEST_CASE("a negative zero is stored as zero in every rounding mode", "[float_environment]") {
    for (const int mode : {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO}) {
        std::fesetround(mode);
        l1l2_regularizer* regularizer = nullptr;
        double l1 = 1.0;
        l1l2_create(-0.0, 1.0, &regularizer);
        l1l2_get_config(regularizer, &l1, nullptr);
        l1l2_destroy(regularizer);
        std::fesetround(FE_TONEAREST);
        CHECK(bits(l1) == bits(0.0));
    }
}

#if defined(__x86_64__) || defined(__SSE2__)

TEST_CASE("flush-to-zero and denormals-are-zero change no result and are restored",
          "[float_environment]") {
    constexpr unsigned denormals_are_zero = 0x0040;
    constexpr unsigned flush_to_zero = 0x8000;
    constexpr unsigned exception_flags = 0x003F;
    const Results expected = compute();
    const unsigned before = _mm_getcsr();
    for (const unsigned hostile :
         {denormals_are_zero, flush_to_zero, denormals_are_zero | flush_to_zero,
          denormals_are_zero | flush_to_zero | 0x6000U}) {
        _mm_setcsr(before | hostile);
        const Results results = compute();
        const unsigned after = _mm_getcsr();
        _mm_setcsr(before);
        CHECK(results == expected);
        CHECK((after & ~exception_flags) == ((before | hostile) & ~exception_flags));
    }
}

#endif

#if defined(__GLIBC__)

TEST_CASE("unmasked exceptions do not trap inside the library", "[float_environment]") {
    const Results expected = compute();
    std::feclearexcept(FE_ALL_EXCEPT);
    feenableexcept(FE_ALL_EXCEPT);
    const int before = fegetexcept();  // none on a CPU that cannot trap
    const Results results = compute(); // a trap would end the test with SIGFPE
    const int after = fegetexcept();
    fedisableexcept(FE_ALL_EXCEPT);
    CHECK(results == expected);
    CHECK(after == before);
}

#endif
