/// Elements that leave exact sums again, and norms.
#include "catch.hpp"
#include "sound_accumulators.hpp"

#include <cmath>
#include <limits>

using namespace exact;

namespace {

l1l2_status subtract(Accumulator& sums, const Accumulator& other) {
    return l1l2_exact_sums_subtract(sums.data(), other.data());
}

/// Whether subtraction refuses an accumulator as invalid and leaves both as they were.
bool refuses(const Accumulator& sums, const Accumulator& other) {
    Accumulator left = sums;
    const Accumulator right = other;
    return subtract(left, right) == L1L2_ERROR_INVALID_SUMS && left == sums && right == other;
}

template <class T>
double norm_of_elements(const std::vector<T>& elements) {
    return norm_of(sums_of(elements));
}

} // namespace

TEST_CASE("what was added and is subtracted leaves the bits of the rest", "[exact_sums][bits]") {
    for (unsigned seed = 0; seed < 50; ++seed) {
        std::vector<double> staying = finite_elements<double>(seed * 7 % 100, seed);
        std::vector<float> leaving = finite_elements<float>(seed * 11 % 100, seed + 1);
        if (seed % 3 == 0) {
            staying.push_back(training::infinity);
            leaving.push_back(from_bits<float>(Format<float>::infinity));
            leaving.push_back(from_bits<float>(Format<float>::quiet_nan));
        }
        const Accumulator rest = sums_of(staying);
        const Accumulator other = sums_of(leaving);
        Accumulator sums = rest;
        REQUIRE(l1l2_exact_sums_merge(sums.data(), other.data()) == L1L2_OK);
        CHECK(subtract(sums, other) == L1L2_OK);
        CHECK(difference(sums, rest) == "");
        // Also of accumulators that were added up element by element.
        Accumulator many = rest + 5 * other;
        CHECK(subtract(many, 5 * other) == L1L2_OK);
        CHECK(difference(many, rest) == "");
    }
}

TEST_CASE("an accumulator minus itself is all zeros", "[exact_sums]") {
    for (const Accumulator& sound : sound_accumulators()) {
        Accumulator sums = sound;
        CHECK(subtract(sums, sums) == L1L2_OK);
        CHECK(sums == Accumulator());
        sums = sound;
        CHECK(subtract(sums, Accumulator()) == L1L2_OK);
        CHECK(difference(sums, canonical(sound)) == "");
    }
}

TEST_CASE("a window that moves over a stream has the sums of its elements", "[exact_sums]") {
    const std::vector<float> stream = rough_elements<float>(600, 1);
    Accumulator window = {};
    for (std::size_t i = 0; i < stream.size(); ++i) {
        REQUIRE(l1l2_exact_sums_add(window.data(), L1L2_FLOAT32, &stream[i], 1) == L1L2_OK);
        if (i >= 100) {
            REQUIRE(subtract(window, sums_of(std::vector<float>{stream[i - 100]})) == L1L2_OK);
        }
    }
    CHECK(difference(window, sums_of(std::vector<float>(stream.end() - 100, stream.end()))) == "");
}

TEST_CASE("what was not added cannot be subtracted", "[exact_sums]") {
    const double inf = training::infinity;
    const double nan = training::not_a_number;
    const Accumulator sums = sums_of<double>({1.0, 2.0, inf, nan});
    // More elements, infinities or NaNs; a greater sum |x| or sum x^2.
    CHECK(refuses(sums, sums_of<double>({0.0, 0.0, 0.0, 0.0, 0.0})));
    CHECK(refuses(sums, sums_of<double>({inf, inf})));
    CHECK(refuses(sums, sums_of<double>({nan, nan})));
    CHECK(refuses(sums, sums_of<double>({0.0, 0.0, 0.0})));
    CHECK(refuses(sums, sums_of<double>({1.5, 2.0})));
    CHECK(refuses(sums, sums_of<double>({2.5})));
    CHECK(refuses(Accumulator(), sums));
    // What is left of 0 elements is 0, and of one the square is that of the sum.
    CHECK(refuses(sums, sums_of<double>({1.0, 1.0})));
    CHECK(refuses(sums, sums_of<double>({1.5})));
    CHECK(refuses(sums_of<double>({1.0, 2.0, 3.0}), sums_of<double>({0.0})));
    // With other elements that is left which no two have: 1 and 1 + 2^-52.
    CHECK(refuses(sums_of<double>({1.0, 1.0, 1.0}),
                  sums_of<double>({1.0 - std::numeric_limits<double>::epsilon()})));
    Accumulator rest = sums;
    CHECK(subtract(rest, sums_of<double>({2.0, nan})) == L1L2_OK);
    CHECK(difference(rest, sums_of<double>({1.0, inf})) == "");
}

