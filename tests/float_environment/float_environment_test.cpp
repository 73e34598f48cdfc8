/// The rounding mode, flush-to-zero and traps of the host change no result, and are restored.
#include "catch.hpp"
#include "data.hpp"
#include "l1l2.h"

#include <algorithm>
#include <array>
#include <cfenv>
#include <cstring>
#include <string>

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace {

struct Results {
    std::uint64_t penalty;
    std::uint64_t penalty_of_subnormals32;
    std::uint64_t penalty_of_subnormals64;
    std::uint64_t l1;
    std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH> exact_sums;
    std::vector<std::uint64_t> of_exact_sums;
    std::string json;
    std::string json_of_subnormals;
    l1l2_status of_smallest;
    l1l2_status of_smallest_negative;
    l1l2_status of_signalling_nan;
    l1l2_status of_largest_text;
    bool operator==(const Results& other) const {
        return penalty == other.penalty &&
               penalty_of_subnormals32 == other.penalty_of_subnormals32 &&
               penalty_of_subnormals64 == other.penalty_of_subnormals64 && l1 == other.l1 &&
               exact_sums == other.exact_sums && of_exact_sums == other.of_exact_sums &&
               json == other.json && json_of_subnormals == other.json_of_subnormals &&
               of_smallest == other.of_smallest &&
               of_smallest_negative == other.of_smallest_negative &&
               of_signalling_nan == other.of_signalling_nan &&
               of_largest_text == other.of_largest_text;
    }
};

std::string json_of(const l1l2_regularizer* regularizer) {
    char json[256];
    std::size_t length = 0;
    return l1l2_to_json(regularizer, L1L2_JSON_KERAS3, json, sizeof json, &length) == L1L2_OK
               ? std::string(json, length)
               : "failed";
}

template <class T>
std::uint64_t penalty_of(const l1l2_regularizer* regularizer, const std::vector<T>& x) {
    double penalty = -1.0;
    l1l2_penalty(regularizer, sizeof(T) == 4 ? L1L2_FLOAT32 : L1L2_FLOAT64, x.data(), x.size(),
                 &penalty);
    return to_bits(penalty);
}

/// Adds elements to exact sums.
template <class T>
void add(Results& results, l1l2_dtype dtype, const std::vector<T>& x) {
    // As one array and in small parts.
    l1l2_exact_sums_add(results.exact_sums.data(), dtype, x.data(), x.size());
    for (std::size_t i = 0; i < x.size(); i += 100) {
        l1l2_exact_sums_add(results.exact_sums.data(), dtype, &x[i],
                            std::min<std::size_t>(100, x.size() - i));
    }
}

/// Everything that can be read from exact sums that are added to themselves, with the statuses.
void read(Results& results, const l1l2_regularizer* regularizer) {
    std::int64_t* const sums = results.exact_sums.data();
    double numbers[] = {0.0, 0.0, 0.0};
    std::int64_t count = 0;
    for (const l1l2_status status : {l1l2_exact_sums_merge(sums, sums), l1l2_exact_sums_check(sums),
                                     l1l2_exact_sums_read(sums, &numbers[0], &numbers[1], &count),
                                     l1l2_penalty_exact_sums(regularizer, sums, &numbers[2])}) {
        results.of_exact_sums.push_back(static_cast<std::uint64_t>(status));
    }
    for (const double& number : numbers) {
        results.of_exact_sums.push_back(to_bits(number));
    }
    results.of_exact_sums.push_back(static_cast<std::uint64_t>(count));
}

/// Coefficients, penalties, exact sums and JSON. Gradients, proxes, tensors and terms are tested in
/// their own files.
Results compute() {
    static const std::vector<float> x = ordinary_elements<float>(10007, 1, -20, 20);
    static const std::vector<float> subnormals32 = ordinary_elements<float>(1000, 1, -149, -140);
    static const std::vector<double> subnormals64 =
        ordinary_elements<double>(1000, 1, -1074, -1060);
    // Every exponent of each type; the 16-bit patterns serve both narrow types.
    static const std::vector<float> wide32 = ordinary_elements<float>(5000, 1, -149, 127);
    static const std::vector<double> wide64 = ordinary_elements<double>(5000, 1, -1074, 500);
    static const std::vector<std::uint16_t> halves = [] {
        std::vector<std::uint16_t> patterns;
        for (std::uint16_t pattern = 0; pattern < 0x7C00; ++pattern) {
            patterns.push_back(pattern);
        }
        return patterns;
    }();
    static const double signalling_nan = [] {
        const std::uint64_t pattern = 0x7ff0000000000001;
        double value;
        std::memcpy(&value, &pattern, sizeof value);
        return value;
    }();
    Results results = {};
    l1l2_regularizer* regularizer = nullptr;
    const char text[] = R"({"l1": 0.1234567890123456789e-3, "l2": 9007199254740993})";
    l1l2_from_json(text, sizeof text - 1, &regularizer, nullptr, 0);
    double l1 = 0.0;
    l1l2_get_config(regularizer, &l1, nullptr);
    results.l1 = to_bits(l1);
    results.penalty = penalty_of(regularizer, x);
    results.penalty_of_subnormals32 = penalty_of(regularizer, subnormals32);
    results.penalty_of_subnormals64 = penalty_of(regularizer, subnormals64);
    results.json = json_of(regularizer);
    add(results, L1L2_FLOAT32, subnormals32);
    add(results, L1L2_FLOAT64, subnormals64);
    read(results, regularizer);
    add(results, L1L2_FLOAT16, halves);
    add(results, L1L2_BFLOAT16, halves);
    add(results, L1L2_FLOAT32, x);
    add(results, L1L2_FLOAT32, wide32);
    add(results, L1L2_FLOAT64, wide64);
    read(results, regularizer);
    l1l2_destroy(regularizer);

    results.of_smallest = l1l2_create(5e-324, 1e-310, &regularizer);
    results.json_of_subnormals = json_of(regularizer);
    read(results, regularizer);
    l1l2_destroy(regularizer);
    results.of_smallest_negative = l1l2_create(-5e-324, 0.0, &regularizer);
    l1l2_destroy(regularizer);
    results.of_signalling_nan = l1l2_create(0.0, signalling_nan, &regularizer);
    l1l2_destroy(regularizer);

    const char largest[] = R"({"l1": 1.7976931348623158e308})"; // infinite if rounded upwards
    results.of_largest_text = l1l2_from_json(largest, sizeof largest - 1, &regularizer, nullptr, 0);
    l1l2_destroy(regularizer);
    return results;
}

} // namespace

