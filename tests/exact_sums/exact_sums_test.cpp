/// Exact sums and what is read of them, beside big integers: every limb, and every result rounded
/// once.
#include "accumulator.hpp"
#include "catch.hpp"
#include "training.hpp"

#include <utility>

using namespace exact;
using training::both;
using training::infinity;
using training::largest;
using training::neither;
using training::not_a_number;

namespace {

constexpr double smallest = 0x1p-1074;
constexpr std::uint64_t ones = ~std::uint64_t{0};

double penalty_of(const Accumulator& sums, Coefficients c) {
    const Handle handle(c);
    double penalty = -1.0;
    l1l2_penalty_exact_sums(handle.get(), sums.data(), &penalty);
    return penalty;
}

/// Whether the accumulator of some elements is the true one and is read right.
template <class T>
bool is_right(const std::vector<T>& elements) {
    const Truth truth = truth_of(elements);
    const Accumulator sums = sums_of(elements);
    return sums == truth.accumulator() && reads_as(sums, truth);
}

/// Coefficients from the smallest to the largest, and 0.
const double coefficients[] = {
    0.0,  smallest,  3 * smallest, 0x1.fffffffffffffp-1023, 0x1p-1022, 1e-300, 1e-10,
    0.01, 1.0 / 3.0, 1.0,          0x1.fffffffffffffp0,     1e10,      1e300,  largest};

} // namespace

TEST_CASE("the big integers of the tests round to nearest, ties to even", "[exact_sums]") {
    const auto rounds_only_to = [](const ExactSum& sum, double value) {
        const std::uint64_t bits = to_bits(value);
        return sum.rounds_to(value) && !sum.rounds_to(from_bits<double>(bits + 1)) &&
               (bits == 0 || !sum.rounds_to(from_bits<double>(bits - 1)));
    };
    const auto sum_of = [](std::initializer_list<std::pair<std::int64_t, int>> terms) {
        ExactSum sum;
        for (const auto& [value, exponent] : terms) {
            sum.add_integer(value, exponent);
        }
        return sum;
    };
    CHECK(rounds_only_to(ExactSum(), 0.0));
    CHECK_FALSE(ExactSum().rounds_to(-0.0));
    CHECK_FALSE(ExactSum().rounds_to(not_a_number));
    CHECK(rounds_only_to(sum_of({{1, -1075}}), 0.0));
    CHECK(rounds_only_to(sum_of({{1, -1075}, {1, -2200}}), smallest));
    CHECK(rounds_only_to(sum_of({{3, -1075}}), 2 * smallest));
    CHECK(rounds_only_to(sum_of({{3, -1075}, {-1, -2200}}), smallest));
    CHECK(rounds_only_to(sum_of({{1, 0}, {1, -53}}), 1.0));
    CHECK(rounds_only_to(sum_of({{1, 0}, {1, -53}, {1, -2176}}), 1.0 + 0x1p-52));
    CHECK(rounds_only_to(sum_of({{1, 0}, {3, -53}}), 1.0 + 0x1p-51));
    CHECK(rounds_only_to(sum_of({{1, 0}, {-1, -54}}), 1.0));
    CHECK(rounds_only_to(sum_of({{1, 1024}, {-1, 970}}), infinity));
    CHECK(rounds_only_to(sum_of({{1, 1024}, {-1, 970}, {-1, -2176}}), largest));
    CHECK(rounds_only_to(sum_of({{1, 2000}}), infinity));
    CHECK(sum_of({{1, -2000}, {-1, -2000}}).sign() == 0);
    CHECK(sum_of({{1, -2000}, {-1, 2000}}).sign() == -1);
    CHECK(sum_of({{-1, -2000}, {1, 2000}}).sign() == 1);
    CHECK(sum_of({{5, -32}, {-1, 0}, {2, 32}}).limbs_from(-32, 3) ==
          std::vector<std::int64_t>{5, 0xFFFFFFFF, 1});
}

