/// Numbers as wide as a sum needs, beside the big integers of the tests.
#include "catch.hpp"
#include "exact_sum.hpp"
#include "fixed_point.hpp"
#include "narrow.hpp"

#include <initializer_list>
#include <utility>

using l1l2::core::carry;
using l1l2::core::FixedPoint;

namespace {

constexpr std::int64_t limb_mask = 0xFFFFFFFF;

/// What the library has: the layout of sum |x|, of sum x^2, and of a penalty.
struct Layout {
    int exponent;
    std::size_t limbs;
};
constexpr Layout layouts[] = {{-1088, 68}, {-2176, 134}, {-3264, 201}};

/// A number that has its limbs.
class Number {
  public:
    explicit Number(Layout layout) : limbs_(layout.limbs), exponent_(layout.exponent) {}

    FixedPoint view() { return {limbs_.data(), limbs_.size(), exponent_}; }
    std::vector<std::int64_t>& limbs() { return limbs_; }
    int bits() const { return 32 * static_cast<int>(limbs_.size()); }
    int exponent() const { return exponent_; }

    ExactSum value() const {
        ExactSum sum;
        for (std::size_t i = 0; i < limbs_.size(); ++i) {
            sum.add_integer(limbs_[i], exponent_ + 32 * static_cast<int>(i));
        }
        return sum;
    }

    /// Sets the bits from one on to before another to those of a pattern, or beyond it to ones.
    void set(int from, int to, std::uint64_t pattern) {
        for (int bit = from; bit < to; ++bit) {
            const std::int64_t one = std::int64_t{1} << (bit % 32);
            std::int64_t& limb = limbs_[static_cast<std::size_t>(bit / 32)];
            const bool is_one = bit - from >= 64 || (pattern >> (bit - from)) % 2 != 0;
            limb = is_one ? limb | one : limb & ~one;
        }
    }

    bool is_canonical() const {
        return std::all_of(limbs_.begin(), limbs_.end(),
                           [](std::int64_t limb) { return limb >= 0 && limb <= limb_mask; });
    }

  private:
    std::vector<std::int64_t> limbs_;
    int exponent_;
};

bool same(const Number& number, const ExactSum& expected) {
    return number.value().limbs_from(-3328, 208) == expected.limbs_from(-3328, 208);
}

/// (root * 2^exponent)^2, not carried.
Number square_of(std::uint64_t root, int exponent) {
    Number square(layouts[1]);
    const std::uint64_t low = root % (1U << 28);
    const std::uint64_t high = root >> 28;
    const auto add = [&](std::uint64_t value, int at) {
        l1l2::core::deposit(square.view(), static_cast<std::int64_t>(value), 2 * exponent + at);
    };
    add(low * low, 0);
    add(2 * low * high, 28);
    add(high * high, 56);
    return square;
}

double nearest_double(Number& number) {
    return from_bits<double>(l1l2::core::nearest_double(number.view()));
}

} // namespace

TEST_CASE("any integer is added at any place, and in between the sum may be negative",
          "[fixed_point]") {
    std::mt19937_64 random(1);
    const std::int64_t telling[] = {0,           1,
                                    -1,          limb_mask,
                                    -limb_mask,  INT64_MAX,
                                    INT64_MIN,   INT64_MIN + 1,
                                    0x80000000,  -0x80000000LL,
                                    0x100000000, -0x100000000LL};
    for (int exponent = -64; exponent < 128; ++exponent) {
        for (std::size_t i = 0; i < 40; ++i) {
            const std::int64_t value = i < std::size(telling)
                                           ? telling[i]
                                           : static_cast<std::int64_t>(random() >> (random() % 64));
            Number number({-64, 10});
            ExactSum expected;
            // So much that the sum is not negative.
            for (const std::int64_t part : {value, INT64_MAX, std::int64_t{1}}) {
                l1l2::core::deposit(number.view(), part, exponent);
                expected.add_integer(part, exponent);
            }
            const bool fits = carry(number.view());
            if (!fits || !number.is_canonical() || !same(number, expected)) {
                FAIL(value << " * 2^" << exponent);
            }
        }
    }
    SUCCEED("all places");
}

TEST_CASE("2^29 values fit between two carries", "[fixed_point]") {
    // What as many of the values that fill a limb leave in it.
    for (const std::int64_t value : {INT64_MAX, std::int64_t{0x7FFFFFFF}, INT64_MIN}) {
        for (int exponent = 0; exponent < 32; ++exponent) {
            Number once({0, 8});
            l1l2::core::deposit(once.view(), value, exponent);
            for (const std::int64_t limb : once.limbs()) {
                CHECK(std::abs(limb) <= INT64_MAX >> 29);
            }
        }
    }
}

