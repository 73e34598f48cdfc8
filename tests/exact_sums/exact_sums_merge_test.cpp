/// Accumulators that travel: split, merged, added up element by element.
#include "catch.hpp"
#include "sound_accumulators.hpp"

#include <functional>
#include <string>
#include <utility>

using namespace exact;
using training::both;

namespace {

/// All types, and all that is special.
struct Elements {
    explicit Elements(std::size_t n, unsigned seed = 1)
        : halves(finite_elements<Float16>(n, seed)),
          bfloats(finite_elements<Bfloat16>(n, seed + 1)),
          floats(finite_elements<float>(n, seed + 2)),
          doubles(finite_elements<double>(n, seed + 3)) {}

    Truth truth() const {
        Truth truth;
        truth.add(halves);
        truth.add(bfloats);
        truth.add(floats);
        truth.add(doubles);
        return truth;
    }

    std::vector<Float16> halves;
    std::vector<Bfloat16> bfloats;
    std::vector<float> floats;
    std::vector<double> doubles;
};

/// Some accumulators of the same elements, added up in a random tree, in all ways that there are.
Accumulator added_up(std::vector<Accumulator> accumulators, std::mt19937_64& random) {
    while (accumulators.size() > 1) {
        const std::size_t i = random() % accumulators.size();
        std::swap(accumulators[i], accumulators.back());
        const Accumulator last = accumulators.back();
        accumulators.pop_back();
        Accumulator& other = accumulators[random() % accumulators.size()];
        switch (random() % 3) {
        case 0: other = other + last; break;
        case 1: REQUIRE(l1l2_exact_sums_merge(other.data(), last.data()) == L1L2_OK); break;
        default:
            other = other + last;
            REQUIRE(add(other, std::vector<double>()) == L1L2_OK); // writes it anew
        }
    }
    return accumulators[0];
}

} // namespace

TEST_CASE("the same elements end in the same bits, however they were split and in whatever order",
          "[exact_sums][bits]") {
    Elements elements(2000);
    elements.halves[3] = from_bits<Float16>(Format<Float16>::infinity);
    elements.doubles[4] = from_bits<double>(Format<double>::quiet_nan);
    const Accumulator expected = elements.truth().accumulator();
    for (unsigned seed = 0; seed < 30; ++seed) {
        std::mt19937_64 random(seed);
        std::vector<Accumulator> accumulators(1 + random() % 20);
        // Pieces of a random length, each to one of the accumulators.
        std::size_t left[] = {2000, 2000, 2000, 2000};
        std::shuffle(elements.floats.begin(), elements.floats.end(), random);
        std::shuffle(elements.doubles.begin(), elements.doubles.end(), random);
        const auto add_piece = [&](const auto& x, std::size_t& of) {
            const std::size_t n = std::min<std::size_t>(of, random() % 500);
            of -= n;
            using T = typename std::decay_t<decltype(x)>::value_type;
            Accumulator& sums = accumulators[random() % accumulators.size()];
            REQUIRE(l1l2_exact_sums_add(sums.data(), Format<T>::dtype, &x[of], n) == L1L2_OK);
        };
        while (left[0] + left[1] + left[2] + left[3] > 0) {
            switch (random() % 4) {
            case 0: add_piece(elements.halves, left[0]); break;
            case 1: add_piece(elements.bfloats, left[1]); break;
            case 2: add_piece(elements.floats, left[2]); break;
            default: add_piece(elements.doubles, left[3]); break;
            }
        }
        const Accumulator sums = added_up(accumulators, random);
        INFO("seed " << seed);
        CHECK(difference(canonical(sums), expected) == "");
        // Also before it was written by a function.
        CHECK(reads_as(sums, elements.truth()));
    }
}