TEST_CASE("an accumulator has the numbers that are documented, on every machine",
          "[exact_sums][bits]") {
    const Accumulator sums = sums_of<float>({1.0F, -2.0F, 3.0F});
    Accumulator expected = {};
    expected[0] = 0x6C316C01;
    expected[1] = 0x6C316C01 + 3 * 3 + 40 * 6 + 142 * 14;
    expected[2] = 3;
    expected[39] = 6;
    expected[141] = 14;
    CHECK(difference(sums, expected) == "");
    CHECK(difference(truth_of<float>({1.0F, -2.0F, 3.0F}).accumulator(), expected) == "");
    CHECK(l1l2_exact_sums_length() == sums.size());

    // The ends of both sums.
    Accumulator smallest_of_all = {};
    smallest_of_all[0] = 0x6C316C01;
    smallest_of_all[2] = 1;
    smallest_of_all[5] = 0x4000;      // 2^-1074 in units of 2^-1088
    smallest_of_all[73] = 0x10000000; // 2^-2148 in units of 2^-2176
    CHECK(difference(sums_of<double>({-smallest}), with_checksum(smallest_of_all)) == "");
    Accumulator largest_of_all = {};
    largest_of_all[0] = 0x6C316C01;
    largest_of_all[2] = 1;
    largest_of_all[69] = 0xFFFFF800; // 2^1024 - 2^971
    largest_of_all[70] = 0xFFFFFFFF;
    largest_of_all[201] = 0x00400000; // 2^2048 - 2^1996 + 2^1942
    largest_of_all[203] = 0xFFFFF000;
    largest_of_all[204] = 0xFFFFFFFF;
    CHECK(difference(sums_of<double>({-largest}), with_checksum(largest_of_all)) == "");
}

TEST_CASE("no elements are zeros, which read as 0", "[exact_sums]") {
    const Accumulator zeros = {};
    CHECK(sums_of(std::vector<float>()) == zeros);
    CHECK(canonical(zeros) == zeros);
    CHECK(reads_as(zeros, Truth()));
    CHECK(to_bits(penalty_of(zeros, both)) == to_bits(0.0));
    CHECK(to_bits(penalty_of(zeros, neither)) == to_bits(0.0));
}

TEMPLATE_TEST_CASE("zeros of either sign are counted and add nothing", "[exact_sums]", Float16,
                   Bfloat16, float, double) {
    const TestType zero = from_bits<TestType>(0);
    const TestType negative_zero = from_bits<TestType>(Format<TestType>::sign);
    for (const std::size_t n : {1U, 77U, 5000U}) {
        std::vector<TestType> elements(n, zero);
        elements[n / 2] = negative_zero;
        CHECK(is_right(elements));
        CHECK(read(sums_of(elements)).count == static_cast<std::int64_t>(n));
        CHECK(to_bits(read(sums_of(elements)).absolute) == to_bits(0.0));
        CHECK(to_bits(penalty_of(sums_of(elements), both)) == to_bits(0.0));
    }
}

TEMPLATE_TEST_CASE("an element of every size is added without rounding", "[exact_sums]", Float16,
                   Bfloat16, float, double) {
    std::mt19937_64 random(1);
    for (int place = 0; place < places<TestType>; ++place) {
        for (const std::uint64_t fraction : {std::uint64_t{0}, std::uint64_t{1}, ones, random()}) {
            const TestType element = element_at<TestType>(place, fraction);
            if (!is_right(std::vector<TestType>{element})) {
                FAIL("0x" << std::hex << +to_bits(element));
            }
        }
    }
    SUCCEED("all sizes");
}

TEMPLATE_TEST_CASE("every value of a narrow type is added without rounding", "[exact_sums]",
                   Float16, Bfloat16) {
    const std::vector<TestType> values = all_values<TestType>();
    for (const TestType value : values) {
        const Numbers numbers = read(sums_of(std::vector<TestType>{value}));
        // Which double holds exactly.
        const double absolute = std::fabs(value_of(value));
        const bool right =
            is_nan(value) ? to_bits(numbers.absolute) == training::quiet_nan &&
                                to_bits(numbers.square) == training::quiet_nan
                          : numbers.absolute == absolute && numbers.square == absolute * absolute;
        if (!right || numbers.count != 1) {
            FAIL("0x" << std::hex << value.pattern);
        }
    }
    CHECK(is_right(values));
}

TEMPLATE_TEST_CASE("elements of all sizes at once are added without rounding", "[exact_sums][bits]",
                   Float16, Bfloat16, float, double) {
    for (const unsigned seed : {1U, 2U, 3U}) {
        CHECK(is_right(finite_elements<TestType>(3 * 4096 + 77, seed)));
        CHECK(is_right(rough_elements<TestType>(3 * 4096 + 77, seed)));
        CHECK(is_right(ordinary_elements<TestType>(3 * 4096 + 77, seed)));
        CHECK(is_right(subnormal_elements<TestType>(3 * 4096 + 77, seed)));
    }
    CHECK(is_right(special_values<TestType>()));
}