TEST_CASE("carrying makes limbs of 32 bits and keeps the number", "[fixed_point]") {
    std::mt19937_64 random(2);
    for (int round = 0; round < 2000; ++round) {
        Number number({-64, 12});
        for (std::size_t i = 0; i + 2 < number.limbs().size(); ++i) {
            // Of either sign, with carries that run through many limbs.
            const std::uint64_t kind = random() % 4;
            number.limbs()[i] = kind == 0   ? limb_mask
                                : kind == 1 ? 0
                                            : static_cast<std::int64_t>(random()) >> random() % 64;
        }
        number.limbs()[10] = std::int64_t{1} << 40; // more than is negative below
        const ExactSum expected = number.value();
        const bool fits = carry(number.view());
        if (!fits || !number.is_canonical() || !same(number, expected)) {
            FAIL("round " << round);
        }
        const std::vector<std::int64_t> limbs = number.limbs();
        CHECK(carry(number.view()));
        CHECK(number.limbs() == limbs);
    }
}

TEST_CASE("a number that is negative or too large for its limbs is reported", "[fixed_point]") {
    const auto fits = [](std::vector<std::int64_t> limbs) {
        return carry({limbs.data(), limbs.size(), 0});
    };
    CHECK(fits({0, 0, 0}));
    CHECK(fits({limb_mask, limb_mask, limb_mask}));
    CHECK_FALSE(fits({limb_mask + 1, limb_mask, limb_mask}));
    CHECK_FALSE(fits({0, 0, limb_mask + 1}));
    CHECK_FALSE(fits({0, 0, INT64_MAX}));
    CHECK_FALSE(fits({-1, 0, 0}));
    CHECK_FALSE(fits({0, 0, -1}));
    CHECK_FALSE(fits({0, 0, INT64_MIN}));
    CHECK(fits({-1, 0, 1}));
    CHECK(fits({INT64_MIN + 1, 0x7FFFFFFF, 1}));
    CHECK_FALSE(fits({-1, -limb_mask, 0}));
}

TEST_CASE("the product with a double of any size is exact", "[fixed_point]") {
    std::mt19937_64 random(3);
    std::vector<double> coefficients = {0.0, 0x1p-1074, 0x1.fffffffffffffp1023,
                                        0x1.ffffffffffffep-1023, 0x1p-1022};
    for (int exponent = -1074; exponent <= 1023; exponent += 3) {
        const double mantissa = 1.0 + static_cast<double>(random() >> 12) * 0x1p-52;
        coefficients.push_back(std::ldexp(mantissa, exponent));
    }
    for (const Layout& layout : {layouts[0], layouts[1]}) {
        Number full(layout);
        Number any(layout);
        Number lowest(layout);
        full.set(0, full.bits(), 0xFFFFFFFFFFFFFFFF);
        for (std::int64_t& limb : any.limbs()) {
            limb = random() % 3 == 0 ? 0 : static_cast<std::int64_t>(random()) & limb_mask;
        }
        lowest.limbs()[0] = 1;
        for (Number* const factor : {&full, &any, &lowest}) {
            for (const double coefficient : coefficients) {
                Number product(layouts[2]);
                ExactSum expected;
                // Products are added to what is there.
                for (const double c : {coefficient, 0x1.23456789abcdep-7}) {
                    add_product(product.view(), factor->view(), to_bits(c));
                    expected.add_product(c, factor->value());
                }
                const bool fits = carry(product.view());
                if (!fits || !same(product, expected)) {
                    FAIL(coefficient << ", " << layout.limbs << " limbs");
                }
            }
        }
    }
    SUCCEED("all coefficients");
}

TEST_CASE("the nearest double is that of every number, whatever its highest bit is and what "
          "follows the last one",
          "[fixed_point]") {
    constexpr std::uint64_t odd = 0x10000000000001;
    constexpr std::uint64_t even = 0x1FFFFFFFFFFFFE;
    constexpr std::uint64_t full = 0x1FFFFFFFFFFFFF;
    for (const Layout& layout : layouts) {
        Number zero(layout);
        CHECK(to_bits(nearest_double(zero)) == 0);
        for (int highest = 0; highest < zero.bits(); highest += 1) {
            // In the number's bits, the last one that a double has.
            const int last = std::max(highest - 52, -1074 - layout.exponent);
            const bool telling = highest < 70 || last == -1074 - layout.exponent ||
                                 std::abs(highest + layout.exponent - 1023) < 3;
            if (!telling && highest % 5 != 0) {
                continue;
            }
            for (const std::uint64_t mantissa : {odd, even, full}) {
                // Nothing, the lowest bit of all, half less that, half, half and that, all.
                for (int rest = 0; rest < 6; ++rest) {
                    Number number(layout);
                    number.set(0, last - 1, rest == 2 || rest == 5 ? ~std::uint64_t{0} : 0);
                    number.set(last - 1, last, rest >= 3 ? 1 : 0);
                    if (rest == 1 || rest == 4) {
                        number.set(0, 1, 1);
                    }
                    if (highest >= last) {
                        number.set(last, highest + 1, mantissa >> (52 - (highest - last)));
                    }
                    for (int bit = highest + 1; bit < last; ++bit) {
                        number.set(bit, bit + 1, 0);
                    }
                    const double nearest = nearest_double(number);
                    if (!number.value().rounds_to(nearest)) {
                        FAIL("highest bit " << highest << ", rest " << rest << " gave " << nearest);
                    }
                }
            }
        }
    }
    SUCCEED("all numbers");
}

