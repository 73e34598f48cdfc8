/// Exact sums with every kernel that this CPU can run, beside those of plain C++, which in turn
/// stand beside big integers: no instruction set, address, place or range of exponents changes a
/// bit.
#include "accumulator.hpp"
#include "catch.hpp"
#include "data.hpp"
#include "exact_sums.hpp"
#include "surrounded.hpp"

#include <algorithm>
#include <cmath>
#include <string>

using namespace exact;
using l1l2::core::ExactSums;
using l1l2::kernels::Dtype;
using l1l2::kernels::ExactParts;
using l1l2::kernels::ExactSink;
using l1l2::kernels::KernelTable;
using l1l2::kernels::runnable_tables;
using l1l2::kernels::Tables;

namespace {

template <class T>
constexpr std::size_t block = l1l2::kernels::exact_block_elements(core_dtype<T>);

constexpr std::uint64_t ones = ~std::uint64_t{0};

/// The table whose sums are made element by element.
const KernelTable& plain = l1l2::kernels::generic;

template <class T>
Accumulator sums_with(const KernelTable& table, const void* x, std::size_t n) {
    Accumulator sums = {};
    ExactSums exact_sums;
    static_cast<void>(exact_sums.load(sums.data()));
    static_cast<void>(exact_sums.add_to_count(n));
    exact_sums.add(table, core_dtype<T>, x, n);
    exact_sums.store(sums.data());
    return sums;
}

/// Empty if every table gives this accumulator, else which does not.
template <class T>
std::string other_than(const Accumulator& expected, const void* x, std::size_t n) {
    static const Tables tables = runnable_tables();
    for (std::size_t t = 0; t < tables.count; ++t) {
        const std::string where = difference(sums_with<T>(*tables.table[t], x, n), expected);
        if (!where.empty()) {
            return std::string(tables.table[t]->name) + ": " + where;
        }
    }
    return "";
}

/// The same beside plain C++, and from time to time beside big integers, which take longer.
template <class T>
class Comparison {
  public:
    std::string difference_of(const std::vector<T>& x) {
        const Accumulator expected = sums_with<T>(plain, x.data(), x.size());
        if (++compared_ % 61 == 0) {
            const std::string where = difference(expected, truth_of(x).accumulator());
            if (!where.empty()) {
                return "plain: " + where;
            }
        }
        return other_than<T>(expected, x.data(), x.size());
    }

  private:
    unsigned compared_ = 0;
};

/// How the elements of a block are spread over some places of their highest bits. The lowest ones
/// have a last bit that must not be lost, the highest ones all bits set.
enum class Spread {
    mostly_highest, ///< a few of the lowest
    one_lowest,     ///< among zeros of either sign and the highest
    alternating,
    random,
    random_with_zeros
};
constexpr Spread spreads[] = {Spread::mostly_highest, Spread::one_lowest, Spread::alternating,
                              Spread::random, Spread::random_with_zeros};

template <class T>
std::vector<T> spread_elements(std::size_t n, Spread spread, int lowest, int highest,
                               std::mt19937_64& random) {
    const T high = element_at<T>(highest, ones);
    const T low = element_at<T>(lowest, random() | 1);
    const std::size_t special = random() % (n / 2);
    std::vector<T> x(n, high);
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint64_t bits = random();
        const int place =
            lowest + static_cast<int>(bits % static_cast<unsigned>(highest - lowest + 1));
        const bool zero = (bits >> 20) % 2 != 0;
        switch (spread) {
        case Spread::mostly_highest: x[i] = i % 37 == special % 37 ? low : high; break;
        case Spread::one_lowest: x[i] = i == special ? low : zero ? from_bits<T>(0) : high; break;
        case Spread::alternating: x[i] = i % 2 == 0 ? low : high; break;
        case Spread::random: x[i] = element_at<T>(place, (bits >> 11) | 1); break;
        case Spread::random_with_zeros:
            x[i] = zero ? from_bits<T>(0) : element_at<T>(place, (bits >> 11) | 1);
            break;
        }
        if (bits >> 63 != 0) {
            x[i] = from_bits<T>(to_bits(x[i]) ^ Format<T>::sign);
        }
    }
    x[special] = low;
    x[special + 1] = high;
    return x;
}