TEMPLATE_TEST_CASE("the smallest element is kept beside any number of the largest",
                   "[exact_sums][bits]", Float16, Bfloat16, float, double) {
    const TestType low = from_bits<TestType>(1);
    const TestType high = from_bits<TestType>(Format<TestType>::infinity - 1);
    CHECK(is_right<TestType>({low, high}));
    CHECK(is_right<TestType>({high, low}));
    for (const std::size_t n : {3U, 100U, 4096U, 10000U}) {
        std::vector<TestType> elements(n, high);
        elements[n / 3] = low;
        CHECK(is_right(elements));
        std::vector<TestType> small(n, low);
        small[n / 3] = high;
        CHECK(is_right(small));
    }
}

TEST_CASE("what is lost in double is kept", "[exact_sums]") {
    // Each sum |x| and sum x^2 as it is known.
    const auto reads = [](const std::vector<double>& elements, double absolute, double square) {
        const Numbers numbers = read(sums_of(elements));
        return to_bits(numbers.absolute) == to_bits(absolute) &&
               to_bits(numbers.square) == to_bits(square);
    };
    CHECK(reads({1e100, 1.0, 1.0}, 1e100, 1e200));
    std::vector<double> tenths(10, 0.1);
    CHECK(reads(tenths, 1.0, 0.1));
    // Halves of the last place: to the even neighbour, or with anything more upwards.
    CHECK(reads({1.0, 0x1p-53}, 1.0, 1.0));
    CHECK(reads({1.0, 0x1p-53, smallest}, 1.0 + 0x1p-52, 1.0));
    CHECK(reads({1.0 + 0x1p-52, 0x1p-53}, 1.0 + 0x1p-51, 1.0 + 0x1p-51));
    CHECK(reads({1.0, 0x1p-27, 0x1p-27}, 1.0 + 0x1p-26, 1.0));
    CHECK(reads({1.0, 0x1p-27, 0x1p-27, smallest}, 1.0 + 0x1p-26, 1.0 + 0x1p-52));
    CHECK(reads(std::vector<double>(3, 0x1.0000000000001p0), 0x1.8000000000002p1,
                0x1.8000000000003p1));
    // Squares below the smallest double.
    CHECK(reads({0x1p-538}, 0x1p-538, 0.0));
    CHECK(reads({0x1p-538, 0x1p-538}, 0x1p-537, 0.0));
    CHECK(reads({0x1p-538, 0x1p-538, smallest}, 0x1p-537, smallest));
    CHECK(reads(std::vector<double>(3, 0x1p-538), 3 * 0x1p-538, smallest));
    CHECK(reads(std::vector<double>(6, 0x1p-538), 6 * 0x1p-538, 2 * smallest));
    CHECK(reads(std::vector<double>(1024, smallest), 1024 * smallest, 0.0));
    // From subnormal to normal.
    CHECK(reads({0x1.ffffffffffffep-1023, smallest}, 0x1p-1022, 0.0));
}

TEST_CASE("a sum of 2^1024 - 2^970 or more is infinite, one of less is not", "[exact_sums]") {
    const auto absolute_of = [](const std::vector<double>& elements) {
        return read(sums_of(elements)).absolute;
    };
    CHECK(absolute_of({largest}) == largest);
    CHECK(absolute_of({largest, 0x1p969}) == largest);
    CHECK(absolute_of({largest, 0x1.fffffffffffffp969}) == largest);
    CHECK(absolute_of({largest, 0x1.fffffffffffffp969, 0x1.fffffffffffffp916}) == largest);
    CHECK(absolute_of({largest, 0x1p970}) == infinity);
    CHECK(absolute_of({largest, 0x1.fffffffffffffp969, 0x1p917}) == infinity);
    CHECK(absolute_of({largest, largest}) == infinity);
    const auto square_of = [](const std::vector<double>& elements) {
        return read(sums_of(elements)).square;
    };
    CHECK(square_of({0x1.fffffffffffffp511}) == 0x1.ffffffffffffep1023);
    CHECK(square_of({0x1p512}) == infinity);
    CHECK(square_of({0x1.fffffffffffffp511, 0x1.fffffffffffffp484}) == largest);
    CHECK(square_of({0x1.fffffffffffffp511, 0x1p485}) == largest);
    CHECK(square_of({0x1.fffffffffffffp511, 0x1p485, 0x1p485}) == largest);
    CHECK(square_of({0x1.fffffffffffffp511, 0x1p485, 0x1p485, 0x1p485}) == infinity);
    CHECK(square_of({largest}) == infinity);
}