TEST_CASE("one element at a time or all at once are the same bits", "[exact_sums]") {
    const std::vector<float> elements = rough_elements<float>(1000, 1);
    Accumulator one_by_one = {};
    Accumulator backwards = {};
    for (std::size_t i = 0; i < elements.size(); ++i) {
        CHECK(l1l2_exact_sums_add(one_by_one.data(), L1L2_FLOAT32, &elements[i], 1) == L1L2_OK);
        CHECK(l1l2_exact_sums_add(backwards.data(), L1L2_FLOAT32,
                                  &elements[elements.size() - 1 - i], 1) == L1L2_OK);
    }
    CHECK(difference(one_by_one, sums_of(elements)) == "");
    CHECK(difference(backwards, sums_of(elements)) == "");
}

TEST_CASE("the same values have the same sums in every type that holds them",
          "[exact_sums][bits]") {
    std::vector<Float16> halves = ordinary_elements<Float16>(5000, 1);
    std::vector<Bfloat16> bfloats;
    std::vector<float> floats;
    std::vector<double> doubles;
    for (Float16& half : halves) {
        half.pattern &= 0xFFF8; // as many mantissa bits as a bfloat16 has
        doubles.push_back(value_of(half));
        floats.push_back(static_cast<float>(value_of(half)));
        bfloats.push_back(nearest<Bfloat16>(floats.back()));
    }
    const Accumulator expected = sums_of(halves);
    CHECK(difference(sums_of(bfloats), expected) == "");
    CHECK(difference(sums_of(floats), expected) == "");
    CHECK(difference(sums_of(doubles), expected) == "");
}

TEST_CASE("an accumulator added to itself is twice its elements", "[exact_sums]") {
    const Elements elements(500);
    Truth twice;
    twice.add(elements.truth(), 2);
    Accumulator sums = canonical(sums_of(elements.halves) + sums_of(elements.bfloats) +
                                 sums_of(elements.floats) + sums_of(elements.doubles));
    CHECK(l1l2_exact_sums_merge(sums.data(), sums.data()) == L1L2_OK);
    CHECK(difference(sums, twice.accumulator()) == "");
}

TEST_CASE("a function writes one part, to the bit, of an accumulator that was added up",
          "[exact_sums]") {
    for (const Accumulator& sums : sound_accumulators()) {
        const Accumulator written = canonical(sums);
        CHECK(written[tag_index] == (sums[count_index] > 0 ? layout_tag : 0));
        CHECK(difference(canonical(written), written) == "");
        Accumulator by_add = sums;
        CHECK(l1l2_exact_sums_add(by_add.data(), L1L2_FLOAT16, nullptr, 0) == L1L2_OK);
        CHECK(difference(by_add, written) == "");
        Accumulator by_merge = sums;
        const Accumulator zeros = {};
        CHECK(l1l2_exact_sums_merge(by_merge.data(), zeros.data()) == L1L2_OK);
        CHECK(difference(by_merge, written) == "");
        CHECK(check(sums) == L1L2_OK);
    }
}

TEST_CASE("up to 2^30 accumulators may be added, and no more", "[exact_sums]") {
    // Elements whose sums have limbs of all sizes, the largest and the smallest, and specials.
    std::vector<std::vector<double>> arrays = {
        {training::largest},
        {from_bits<double>(1)},
        finite_elements<double>(7, 1),
        rough_elements<double>(7, 4),
        std::vector<double>(7, training::largest),
        {training::infinity, -training::infinity},
        {training::not_a_number, 0.0},
    };
    for (const std::vector<double>& elements : arrays) {
        INFO("array " << &elements - arrays.data());
        const Accumulator one = sums_of(elements);
        for (const std::int64_t times :
             {std::int64_t{2}, std::int64_t{1000}, most_parts - 1, most_parts}) {
            Truth truth;
            truth.add(truth_of(elements), times);
            const Accumulator many = times * one;
            CHECK(check(many) == L1L2_OK);
            CHECK(reads_as(many, truth));
            CHECK(difference(canonical(many), truth.accumulator()) == "");
        }
        CHECK(refused_as((most_parts + 1) * one) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(most_parts * one + one) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(most_parts * one + most_parts * one) == L1L2_ERROR_COUNT_OVERFLOW);
        // Of accumulators of no elements there may be any number.
        CHECK(check(most_parts * one + Accumulator()) == L1L2_OK);
    }
    // Limbs as large as those of a part can be; sum x^2 is below the square of sum |x|.
    Accumulator full = sums_of(std::vector<double>(7, 1.0));
    std::fill(full.begin() + absolute_index, full.begin() + square_index - 2, 0xFFFFFFFF);
    std::fill(full.begin() + square_index, full.end() - 2, 0xFFFFFFFF);
    full[full.size() - 3] = 0x7FFFFFFF;
    full = with_checksum(full);
    CHECK(check(full) == L1L2_OK);
    CHECK(check(most_parts * full) == L1L2_OK);
    CHECK(canonical(most_parts * full)[absolute_index] == (0xFFFFFFFF << 30) % (1LL << 32));
}