/// Every difference of two places up to 70, and some up to the whole range.
template <class T>
std::vector<int> ranges() {
    std::vector<int> ranges;
    for (int range = 0; range < places<T>; range += range < 70 ? 1 : range < 128 ? 7 : 61) {
        ranges.push_back(range);
    }
    ranges.push_back(places<T> - 1);
    return ranges;
}

/// Sizes of some accumulators of every kernel, and what is around blocks.
std::vector<std::size_t> sizes() {
    std::vector<std::size_t> sizes;
    for (std::size_t n = 0; n <= 300; ++n) {
        sizes.push_back(n);
    }
    for (const std::size_t boundary : {512U, 1024U, 2048U, 4096U, 6144U, 8192U}) {
        for (const std::size_t tail : {0U, 1U, 2U, 18U, 34U, 66U}) {
            sizes.push_back(boundary - 1 + tail);
        }
    }
    return sizes;
}

/// Elements that go through the kernels, and such as cannot.
template <class T>
std::vector<std::vector<T>> arrays(std::size_t n) {
    return {ordinary_elements<T>(n, 1), finite_elements<T>(n, 2), rough_elements<T>(n, 3)};
}

/// Has every kernel sum n elements right behind an unreadable page and right before one.
template <class T>
void check_between_pages(Surrounded& memory, const T* x, std::size_t n) {
    const Accumulator expected = sums_with<T>(plain, x, n);
    for (const bool at_end : {true, false}) {
        const void* const at = memory.place(x, n * sizeof(T), 0, at_end);
        const std::string where = other_than<T>(expected, at, n);
        if (!where.empty()) {
            FAIL("n = " << n << ", " << where);
        }
    }
}

} // namespace

TEMPLATE_TEST_CASE("a block of ordinary elements goes through every kernel of exact sums",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    // What the other tests compare would else be plain C++ with itself.
    std::vector<TestType> x = ordinary_elements<TestType>(5 * block<TestType>, 1);
    const Tables tables = runnable_tables();
    for (const bool with_zeros : {false, true}) {
        for (std::size_t i = 0; with_zeros && i < x.size(); i += 3) {
            x[i] = from_bits<TestType>(0);
        }
        for (std::size_t t = 0; t < tables.count; ++t) {
            std::size_t element_by_element = 0;
            const ExactSink sink = {
                &element_by_element, [](void*, const ExactParts&) {},
                [](void* elements, const char*, std::size_t n, l1l2::kernels::ExactPlacesKernel) {
                    *static_cast<std::size_t*>(elements) += n;
                }};
            const auto dtype = static_cast<std::size_t>(core_dtype<TestType>);
            tables.table[t]->exact[dtype](x.data(), x.size(), sink);
            INFO(tables.table[t]->name << (with_zeros ? ", with zeros" : ""));
            CHECK(element_by_element == (tables.table[t] == &plain ? x.size() : 0));
        }
    }
}

TEST_CASE("sums are right before they have been stored", "[exact_sums]") {
    const auto added = [] {
        const double x = 1.5;
        l1l2::core::ExactSums sums;
        sums.clear();
        static_cast<void>(sums.add_to_count(23));
        for (int i = 0; i < 23; ++i) { // so that limbs of both sums have to be carried
            sums.add(plain, Dtype::float64, &x, 1);
        }
        return sums;
    };
    CHECK(added().absolute() == to_bits(34.5));
    CHECK(added().square() == to_bits(51.75));
    CHECK(added().norm() == to_bits(std::sqrt(51.75)));
    // Times a limb that has not been carried, this is too large for 64 bits.
    constexpr double coefficient = 0x1.fffffffffffffp0;
    CHECK(added().penalty({coefficient, 0.0}) == to_bits(34.5 * coefficient));
}

TEMPLATE_TEST_CASE("exact sums of elements of all kinds are the same with every kernel",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    for (const std::vector<TestType>& x : arrays<TestType>(3 * 4096 + 77)) {
        const Accumulator expected = truth_of(x).accumulator();
        CHECK(difference(sums_with<TestType>(plain, x.data(), x.size()), expected) == "");
        CHECK(other_than<TestType>(expected, x.data(), x.size()) == "");
    }
}