TEST_CASE("sum |x| is rounded once, to nearest, ties to even, wherever its last place is",
          "[exact_sums]") {
    for (int last = -1073; last <= 971; last += last < -1060 || last > 960 ? 1 : 7) {
        const double unit = std::ldexp(1.0, last);
        const double half = std::ldexp(0.5, last);
        for (const double mantissa : {0x1p52, 0x1p52 + 1, 0x1p53 - 2, 0x1p53 - 1}) {
            const double number = mantissa * unit;
            for (const double more : {half, std::nextafter(half, 0.0)}) {
                for (const double least : {0.0, smallest}) {
                    if (!is_right<double>({number, more, least})) {
                        FAIL("2^" << last << " * (" << mantissa << " + " << more / unit << ")");
                    }
                }
            }
        }
    }
    SUCCEED("all places");
}

TEST_CASE("sum x^2 is rounded once, to nearest, ties to even, wherever its last place is",
          "[exact_sums]") {
    for (int exponent = -1047; exponent <= 511;
         exponent += std::abs(exponent + 520) < 30 || exponent > 500 ? 1 : 13) {
        // Quarters of the last place of the one number's square.
        for (std::size_t quarters = 0; quarters < 10; ++quarters) {
            std::vector<double> elements(quarters, std::ldexp(0x1p-27, exponent));
            elements.push_back(std::ldexp(1.0, exponent));
            const bool right = is_right(elements);
            elements.push_back(smallest);
            if (!right || !is_right(elements)) {
                FAIL("2^" << exponent << ", " << quarters << " quarters");
            }
        }
    }
    SUCCEED("all places");
}

TEMPLATE_TEST_CASE("the penalty is rounded once, for coefficients of every size", "[exact_sums]",
                   Float16, Bfloat16, float, double) {
    const TestType low = from_bits<TestType>(1);
    const TestType high = from_bits<TestType>(Format<TestType>::infinity - 1);
    const std::vector<TestType> arrays[] = {
        {low},
        {high},
        {low, high},
        std::vector<TestType>(100, low),
        std::vector<TestType>(100, high),
        ordinary_elements<TestType>(1000, 1),
        ordinary_elements<TestType>(3, 2),
        finite_elements<TestType>(1000, 3),
        subnormal_elements<TestType>(50, 4),
    };
    for (const std::vector<TestType>& elements : arrays) {
        const Truth truth = truth_of(elements);
        const Accumulator sums = sums_of(elements);
        for (const double l1 : coefficients) {
            for (const double l2 : coefficients) {
                const double penalty = penalty_of(sums, {l1, l2});
                INFO("array " << &elements - arrays << ", l1 = " << l1 << ", l2 = " << l2);
                if (!truth.penalty_is(l1, l2, penalty)) {
                    FAIL(penalty);
                }
            }
        }
    }
    SUCCEED("all coefficients");
}

TEST_CASE("the penalty rounds neither its products nor its sums before", "[exact_sums]") {
    // Halves of the last place that only one or the other term has.
    CHECK(penalty_of(sums_of<double>({1.0, 0x1p-53}), {1.0, 0.0}) == 1.0);
    CHECK(penalty_of(sums_of<double>({1.0, 0x1p-53}), {1.0, smallest}) == 1.0 + 0x1p-52);
    CHECK(penalty_of(sums_of<double>({1.0}), {0x1p-53, 1.0}) == 1.0);
    CHECK(penalty_of(sums_of<double>({1.0}), {0x1.0000000000001p-53, 1.0}) == 1.0 + 0x1p-52);
    CHECK(penalty_of(sums_of<double>({1.0}), {0x1p-53, 1.0 + 0x1p-52}) == 1.0 + 0x1p-51);
    // Products of which each is below the smallest double.
    CHECK(penalty_of(sums_of<double>({0.25}), {smallest, 0.0}) == 0.0);
    CHECK(penalty_of(sums_of<double>({0.5}), {smallest, 0.0}) == 0.0);
    CHECK(penalty_of(sums_of<double>({0.5}), {smallest, smallest}) == smallest);
}

TEST_CASE("a sum that no double holds has a penalty that one does", "[exact_sums]") {
    const Accumulator large = sums_of(std::vector<double>(4, largest));
    CHECK(read(large).absolute == infinity);
    CHECK(penalty_of(large, {0.25, 0.0}) == largest);
    CHECK(penalty_of(large, {0x1p-1000, 0.0}) == std::ldexp(largest, -998));
    CHECK(penalty_of(large, {0.0, smallest}) == 0x1.ffffffffffffep975);
    CHECK(penalty_of(large, {0.0, 0x1p-1020}) == infinity);
    const Accumulator large_squares = sums_of<double>({0x1p600});
    CHECK(read(large_squares).square == infinity);
    CHECK(penalty_of(large_squares, {0.0, 0x1p-300}) == 0x1p900);
    CHECK(penalty_of(large_squares, {0.0, smallest}) == 0x1p126);
    CHECK(penalty_of(large_squares, {0.0, 1e-10}) == infinity);
    const Accumulator small_squares = sums_of<double>({0x1p-600});
    CHECK(read(small_squares).square == 0.0);
    CHECK(penalty_of(small_squares, {0.0, 0x1p300}) == 0x1p-900);
    CHECK(penalty_of(small_squares, {0.0, 0x1p1000}) == 0x1p-200);
    CHECK(penalty_of(sums_of<double>({smallest}), {0.0, 0x1p1023}) == 0.0);
}