TEST_CASE("the nearest double of random limbs is the nearest", "[fixed_point]") {
    std::mt19937_64 random(4);
    for (int round = 0; round < 3000; ++round) {
        Number number(layouts[random() % 3]);
        const std::size_t top = random() % number.limbs().size() + 1;
        for (std::size_t i = 0; i < top; ++i) {
            const std::uint64_t kind = random() % 4;
            number.limbs()[i] = kind == 0   ? 0
                                : kind == 1 ? limb_mask
                                            : static_cast<std::int64_t>(random()) & limb_mask;
        }
        if (!number.value().rounds_to(nearest_double(number))) {
            FAIL("round " << round);
        }
    }
    SUCCEED("all numbers");
}

TEST_CASE("the nearest double of a square root is found for any number", "[fixed_point]") {
    std::mt19937_64 random(11);
    // Bit 28 is worth 2^-2148. Lower ones can only be in an accumulator that no function has made.
    constexpr int lowest = 0;
    const auto check = [](Number& number) {
        const auto root = from_bits<double>(l1l2::core::nearest_root(number.view()));
        if (!number.value().root_rounds_to(root)) {
            FAIL("the root is not " << root);
        }
    };
    for (int highest = lowest; highest < 134 * 32; ++highest) {
        for (int i = 0; i < 8; ++i) {
            Number number(layouts[1]);
            number.set(highest, highest + 1, 1);
            // Bits far apart, in a row, or none.
            const int from = std::max(lowest, highest - static_cast<int>(random() % 240));
            number.set(from, highest, i < 2 ? UINT64_MAX : i < 4 ? 0 : random());
            check(number);
            number.set(lowest, lowest + 1, random());
            check(number);
        }
    }
    Number zero(layouts[1]);
    CHECK(l1l2::core::nearest_root(zero.view()) == 0);
}

TEST_CASE(
    "the root of a square halfway between doubles goes to the even one, beside it to the near",
    "[fixed_point]") {
    std::mt19937_64 random(12);
    for (int i = 0; i < 4000; ++i) {
        // A middle of 54 bits, of fewer where the root is subnormal; the last ones overflow.
        const int exponent = i % 4 < 2 ? -1075 : static_cast<int>(random() % 2046) - 1075;
        const bool subnormal = exponent == -1075;
        const std::uint64_t middle =
            (subnormal ? random() >> (11 + random() % 52)
                       : (std::uint64_t{1} << 53) + (random() >> (11 + random() % 52))) |
            1U;
        Number square = square_of(middle, exponent);
        for (const std::int64_t beside : {0, 1, -2}) {
            l1l2::core::deposit(square.view(), beside, -2150);
            REQUIRE(carry(square.view()));
            const auto root = from_bits<double>(l1l2::core::nearest_root(square.view()));
            if (!square.value().root_rounds_to(root)) {
                FAIL(middle << " * 2^" << exponent << ", " << beside);
            }
        }
    }
    // In the 56 bits that are computed: at the middle, with a rest of once or twice the root or 1,
    // and just above it.
    constexpr std::uint64_t root = (std::uint64_t{1} << 55) + (1U << 28) - 12;
    for (const auto& [computed, rest] :
         {std::pair(root, root), {root, 2 * root}, {root, 1}, {root + 1, 0}, {root + 2, 0}}) {
        Number square = square_of(computed, 0);
        l1l2::core::deposit(square.view(), static_cast<std::int64_t>(rest), 0);
        REQUIRE(carry(square.view()));
        const auto nearest = from_bits<double>(l1l2::core::nearest_root(square.view()));
        CHECK(square.value().root_rounds_to(nearest));
    }
}