TEMPLATE_TEST_CASE("exact sums of every value of a narrow type are the same with every kernel",
                   "[exact_sums]", Float16, Bfloat16) {
    // In the order of their patterns, so that most blocks have few exponents.
    const std::vector<TestType> x = all_values<TestType>();
    CHECK(other_than<TestType>(truth_of(x).accumulator(), x.data(), x.size()) == "");
    for (std::size_t i = 0; i < x.size(); i += 128) {
        const std::string where =
            other_than<TestType>(sums_with<TestType>(plain, &x[i], 128), &x[i], 128);
        if (!where.empty()) {
            FAIL("from pattern " << i << " on, " << where);
        }
    }
}

TEMPLATE_TEST_CASE("exact sums are the same with every kernel at every size, right behind an "
                   "unreadable page and right before one",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    Surrounded memory(20);
    for (const std::vector<TestType>& x : arrays<TestType>(9000)) {
        for (const std::size_t n : sizes()) {
            check_between_pages(memory, x.data(), n);
        }
    }
    SUCCEED("all sizes"); // a byte too far would have been the end
}

TEMPLATE_TEST_CASE("exact sums are the same with every kernel at every address, between NaNs",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    Surrounded memory(20);
    const std::vector<TestType> x = ordinary_elements<TestType>(9000, 1);
    for (const std::size_t n :
         {1U, 7U, 8U, 16U, 31U, 32U, 33U, 64U, 77U, 128U, 161U, 2049U, 4111U}) {
        const Accumulator expected = sums_with<TestType>(plain, x.data(), n);
        for (std::size_t offset = 0; offset < 64; ++offset) {
            for (const bool at_end : {true, false}) {
                const void* const at = memory.place(x.data(), n * sizeof(TestType), offset, at_end);
                const std::string where = other_than<TestType>(expected, at, n);
                if (!where.empty() || !memory.surroundings_intact()) {
                    FAIL("n = " << n << ", " << offset << " bytes from the "
                                << (at_end ? "end, " : "begin, ") << where);
                }
            }
        }
    }
    SUCCEED("all addresses");
}

TEMPLATE_TEST_CASE("exact sums are the same with every kernel for every range of exponents, "
                   "wherever it is",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    std::mt19937_64 random(1);
    Comparison<TestType> comparison;
    const bool many = places<TestType> > 300;
    std::size_t spread = 0;
    for (const int range : ranges<TestType>()) {
        // Of float64 all places for what its mantissa bits and those of their squares need.
        const bool telling = range < 2 || range == 26 || range == 53 || range == 54;
        for (int lowest = 0; lowest + range < places<TestType>;
             lowest += many && !telling ? 13 : 1) {
            spread = (spread + 1) % std::size(spreads);
            const std::string where = comparison.difference_of(
                spread_elements<TestType>(167, spreads[spread], lowest, lowest + range, random));
            if (!where.empty()) {
                FAIL("places " << lowest << " to " << lowest + range << ", spread " << spread
                               << ", " << where);
            }
        }
    }
    SUCCEED("all ranges");
}

TEMPLATE_TEST_CASE("a whole block of the largest elements of a range overflows nothing",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    std::mt19937_64 random(2);
    Comparison<TestType> comparison;
    for (const int range : ranges<TestType>()) {
        const int room = places<TestType> - 1 - range;
        for (const int lowest : {0, room / 5, room / 2, room * 3 / 4, room}) {
            for (const Spread spread : spreads) {
                const std::string where = comparison.difference_of(spread_elements<TestType>(
                    block<TestType> + 77, spread, lowest, lowest + range, random));
                if (!where.empty()) {
                    FAIL("places " << lowest << " to " << lowest + range << ", spread "
                                   << static_cast<int>(spread) << ", " << where);
                }
            }
        }
    }
    SUCCEED("all ranges");
}