TEMPLATE_TEST_CASE("infinite elements and NaNs are counted, and a NaN wins", "[exact_sums]",
                   Float16, Bfloat16, float, double) {
    using F = Format<TestType>;
    const auto of_bits = [](std::uint64_t bits) { return from_bits<TestType>(bits); };
    const TestType one = of_bits(F::one);
    const std::vector<TestType> infinities = {of_bits(F::infinity), of_bits(F::infinity + F::sign)};
    const std::vector<TestType> nans = {of_bits(F::quiet_nan), of_bits(F::quiet_nan + F::sign),
                                        of_bits(F::infinity + 1),
                                        of_bits(F::infinity + 1 + F::sign), of_bits(F::sign - 1)};
    for (const TestType& infinite : infinities) {
        const Accumulator sums = sums_of<TestType>({one, infinite, one});
        CHECK(is_right<TestType>({one, infinite, one}));
        CHECK(sums[infinities_index] == 1);
        CHECK(sums[nans_index] == 0);
        const Numbers numbers = read(sums);
        CHECK(numbers.absolute == infinity);
        CHECK(numbers.square == infinity);
        CHECK(numbers.count == 3);
        CHECK(penalty_of(sums, {smallest, 0.0}) == infinity);
        CHECK(penalty_of(sums, {0.0, smallest}) == infinity);
        CHECK(to_bits(penalty_of(sums, neither)) == to_bits(0.0));
        for (const TestType& nan : nans) {
            CHECK(is_right<TestType>({infinite, nan, one}));
            CHECK(is_right<TestType>({nan, one, infinite}));
        }
    }
    for (const TestType& nan : nans) {
        INFO("0x" << std::hex << +to_bits(nan));
        const Accumulator sums = sums_of<TestType>({one, nan, infinities[0]});
        CHECK(sums[infinities_index] == 1);
        CHECK(sums[nans_index] == 1);
        const Numbers numbers = read(sums);
        CHECK(to_bits(numbers.absolute) == training::quiet_nan);
        CHECK(to_bits(numbers.square) == training::quiet_nan);
        CHECK(numbers.count == 3);
        CHECK(to_bits(penalty_of(sums, {smallest, 0.0})) == training::quiet_nan);
        CHECK(to_bits(penalty_of(sums, {0.0, smallest})) == training::quiet_nan);
        CHECK(to_bits(penalty_of(sums, both)) == training::quiet_nan);
        CHECK(to_bits(penalty_of(sums, neither)) == to_bits(0.0));
    }
}

TEMPLATE_TEST_CASE("the penalty of exact sums differs from l1l2_penalty in the last bits alone",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    for (const std::size_t n : {1U, 1000U, 50003U}) {
        const std::vector<TestType> elements = ordinary_elements<TestType>(n, 5);
        const Accumulator sums = sums_of(elements);
        for (const Coefficients c : {training::l1_only, training::l2_only, both}) {
            const Handle handle(c);
            const double rounded = training::penalty_of(handle.get(), elements);
            const double exact_penalty = penalty_of(sums, c);
            CHECK(std::fabs(rounded - exact_penalty) <= 185 * 0x1p-53 * exact_penalty);
        }
    }
}

TEST_CASE("an array may be of any length", "[exact_sums][bits]") {
    // A block 2^12 times, which is 2^24 elements, and another one.
    const std::vector<Float16> block = finite_elements<Float16>(4096, 1);
    const std::vector<Float16> others = finite_elements<Float16>(4096, 2);
    const std::int64_t times = 1 << 12;
    std::vector<Float16> elements;
    elements.reserve(block.size() * static_cast<std::size_t>(times) + others.size());
    for (std::int64_t i = 0; i < times; ++i) {
        elements.insert(elements.end(), block.begin(), block.end());
    }
    elements.insert(elements.end(), others.begin(), others.end());
    Truth truth = truth_of(others);
    truth.add(truth_of(block), times);
    CHECK(difference(sums_of(elements), truth.accumulator()) == "");
}