TEST_CASE("errors of the accumulator that is subtracted from come first", "[exact_sums]") {
    const Accumulator sound = rich_accumulator();
    Accumulator unknown = sound;
    unknown[tag_index] = 3;
    Accumulator damaged = sound;
    ++damaged[count_index];
    CHECK(subtract(unknown, damaged) == L1L2_ERROR_UNKNOWN_LAYOUT);
    CHECK(subtract(damaged, unknown) == L1L2_ERROR_INVALID_SUMS);
    CHECK(l1l2_exact_sums_subtract(nullptr, sound.data()) == L1L2_ERROR_INVALID_ARGUMENT);
    Accumulator sums = sound;
    CHECK(l1l2_exact_sums_subtract(sums.data(), nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(sums == sound);
}

TEST_CASE("the norm is the root of the exact sum of squares, rounded once", "[exact_sums]") {
    CHECK(norm_of(Accumulator()) == 0.0);
    CHECK(norm_of_elements<float>({-0.0F, 0.0F}) == 0.0);
    CHECK(norm_of_elements<float>({3.0F, -4.0F}) == 5.0);
    // Where sum x^2 is no double.
    CHECK(norm_of_elements<double>({1e200, 1.0, 1.0}) == 1e200);
    CHECK(norm_of_elements<double>({1e-200, 1e-200, 1e-200}) == 1.7320508075688772e-200);
    CHECK(norm_of_elements<double>({from_bits<double>(1)}) == from_bits<double>(1));
    CHECK(norm_of_elements(std::vector<double>(9, from_bits<double>(1))) == from_bits<double>(3));
    CHECK(norm_of_elements(std::vector<Float16>(4, nearest<Float16>(65504.0F))) == 131008.0);
    // One element is its own norm.
    for (const double x : finite_elements<double>(1000, 1)) {
        CHECK(norm_of_elements<double>({x}) == std::fabs(x));
    }
    CHECK(norm_of_elements<double>({training::largest}) == training::largest);
    CHECK(norm_of_elements<double>({training::largest, 1e301}) == training::infinity);
    CHECK(norm_of_elements<double>({training::largest, 1e292}) == training::largest);
    CHECK(norm_of_elements<double>({1.0, -training::infinity}) == training::infinity);
    CHECK(to_bits(norm_of_elements<double>({training::infinity, -training::not_a_number})) ==
          Format<double>::quiet_nan);
}

TEMPLATE_TEST_CASE("the norm of any elements is the nearest double to the true one",
                   "[exact_sums][bits]", float, double, Float16, Bfloat16) {
    std::mt19937_64 random(2);
    for (unsigned seed = 0; seed < 2000; ++seed) {
        std::vector<TestType> elements;
        switch (seed % 3) {
        case 0: elements = finite_elements<TestType>(1 + random() % 6, seed); break;
        case 1: elements = ordinary_elements<TestType>(random() % 300, seed); break;
        default: elements = subnormal_elements<TestType>(random() % 20, seed);
        }
        const double norm = norm_of_elements(elements);
        if (!truth_of(elements).norm_is(norm)) {
            FAIL("seed " << seed << ": " << norm);
        }
    }
    SUCCEED("all of them");
}

TEST_CASE("a norm halfway between two doubles is the even one", "[exact_sums]") {
    // x = u^2 - v^2 and y = 2 u v have the norm u^2 + v^2: here of 54 bits and odd.
    std::mt19937_64 random(3);
    int halfway = 0;
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t u = (std::uint64_t{1} << 26) + random() % (std::uint64_t{1} << 25);
        const std::uint64_t v = (std::uint64_t{1} << 26) - random() % (std::uint64_t{1} << 25);
        const std::uint64_t norm = u * u + v * v;
        const std::uint64_t x = u > v ? u * u - v * v : v * v - u * u;
        const std::uint64_t y = 2 * u * v;
        constexpr std::uint64_t exact = std::uint64_t{1} << 53;
        if (norm < exact || norm % 2 == 0 || x >= exact || y >= exact) {
            continue;
        }
        ++halfway;
        const double scale = std::ldexp(1.0, static_cast<int>(random() % 1900) - 1000);
        std::vector<double> elements = {scale * static_cast<double>(x),
                                        -scale * static_cast<double>(y)};
        const double expected = scale * static_cast<double>(norm); // rounds to even itself
        CHECK(norm_of_elements(elements) == expected);
        // The smallest element beside it makes it the upper one.
        elements.push_back(from_bits<double>(1));
        CHECK(norm_of_elements(elements) == scale * 2.0 * static_cast<double>((norm + 1) / 2));
    }
    CHECK(halfway > 100);
}

TEST_CASE("the norm needs an accumulator and a place", "[exact_sums]") {
    double norm = training::untouched;
    CHECK(l1l2_exact_sums_norm(nullptr, &norm) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_exact_sums_norm(rich_accumulator().data(), nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(norm == training::untouched);
}