TEST_CASE("a sum of less than 2^40 accumulators but more than 2^30 is seen, though its tag wraps",
          "[exact_sums]") {
    std::mt19937_64 random(4);
    const Accumulator one = rich_accumulator();
    for (int exponent = 31; exponent < 40; ++exponent) {
        const std::int64_t power = std::int64_t{1} << exponent;
        for (const std::int64_t times :
             {power, power + 1, power + static_cast<std::int64_t>(random() % power)}) {
            CHECK(refused_as(times * one) == L1L2_ERROR_COUNT_OVERFLOW);
        }
    }
    CHECK(refused_as((std::int64_t{1} << 40) * one) == L1L2_ERROR_UNKNOWN_LAYOUT);
}

TEST_CASE("merging has no limit but the number of elements, which is 2^63 - 1", "[exact_sums]") {
    for (const double element : {training::largest, from_bits<double>(1), -0.1, training::infinity,
                                 training::not_a_number}) {
        INFO(element);
        // The powers of two of one element, and all of them.
        Accumulator power = sums_of<double>({element});
        Truth truth;
        truth.add(truth_of<double>({element}), 1);
        Accumulator all = power;
        for (int i = 1; i < 63; ++i) {
            REQUIRE(l1l2_exact_sums_merge(power.data(), power.data()) == L1L2_OK);
            REQUIRE(l1l2_exact_sums_merge(all.data(), power.data()) == L1L2_OK);
            truth.add(truth, 1);
            truth.add(element);
            CHECK(reads_as(all, truth));
        }
        CHECK(read(all).count == INT64_MAX);
        CHECK(difference(all, truth.accumulator()) == "");
        const Handle handle(Coefficients{from_bits<double>(1), 0x1p-1022});
        double penalty = -1.0;
        CHECK(l1l2_penalty_exact_sums(handle.get(), all.data(), &penalty) == L1L2_OK);
        CHECK(truth.penalty_is(from_bits<double>(1), 0x1p-1022, penalty));
        // One more is too many.
        const Accumulator before = all;
        const Accumulator one = sums_of<float>({1.0F});
        Accumulator other = one;
        CHECK(add(all, std::vector<float>{1.0F}) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(add(all, std::vector<double>(5000, 1.0)) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(l1l2_exact_sums_merge(all.data(), one.data()) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(l1l2_exact_sums_merge(all.data(), all.data()) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(l1l2_exact_sums_merge(other.data(), all.data()) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(all == before);
        CHECK(other == one);
        CHECK(add(all, std::vector<float>()) == L1L2_OK);
        CHECK(l1l2_exact_sums_merge(all.data(), Accumulator().data()) == L1L2_OK);
        CHECK(all == before);
        // 2^62 and as many, and one.
        CHECK(l1l2_exact_sums_merge(power.data(), power.data()) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(power + power) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(power + power + one) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(all + one) == L1L2_ERROR_COUNT_OVERFLOW);
        // Where the number wraps and is not negative, it looks like damage.
        for (const std::int64_t parts : {4, 5, 8, 9}) {
            CHECK(refused_as(parts * power) == L1L2_ERROR_INVALID_SUMS);
        }
        CHECK(refused_as(6 * power) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(7 * power) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(4 * power + one) == L1L2_ERROR_INVALID_SUMS);
    }
}