TEST_CASE("the squares of a whole block of float64 may all be rounded the same way",
          "[exact_sums]") {
    // Of many numbers the two whose squares are rounded most.
    std::mt19937_64 random(3);
    std::uint64_t down = 0;
    std::uint64_t up = 0;
    double lowest = 0.0;
    double highest = 0.0;
    for (int i = 0; i < 3000; ++i) {
        const std::uint64_t fraction = random() >> 12;
        const double x = 1.0 + static_cast<double>(fraction) * 0x1p-52;
        const double error = std::fma(x, x, -(x * x)) / std::ldexp(1.0, std::ilogb(x * x));
        if (error < lowest) {
            lowest = error;
            up = fraction;
        }
        if (error > highest) {
            highest = error;
            down = fraction;
        }
    }
    REQUIRE(lowest < -0x1.fp-54);
    REQUIRE(highest > 0x1.fp-54);
    // And one of 27 ones, whose square lies in the middle of two.
    constexpr std::uint64_t middle = 0xFFFFFFC000000;
    Comparison<double> comparison;
    for (const std::uint64_t fraction : {down, up, middle}) {
        for (int place = 52; place < places<double>; place += 29) {
            for (const int range : {0, 1, 2, 5, 10, 20, 30, 40, 50, 53, 60}) {
                std::vector<double> x(block<double> + 5, element_at<double>(place, fraction));
                x[100] = element_at<double>(std::max(place - range, 0), 1);
                const std::string where = comparison.difference_of(x);
                if (!where.empty()) {
                    FAIL("place " << place << ", range " << range << ", " << where);
                }
            }
        }
    }
    SUCCEED("all places");
}

TEMPLATE_TEST_CASE("the smallest element of a block is kept, wherever it stands", "[exact_sums]",
                   Float16, Bfloat16, float, double) {
    const int top = std::min(places<TestType> - 1, Format<TestType>::fraction_bits + 140);
    const TestType high = element_at<TestType>(top, ones);
    const auto everywhere = [&](std::size_t n, int place) {
        const TestType low = element_at<TestType>(place, 1);
        Truth truth;
        truth.add(truth_of<TestType>({high}), static_cast<std::int64_t>(n) - 1);
        truth.add(low);
        const Accumulator expected = truth.accumulator();
        std::vector<TestType> x(n, high);
        for (std::size_t i = 0; i < n; ++i) {
            x[i] = low;
            const std::string where = other_than<TestType>(expected, x.data(), n);
            if (!where.empty()) {
                FAIL("place " << place << " below " << top << ", element " << i << " of " << n
                              << ", " << where);
            }
            x[i] = high;
        }
    };
    everywhere(block<TestType>, std::max(top - 20, 0));
    for (int place = 0; place <= top; place += top - place < 70 ? 3 : 17) {
        everywhere(163, place);
    }
    SUCCEED("all places");
}

TEMPLATE_TEST_CASE("an infinity or a NaN is counted, wherever it stands, and all else is added",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    using F = Format<TestType>;
    const std::uint64_t specials[] = {F::infinity,
                                      std::uint64_t{F::infinity} + F::sign,
                                      F::quiet_nan,
                                      std::uint64_t{F::infinity} + 1,
                                      std::uint64_t{F::infinity} + F::sign + 1,
                                      std::uint64_t{F::quiet_nan} - 1,
                                      2 * std::uint64_t{F::sign} - 1};
    // As many different elements as are not too many to know each sum before.
    constexpr std::size_t period = 5;
    std::vector<TestType> x = ordinary_elements<TestType>(period, 1);
    while (x.size() < block<TestType> + 40) {
        x.push_back(x[x.size() - period]);
    }
    std::vector<Accumulator> expected;
    for (std::size_t i = 0; i < std::size(specials) * period; ++i) {
        std::vector<TestType> some = x;
        some[i] = from_bits<TestType>(specials[i % std::size(specials)]);
        expected.push_back(truth_of(some).accumulator());
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
        const TestType kept = x[i];
        x[i] = from_bits<TestType>(specials[i % std::size(specials)]);
        const std::string where =
            other_than<TestType>(expected[i % expected.size()], x.data(), x.size());
        if (!where.empty()) {
            FAIL("element " << i << ", " << where);
        }
        x[i] = kept;
    }
    // As many as there are elements, of both kinds.
    for (const std::vector<TestType>& all :
         {std::vector<TestType>(5000, from_bits<TestType>(F::infinity)),
          std::vector<TestType>(5000, from_bits<TestType>(F::infinity + 1))}) {
        CHECK(other_than<TestType>(truth_of(all).accumulator(), all.data(), all.size()) == "");
    }
}