TEST_CASE("in the default environment the results are what they should be", "[float_environment]") {
    const Results results = compute();
    CHECK(results.of_smallest == L1L2_OK);
    CHECK(results.of_smallest_negative == L1L2_ERROR_INVALID_COEFFICIENT);
    CHECK(results.of_signalling_nan == L1L2_ERROR_INVALID_COEFFICIENT);
    CHECK(results.of_largest_text == L1L2_OK);
    // Sums of more than 2^1024, whose penalties are finite with small coefficients.
    REQUIRE(results.of_exact_sums.size() == 3 * 8);
    for (std::size_t i = 0; i < results.of_exact_sums.size(); ++i) {
        const std::uint64_t infinite = 0x7ff0000000000000;
        CHECK((i % 8 < 4 ? results.of_exact_sums[i] == L1L2_OK
                         : results.of_exact_sums[i] > 0 && results.of_exact_sums[i] <= infinite));
    }
    CHECK(results.json_of_subnormals.find(R"("l1": 5e-324, "l2": 1e-310)") != std::string::npos);
    CHECK(results.json.find(R"("l1": 0.00012345678901234567, "l2": 9007199254740992.0)") !=
          std::string::npos);
}

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
        CHECK(to_bits(l1) == to_bits(0.0));
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
    for (const int exceptions :
         {FE_INVALID, FE_DIVBYZERO, FE_OVERFLOW, FE_UNDERFLOW, FE_INEXACT, FE_ALL_EXCEPT}) {
        std::feclearexcept(FE_ALL_EXCEPT);
        feenableexcept(exceptions);
        const int before = fegetexcept();  // none on a CPU that cannot trap
        const Results results = compute(); // a trap would end the test with SIGFPE
        const int after = fegetexcept();
        fedisableexcept(FE_ALL_EXCEPT);
        CHECK(results == expected);
        CHECK(after == before);
    }
}

#endif