TEST_CASE("sum x^2 <= (sum |x|)^2 <= n sum x^2 is decided to the last bit", "[fixed_point]") {
    std::mt19937_64 random(13);
    int decided[2] = {0, 0};
    const auto check = [&](Number& absolute, Number& square, std::uint64_t n) {
        const ExactSum of_absolute = absolute.value().squared();
        const ExactSum of_square = square.value();
        const bool expected = of_square.compare_product(1, of_absolute) <= 0 &&
                              of_square.compare_product(n, of_absolute) >= 0;
        ++decided[expected ? 1 : 0];
        if (l1l2::core::are_sums_of(absolute.view(), square.view(), n) != expected) {
            FAIL(n << " elements: " << expected);
        }
    };
    for (int i = 0; i < 3000; ++i) {
        Number absolute(layouts[0]);
        Number square(layouts[1]);
        const int top = 96 + static_cast<int>(random() % (32 * 68 - 100));
        absolute.set(top - static_cast<int>(random() % 96), top + 1, random() | 1U);
        const std::uint64_t n = (random() >> (1 + random() % 63)) | 1U;
        // The square, the square over n, and their neighbours.
        const auto limbs = absolute.value().squared().limbs_from(-2176, 136);
        if (limbs[134] != 0 || limbs[135] != 0) {
            continue;
        }
        std::copy_n(limbs.begin(), 134, square.limbs().begin());
        check(absolute, square, n);
        if (i % 2 == 0) {
            std::uint64_t rest = 0;
            for (std::size_t limb = 134; limb-- > 0;) {
                __extension__ using Wide = unsigned __int128;
                const Wide dividend =
                    (static_cast<Wide>(rest) << 32U) + static_cast<std::uint64_t>(limbs[limb]);
                square.limbs()[limb] = static_cast<std::int64_t>(dividend / n);
                rest = static_cast<std::uint64_t>(dividend % n);
            }
            check(absolute, square, n);
        }
        for (const std::int64_t change : {1, -2}) {
            l1l2::core::deposit(square.view(), change, -2176);
            if (!carry(square.view())) {
                break;
            }
            check(absolute, square, n);
        }
    }
    CHECK(decided[0] > 500);
    CHECK(decided[1] > 500);
    // Sums that are far from each other.
    for (int gap = -140; gap <= 140; ++gap) {
        Number absolute(layouts[0]);
        Number square(layouts[1]);
        absolute.set(1088, 1089, 1);
        square.set(2176 + gap, 2177 + gap, 1);
        for (const std::uint64_t n : {std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{1} << 62}) {
            check(absolute, square, n);
        }
    }
    // Of many elements, sum x^2 about 4 times (sum |x|)^2.
    Number one(layouts[0]);
    Number four(layouts[1]);
    one.set(1088, 1089, 1);
    four.set(2147, 2178, 0x7FFFFFFF);
    check(one, four, INT64_MAX);
    // sum |x| is almost the next number of 31 bits, whose square is a little more than 2 sum x^2.
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t leading = (random() >> 34) | 0x40000000U;
        const std::uint64_t half = (leading + 1) * (leading + 1) >> 32;
        Number absolute(layouts[0]);
        Number square(layouts[1]);
        absolute.set(1088, 1152, UINT64_MAX);
        absolute.set(1152, 1183, leading);
        square.set(2335, 2366, half);
        check(absolute, square, 2);
    }
    // The square without its lowest bit, and nothing but that bit.
    for (const int distance : {40, 200, 600}) {
        Number absolute(layouts[0]);
        Number square(layouts[1]);
        absolute.set(1088, 1089, 1);
        absolute.set(1088 + distance, 1089 + distance, 1);
        square.set(2177 + distance, 2178 + distance, 1);
        square.set(2176 + 2 * distance, 2177 + 2 * distance, 1);
        check(absolute, square, 1);
        Number bit(layouts[1]);
        bit.set(2176, 2177, 1);
        check(absolute, bit, 1);
    }
    // Of the lowest bits, and of none.
    for (std::int64_t i = 0; i < 10 * 101; ++i) {
        Number absolute(layouts[0]);
        Number square(layouts[1]);
        absolute.limbs()[0] = i % 10;
        square.limbs()[0] = i / 10;
        for (std::uint64_t n = 1; n < 6; ++n) {
            check(absolute, square, n);
        }
    }
}

TEST_CASE("what is behind the limbs of sum |x| does not matter", "[fixed_point]") {
    // As in an accumulator, those of sum x^2 are there. The first limb and the last are in use.
    std::vector<std::int64_t> limbs(68 + 134);
    limbs[67] = 1 << 4;  // 2^1060
    limbs[68] = 1;       // 2^-2176
    limbs[68 + 133] = 1; // 2^2080
    CHECK(l1l2::core::are_sums_of({limbs.data(), 68, -1088}, {limbs.data() + 68, 134, -2176},
                                  std::uint64_t{1} << 40));
}