TEMPLATE_TEST_CASE("exact sums are the same with every kernel, whatever blocks follow each other",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    std::mt19937_64 random(6);
    Comparison<TestType> comparison;
    const int most = places<TestType> - 1;
    for (int round = 0; round < 60; ++round) {
        std::vector<TestType> x;
        const std::size_t blocks = round < 30 ? static_cast<std::size_t>(round) : random() % 40;
        for (std::size_t i = 0; i <= blocks; ++i) {
            // The last one is no whole one.
            const std::size_t n = i < blocks ? block<TestType> : 100 + random() % 3000;
            const int lowest = static_cast<int>(random() % static_cast<unsigned>(most));
            const int highest = std::min(most, lowest + static_cast<int>(random() % 40));
            std::vector<TestType> some = spread_elements<TestType>(
                n, spreads[random() % std::size(spreads)], lowest, highest, random);
            switch (random() % 8) {
            case 0: some = std::vector<TestType>(n, from_bits<TestType>(0)); break;
            case 1: some = rough_elements<TestType>(n, static_cast<unsigned>(i)); break;
            case 2: some = finite_elements<TestType>(n, static_cast<unsigned>(i)); break;
            case 3: some[random() % n] = from_bits<TestType>(Format<TestType>::infinity); break;
            case 4: some[random() % n] = element_at<TestType>(0, 0); break;
            case 5: some[random() % n] = element_at<TestType>(most, ones); break;
            default: break;
            }
            x.insert(x.end(), some.begin(), some.end());
        }
        const std::string where = comparison.difference_of(x);
        if (!where.empty()) {
            FAIL("round " << round << ", " << where);
        }
    }
    SUCCEED("all rounds");
}

TEMPLATE_TEST_CASE("no byte beyond the elements of many blocks is read for exact sums",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    constexpr std::size_t most = 16 * block<TestType>;
    Surrounded memory(80);
    const std::vector<TestType> x = ordinary_elements<TestType>(most + 2 * block<TestType>, 1);
    for (const std::size_t boundary :
         {most, most - block<TestType>, most + block<TestType>, 3 * block<TestType>}) {
        for (const std::size_t n :
             {boundary - 33, boundary - 1, boundary, boundary + 1, boundary + 63}) {
            check_between_pages(memory, x.data(), n);
        }
    }
    SUCCEED("all sizes"); // a byte too far would have been the end
}

TEMPLATE_TEST_CASE("exact sums of blocks of zeros are the same with every kernel", "[exact_sums]",
                   Float16, Bfloat16, float, double) {
    std::vector<TestType> x(block<TestType> + 100, from_bits<TestType>(0));
    for (std::size_t i = 0; i < x.size(); i += 3) {
        x[i] = from_bits<TestType>(Format<TestType>::sign);
    }
    CHECK(other_than<TestType>(truth_of(x).accumulator(), x.data(), x.size()) == "");
    // One that is no zero, of which in float64 the upper half may be one, in the block and behind
    // it.
    for (const std::size_t i :
         {std::size_t{0}, std::size_t{77}, block<TestType> - 1, x.size() - 1}) {
        for (const std::uint64_t bits : {std::uint64_t{1}, std::uint64_t{Format<TestType>::one},
                                         std::uint64_t{Format<TestType>::sign} + 1}) {
            const TestType kept = x[i];
            x[i] = from_bits<TestType>(bits);
            CHECK(other_than<TestType>(truth_of(x).accumulator(), x.data(), x.size()) == "");
            x[i] = kept;
        }
    }
}

TEST_CASE("float64 of which only the lower half differs from zero are kept", "[exact_sums]") {
    std::mt19937_64 random(4);
    Comparison<double> comparison;
    for (int round = 0; round < 200; ++round) {
        std::vector<double> x(block<double> + 9);
        for (double& element : x) {
            const std::uint64_t bits = random();
            element = from_bits<double>((bits >> 32) >> (bits % 32) |
                                        (round % 2 != 0 ? bits & Format<double>::sign : 0));
        }
        if (round % 4 > 1) {
            x[static_cast<std::size_t>(round)] = from_bits<double>(random() >> (2 + round % 20));
        }
        const std::string where = comparison.difference_of(x);
        if (!where.empty()) {
            FAIL("round " << round << ", " << where);
        }
    }
    SUCCEED("all of them");
}

TEMPLATE_TEST_CASE("elements near the square roots of the ends of float64 are squared exactly",
                   "[exact_sums]", float, double) {
    // And, in float32, near the smallest and the largest of all.
    std::mt19937_64 random(5);
    Comparison<TestType> comparison;
    const int middle = std::is_same_v<TestType, double> ? 1074 : 149;
    for (const int root : {-1074, -1022, -537, -511, -508, 480, 500, 511, 512, 1023, -126, 127}) {
        for (int around = -60; around <= 60; around += 3) {
            const int place = root + around + middle;
            if (place < 0 || place + 5 >= places<TestType>) {
                continue;
            }
            for (const Spread spread : spreads) {
                const std::string where = comparison.difference_of(
                    spread_elements<TestType>(167, spread, place, place + 5, random));
                if (!where.empty()) {
                    FAIL("2^" << root + around << ", " << where);
                }
            }
        }
    }
    SUCCEED("all places");
}

TEMPLATE_TEST_CASE("a block of which all elements have one exponent but an infinity overflows "
                   "nothing",
                   "[exact_sums]", Float16, Bfloat16, float, double) {
    using F = Format<TestType>;
    constexpr auto one = static_cast<int>(F::one >> F::fraction_bits);
    for (const int place : {F::fraction_bits, F::fraction_bits + one, places<TestType> - 1}) {
        for (const std::uint64_t fraction : {ones, std::uint64_t{0}}) {
            std::vector<TestType> x(block<TestType>, element_at<TestType>(place, fraction));
            x[1] = from_bits<TestType>(F::infinity);
            CHECK(other_than<TestType>(truth_of(x).accumulator(), x.data(), x.size()) == "");
        }
    }
}

TEMPLATE_TEST_CASE("subnormal elements, zeros and what is around the middle exponents of float64 "
                   "are kept in blocks of all exponents",
                   "[exact_sums]", float, double) {
    using F = Format<TestType>;
    std::mt19937_64 random(7);
    constexpr int first = l1l2::kernels::exact_first_field(core_dtype<TestType>);
    constexpr int last = first + l1l2::kernels::exact_fields - 1;
    constexpr auto special = static_cast<int>(std::uint64_t{F::infinity} >> F::fraction_bits);
    constexpr int fields[] = {0,        1,    first - 1, first,      first + 1,
                              last - 1, last, last + 1,  special - 1};
    for (const std::size_t n : {63U, 64U, 65U, 66U, 67U, 2047U, 2048U, 2049U, 4096U, 4099U}) {
        for (const int left_out : fields) {
            std::vector<TestType> x(n, from_bits<TestType>(0));
            for (std::size_t i = 0; i < n; i += 1 + random() % 2) {
                const int field = fields[random() % std::size(fields)];
                if (field != left_out && field >= 0 && field < special) {
                    x[i] = from_bits<TestType>(
                        (static_cast<std::uint64_t>(field) << F::fraction_bits) +
                        random() % (std::uint64_t{1} << F::fraction_bits));
                }
            }
            const std::string where =
                other_than<TestType>(truth_of(x).accumulator(), x.data(), x.size());
            if (!where.empty()) {
                FAIL("n = " << n << " without " << left_out << ", " << where);
            }
        }
    }
    SUCCEED("all of them");
}

TEMPLATE_TEST_CASE("a power of two is kept in a block of ones, whatever its exponent",
                   "[exact_sums]", float, double) {
    using F = Format<TestType>;
    std::vector<TestType> x(64, TestType{1});
    for (std::uint64_t bits = std::uint64_t{1} << F::fraction_bits; bits < F::infinity;
         bits += std::uint64_t{1} << F::fraction_bits) {
        x[bits % 61] = from_bits<TestType>(bits);
        const std::string where =
            other_than<TestType>(truth_of(x).accumulator(), x.data(), x.size());
        x[bits % 61] = TestType{1};
        if (!where.empty()) {
            FAIL("bits " << std::hex << bits << ", " << where);
        }
    }
    SUCCEED("all exponents");
}
