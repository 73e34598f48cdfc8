/// Vectors of exact sums that travel: split, merged, added up element by element, damaged.
#include "catch.hpp"
#include "exact_vector.hpp"
#include "training.hpp"

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

/// The vector of some elements, of which one is infinite and one is no number.
Vector rich_vector(unsigned seed = 1) {
    std::vector<float> elements = finite_elements<float>(1000, seed);
    elements[7] = from_bits<float>(Format<float>::infinity);
    elements[8] = from_bits<float>(Format<float>::quiet_nan);
    Vector sums = sums_of(elements);
    REQUIRE(add(sums, finite_elements<double>(100, seed)) == L1L2_OK);
    return sums;
}

l1l2_status check(const Vector& sums) {
    return l1l2_exact_sums_check(sums.data());
}

/// The status with which every function refuses a vector, or L1L2_OK if one of them does not, or
/// they do not agree, or one changes anything.
l1l2_status refused_as(const Vector& damaged) {
    static const Handle handle(both);
    static const Vector sound = rich_vector(5);
    constexpr double untouched = training::untouched;
    const float x[] = {1.0F};
    Vector sums = damaged;
    Vector other = sound;
    Numbers numbers = {untouched, untouched, 77};
    double penalty = untouched;
    const l1l2_status status = check(damaged);
    const l1l2_status others[] = {
        l1l2_exact_sums_add(sums.data(), L1L2_FLOAT32, x, 1),
        l1l2_exact_sums_add(sums.data(), L1L2_FLOAT64, nullptr, 0),
        l1l2_exact_sums_merge(sums.data(), sound.data()),
        l1l2_exact_sums_merge(other.data(), damaged.data()),
        l1l2_exact_sums_merge(sums.data(), sums.data()),
        l1l2_exact_sums_read(damaged.data(), &numbers.absolute, &numbers.square, &numbers.count),
        l1l2_exact_sums_read(damaged.data(), nullptr, nullptr, nullptr),
        l1l2_penalty_exact_sums(handle.get(), damaged.data(), &penalty)};
    const bool agreed =
        std::all_of(std::begin(others), std::end(others),
                    [&](l1l2_status other_status) { return other_status == status; });
    const bool nothing_changed = sums == damaged && other == sound &&
                                 numbers.absolute == untouched && numbers.square == untouched &&
                                 numbers.count == 77 && penalty == untouched;
    return agreed && nothing_changed ? status : L1L2_OK;
}

/// Vectors that are sound: of no elements, of one part, of several that nobody has carried.
std::vector<Vector> sound_vectors() {
    const Vector one = rich_vector();
    return {Vector(), one, one + rich_vector(2) + rich_vector(3), 1000 * one};
}

/// Some vectors of the same elements, added up in a random tree, in all ways that there are.
Vector added_up(std::vector<Vector> vectors, std::mt19937_64& random) {
    while (vectors.size() > 1) {
        const std::size_t i = random() % vectors.size();
        std::swap(vectors[i], vectors.back());
        const Vector last = vectors.back();
        vectors.pop_back();
        Vector& other = vectors[random() % vectors.size()];
        switch (random() % 3) {
        case 0: other = other + last; break;
        case 1: REQUIRE(l1l2_exact_sums_merge(other.data(), last.data()) == L1L2_OK); break;
        default:
            other = other + last;
            REQUIRE(add(other, std::vector<double>()) == L1L2_OK); // writes it anew
        }
    }
    return vectors[0];
}

} // namespace

TEST_CASE("the same elements end in the same bits, however they were split and in whatever order",
          "[exact_sums][bits]") {
    Elements elements(2000);
    elements.halves[3] = from_bits<Float16>(Format<Float16>::infinity);
    elements.doubles[4] = from_bits<double>(Format<double>::quiet_nan);
    const Vector expected = elements.truth().vector();
    for (unsigned seed = 0; seed < 30; ++seed) {
        std::mt19937_64 random(seed);
        std::vector<Vector> vectors(1 + random() % 20);
        // Pieces of a random length, each to one of the vectors.
        std::size_t left[] = {2000, 2000, 2000, 2000};
        std::shuffle(elements.floats.begin(), elements.floats.end(), random);
        std::shuffle(elements.doubles.begin(), elements.doubles.end(), random);
        const auto add_piece = [&](const auto& x, std::size_t& of) {
            const std::size_t n = std::min<std::size_t>(of, random() % 500);
            of -= n;
            using T = typename std::decay_t<decltype(x)>::value_type;
            Vector& sums = vectors[random() % vectors.size()];
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
        const Vector sums = added_up(vectors, random);
        INFO("seed " << seed);
        CHECK(difference(canonical(sums), expected) == "");
        // Also before it was written by a function.
        CHECK(reads_as(sums, elements.truth()));
    }
}

TEST_CASE("one element at a time or all at once are the same bits", "[exact_sums]") {
    const std::vector<float> elements = rough_elements<float>(1000, 1);
    Vector one_by_one = {};
    Vector backwards = {};
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
        half.pattern &= 0xFFF8; // as many digits as a bfloat16 has
        doubles.push_back(value_of(half));
        floats.push_back(static_cast<float>(value_of(half)));
        bfloats.push_back(nearest<Bfloat16>(floats.back()));
    }
    const Vector expected = sums_of(halves);
    CHECK(difference(sums_of(bfloats), expected) == "");
    CHECK(difference(sums_of(floats), expected) == "");
    CHECK(difference(sums_of(doubles), expected) == "");
}

TEST_CASE("a vector added to itself is twice its elements", "[exact_sums]") {
    const Elements elements(500);
    Truth twice;
    twice.add(elements.truth(), 2);
    Vector sums = canonical(sums_of(elements.halves) + sums_of(elements.bfloats) +
                            sums_of(elements.floats) + sums_of(elements.doubles));
    CHECK(l1l2_exact_sums_merge(sums.data(), sums.data()) == L1L2_OK);
    CHECK(difference(sums, twice.vector()) == "");
}

TEST_CASE("a function writes one part, to the bit, of a vector that was added up", "[exact_sums]") {
    for (const Vector& sums : sound_vectors()) {
        const Vector written = canonical(sums);
        CHECK(written[tag_index] == (sums[count_index] > 0 ? layout_tag : 0));
        CHECK(difference(canonical(written), written) == "");
        Vector by_add = sums;
        CHECK(l1l2_exact_sums_add(by_add.data(), L1L2_FLOAT16, nullptr, 0) == L1L2_OK);
        CHECK(difference(by_add, written) == "");
        Vector by_merge = sums;
        const Vector zeros = {};
        CHECK(l1l2_exact_sums_merge(by_merge.data(), zeros.data()) == L1L2_OK);
        CHECK(difference(by_merge, written) == "");
        CHECK(check(sums) == L1L2_OK);
    }
}

TEST_CASE("up to 2^30 vectors may be added, and no more", "[exact_sums]") {
    // Elements whose sums have digits of all sizes, the largest and the smallest, and specials.
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
        const Vector one = sums_of(elements);
        for (const std::int64_t times :
             {std::int64_t{2}, std::int64_t{1000}, most_parts - 1, most_parts}) {
            Truth truth;
            truth.add(truth_of(elements), times);
            const Vector many = times * one;
            CHECK(check(many) == L1L2_OK);
            CHECK(reads_as(many, truth));
            CHECK(difference(canonical(many), truth.vector()) == "");
        }
        CHECK(refused_as((most_parts + 1) * one) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(most_parts * one + one) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(most_parts * one + most_parts * one) == L1L2_ERROR_COUNT_OVERFLOW);
        // Of vectors of no elements there may be any number.
        CHECK(check(most_parts * one + Vector()) == L1L2_OK);
        // The largest sums that one element can have, and more.
        Vector full = one;
        std::fill(full.begin() + absolute_index, full.begin() + square_index - 2, 0xFFFFFFFF);
        std::fill(full.begin() + square_index, full.end() - 2, 0xFFFFFFFF);
        full = with_checksum(full);
        if (one[count_index] == one[infinities_index] + one[nans_index]) {
            CHECK(refused_as(full) == L1L2_ERROR_INVALID_SUMS);
        } else {
            CHECK(check(full) == L1L2_OK);
            CHECK(check(most_parts * full) == L1L2_OK);
            CHECK(canonical(most_parts * full)[absolute_index] == (0xFFFFFFFF << 30) % (1LL << 32));
        }
    }
}

TEST_CASE("merging has no limit but the number of elements, which is 2^63 - 1", "[exact_sums]") {
    for (const double element : {training::largest, from_bits<double>(1), -0.1, training::infinity,
                                 training::not_a_number}) {
        INFO(element);
        // The powers of two of one element, and all of them.
        Vector power = sums_of<double>({element});
        Truth truth;
        truth.add(truth_of<double>({element}), 1);
        Vector all = power;
        for (int i = 1; i < 63; ++i) {
            REQUIRE(l1l2_exact_sums_merge(power.data(), power.data()) == L1L2_OK);
            REQUIRE(l1l2_exact_sums_merge(all.data(), power.data()) == L1L2_OK);
            truth.add(truth, 1);
            truth.add(element);
            CHECK(reads_as(all, truth));
        }
        CHECK(read(all).count == INT64_MAX);
        CHECK(difference(all, truth.vector()) == "");
        const Handle handle(Coefficients{from_bits<double>(1), 0x1p-1022});
        double penalty = -1.0;
        CHECK(l1l2_penalty_exact_sums(handle.get(), all.data(), &penalty) == L1L2_OK);
        CHECK(truth.penalty_is(from_bits<double>(1), 0x1p-1022, penalty));
        // One more is too many.
        const Vector before = all;
        const Vector one = sums_of<float>({1.0F});
        Vector other = one;
        CHECK(add(all, std::vector<float>{1.0F}) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(add(all, std::vector<double>(5000, 1.0)) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(l1l2_exact_sums_merge(all.data(), one.data()) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(l1l2_exact_sums_merge(all.data(), all.data()) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(l1l2_exact_sums_merge(other.data(), all.data()) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(all == before);
        CHECK(other == one);
        CHECK(add(all, std::vector<float>()) == L1L2_OK);
        CHECK(l1l2_exact_sums_merge(all.data(), Vector().data()) == L1L2_OK);
        CHECK(all == before);
        // 2^62 and as many, and one.
        CHECK(l1l2_exact_sums_merge(power.data(), power.data()) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(power + power) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(power + power + one) == L1L2_ERROR_COUNT_OVERFLOW);
        CHECK(refused_as(all + one) == L1L2_ERROR_COUNT_OVERFLOW);
        // Where the number wraps and is not negative, it is seen all the same.
        CHECK(refused_as(4 * power) != L1L2_OK);
        CHECK(refused_as(5 * power) != L1L2_OK);
        CHECK(refused_as(4 * power + one) != L1L2_OK);
    }
}

TEST_CASE("a vector of which any bit has changed is refused by every function, and stays as it is",
          "[exact_sums]") {
    for (const Vector& sound : sound_vectors()) {
        REQUIRE(check(sound) == L1L2_OK);
        for (std::size_t i = 0; i < sound.size(); ++i) {
            for (unsigned bit = 0; bit < 64; ++bit) {
                Vector damaged = sound;
                damaged[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(damaged[i]) ^
                                                       (std::uint64_t{1} << bit));
                const l1l2_status status = refused_as(damaged);
                // A negative count of several parts is what too many elements leave.
                const bool overflow =
                    i == count_index && bit == 63 && sound[tag_index] > layout_tag;
                if (status != (i == tag_index ? L1L2_ERROR_UNKNOWN_LAYOUT
                               : overflow     ? L1L2_ERROR_COUNT_OVERFLOW
                                              : L1L2_ERROR_INVALID_SUMS)) {
                    FAIL("bit " << bit << " of number " << i << ": " << status);
                }
            }
        }
    }
    SUCCEED("all bits");
}

TEST_CASE("a vector of which a number has changed by no multiple of the checksum's modulus is "
          "refused",
          "[exact_sums]") {
    std::mt19937_64 random(1);
    for (const Vector& sound : sound_vectors()) {
        for (std::size_t i = 0; i < sound.size(); ++i) {
            const std::int64_t value = sound[i];
            for (const std::int64_t other :
                 {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, value + 1, value - 1,
                  value + 7, 2 * value, -value, ~value, value ^ 0xFFFFFFFF, INT64_MAX, INT64_MIN,
                  value + (std::int64_t{1} << 32), value - (std::int64_t{1} << 32),
                  static_cast<std::int64_t>(random()),
                  static_cast<std::int64_t>(random() & 0xFFFFFFFF)}) {
                Vector damaged = sound;
                damaged[i] = other;
                const std::uint64_t change =
                    static_cast<std::uint64_t>(other) - static_cast<std::uint64_t>(value);
                if (change % checksum_modulus != 0 && check(damaged) == L1L2_OK) {
                    FAIL("number " << i << " was " << value << ", is " << other);
                }
            }
        }
    }
    SUCCEED("all numbers");
}

TEST_CASE("a vector of which two numbers were exchanged is refused", "[exact_sums]") {
    for (const Vector& sound : sound_vectors()) {
        for (std::size_t i = 0; i < sound.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                Vector damaged = sound;
                std::swap(damaged[i], damaged[j]);
                if (damaged != sound && check(damaged) == L1L2_OK) {
                    FAIL("numbers " << i << " and " << j);
                }
            }
        }
    }
    SUCCEED("all pairs");
}

TEST_CASE("a vector that was shifted, cut or put together of two is refused", "[exact_sums]") {
    for (const Vector& sound : sound_vectors()) {
        if (sound[tag_index] == 0) {
            continue;
        }
        for (std::size_t i = 1; i < sound.size(); ++i) {
            Vector rotated = sound;
            std::rotate(rotated.begin(), rotated.begin() + static_cast<std::ptrdiff_t>(i),
                        rotated.end());
            CHECK(check(rotated) != L1L2_OK);
            // What follows is that of another one, or nothing.
            for (const Vector& rest : {rich_vector(9), Vector()}) {
                Vector joined = sound;
                std::copy(rest.begin() + static_cast<std::ptrdiff_t>(i), rest.end(),
                          joined.begin() + static_cast<std::ptrdiff_t>(i));
                if (joined != sound && joined != rest && check(joined) == L1L2_OK) {
                    FAIL("from number " << i << " on");
                }
            }
        }
    }
    SUCCEED("all places");
}

TEST_CASE("a vector of another byte order or layout, or none at all, is unknown", "[exact_sums]") {
    std::mt19937_64 random(2);
    for (const Vector& sound : sound_vectors()) {
        if (sound[tag_index] == 0) {
            continue;
        }
        Vector swapped = sound;
        for (std::int64_t& number : swapped) {
            number =
                static_cast<std::int64_t>(__builtin_bswap64(static_cast<std::uint64_t>(number)));
        }
        CHECK(refused_as(swapped) == L1L2_ERROR_UNKNOWN_LAYOUT);
        for (std::int64_t layout = 0; layout < 256; ++layout) {
            const std::int64_t parts = sound[tag_index] / layout_tag;
            const std::int64_t tag = layout_tag - 1 + layout;
            Vector other = sound;
            other[tag_index] = parts * tag;
            if (tag != layout_tag) {
                CHECK(refused_as(with_checksum(other)) == L1L2_ERROR_UNKNOWN_LAYOUT);
                CHECK(refused_as(with_checksum(other) + sound) == L1L2_ERROR_UNKNOWN_LAYOUT);
            }
        }
        CHECK(refused_as(-1 * sound) == L1L2_ERROR_UNKNOWN_LAYOUT);
    }
    for (int round = 0; round < 1000; ++round) {
        Vector garbage;
        std::generate(garbage.begin(), garbage.end(),
                      [&] { return static_cast<std::int64_t>(random()); });
        CHECK(refused_as(garbage) == L1L2_ERROR_UNKNOWN_LAYOUT);
        garbage[tag_index] = layout_tag;
        garbage[count_index] &= INT64_MAX;
        CHECK(refused_as(garbage) == L1L2_ERROR_INVALID_SUMS);
        for (std::size_t i = absolute_index; i < garbage.size(); ++i) {
            garbage[i] &= 0xFFFFFFFF;
        }
        CHECK(refused_as(garbage) == L1L2_ERROR_INVALID_SUMS);
    }
    for (const int byte : {1, 0x20, 0x6C, 0xA5, 0xFF}) {
        Vector filled;
        std::memset(filled.data(), byte, sizeof filled);
        CHECK(refused_as(filled) == L1L2_ERROR_UNKNOWN_LAYOUT);
    }
    // An array of elements.
    Vector doubles;
    static_assert(sizeof(double) == sizeof doubles[0]);
    const std::vector<double> weights = ordinary_elements<double>(doubles.size(), 1);
    std::memcpy(doubles.data(), weights.data(), sizeof doubles);
    CHECK(refused_as(doubles) == L1L2_ERROR_UNKNOWN_LAYOUT);
}

TEST_CASE("a number that is out of its range is refused, whatever the checksum is",
          "[exact_sums]") {
    const Vector one = rich_vector();
    for (const std::int64_t parts : {std::int64_t{1}, std::int64_t{3}, most_parts}) {
        const Vector sound = parts * one;
        REQUIRE(check(sound) == L1L2_OK);
        const auto refused = [&](std::size_t index, std::int64_t value) {
            Vector damaged = sound;
            damaged[index] = value;
            return refused_as(with_checksum(damaged)) == L1L2_ERROR_INVALID_SUMS;
        };
        const std::int64_t count = sound[count_index];
        CHECK(refused(count_index, 0));
        // A part has an element.
        Vector too_few = parts * sums_of<float>({1.0F});
        too_few[count_index] = parts - 1;
        CHECK(refused_as(with_checksum(too_few)) == L1L2_ERROR_INVALID_SUMS);
        CHECK(refused(infinities_index, -1));
        CHECK(refused(infinities_index, count)); // with the NaNs there are
        CHECK(refused(infinities_index, count + 1));
        CHECK(refused(infinities_index, INT64_MIN));
        CHECK(refused(infinities_index, INT64_MAX));
        CHECK(refused(nans_index, -1));
        CHECK(refused(nans_index, count));
        CHECK(refused(nans_index, count + 1));
        CHECK(refused(nans_index, INT64_MIN));
        CHECK(refused(nans_index, INT64_MAX));
        for (std::size_t i = absolute_index; i < sound.size(); ++i) {
            CHECK(refused(i, -1));
            CHECK(refused(i, INT64_MIN));
            CHECK(refused(i, 0xFFFFFFFF * parts + 1));
            CHECK(refused(i, INT64_MAX));
        }
        // The same sums with a digit that was borrowed or not carried.
        for (std::size_t i = absolute_index; i + 1 < sound.size(); ++i) {
            if (i + 1 != square_index) {
                Vector moved = sound;
                moved[i] += (parts + 1) << 32;
                moved[i + 1] -= parts + 1;
                CHECK(refused_as(with_checksum(moved)) == L1L2_ERROR_INVALID_SUMS);
                moved = sound;
                moved[i] -= (parts + 1) << 32;
                moved[i + 1] += parts + 1;
                CHECK(refused_as(with_checksum(moved)) == L1L2_ERROR_INVALID_SUMS);
            }
        }
        // The same checksum.
        for (const std::int64_t checksum :
             {one[checksum_index] - checksum_modulus,
              one[checksum_index] % checksum_modulus + parts * checksum_modulus}) {
            Vector damaged = sound;
            damaged[checksum_index] = checksum;
            CHECK(refused_as(damaged) == L1L2_ERROR_INVALID_SUMS);
        }
        // More than the digits of a sum hold.
        for (const std::size_t last : {square_index - 1, sound.size() - 1}) {
            Vector too_much = sound;
            too_much[last] = 0xFFFFFFFF * parts;
            too_much[last - 1] = 0xFFFFFFFF * parts;
            CHECK(refused_as(with_checksum(too_much)) == L1L2_ERROR_INVALID_SUMS);
        }
    }
}

TEST_CASE("sums that so many elements cannot have are refused", "[exact_sums]") {
    // Of n finite elements they are below n * 2^1024 and n * 2^2048.
    for (const std::int64_t parts : {std::int64_t{1}, std::int64_t{1000}, most_parts}) {
        for (const auto& elements :
             {std::vector<float>{1.0F}, std::vector<float>(7, -0.0F),
              std::vector<float>{1.0F, std::numeric_limits<float>::infinity(),
                                 std::numeric_limits<float>::quiet_NaN()}}) {
            const Vector one = sums_of(elements);
            const std::int64_t finite =
                parts * (one[count_index] - one[infinities_index] - one[nans_index]);
            for (const std::size_t unit : {square_index - 2, one.size() - 2}) {
                Vector sums = parts * one;
                sums[unit] = finite;
                CHECK(refused_as(with_checksum(sums)) == L1L2_ERROR_INVALID_SUMS);
                sums[unit] = finite - 1;
                CHECK(check(with_checksum(sums)) == L1L2_OK);
                sums[unit + 1] = 1;
                CHECK(refused_as(with_checksum(sums)) == L1L2_ERROR_INVALID_SUMS);
                // What leaves nothing in the digits that there are.
                sums[unit] = 0;
                sums[unit + 1] = std::int64_t{1} << 32;
                CHECK(refused_as(with_checksum(sums)) == L1L2_ERROR_INVALID_SUMS);
            }
        }
        // Of none they are 0.
        const Vector none = parts * sums_of<double>({training::infinity, training::not_a_number});
        CHECK(check(none) == L1L2_OK);
        for (std::size_t i = absolute_index; i < none.size(); ++i) {
            Vector sums = none;
            sums[i] = 1;
            CHECK(refused_as(with_checksum(sums)) == L1L2_ERROR_INVALID_SUMS);
        }
    }
    // With so many elements the highest digit is one, too.
    Vector many = sums_of<float>({1.0F});
    many[count_index] = INT64_MAX;
    for (const std::size_t last : {square_index - 1, many.size() - 1}) {
        Vector sums = many;
        sums[last] = 0x7FFFFFFF;
        sums[last - 1] = 0xFFFFFFFE;
        CHECK(check(with_checksum(sums)) == L1L2_OK);
        sums[last - 1] = 0xFFFFFFFF;
        CHECK(refused_as(with_checksum(sums)) == L1L2_ERROR_INVALID_SUMS);
    }
}

TEST_CASE("a vector whose first number is 0 has no other one", "[exact_sums]") {
    for (std::size_t i = 1; i < Vector().size(); ++i) {
        for (const std::int64_t value : {std::int64_t{1}, std::int64_t{-1}, INT64_MAX}) {
            Vector damaged = {};
            damaged[i] = value;
            CHECK(refused_as(damaged) != L1L2_OK);
            CHECK(refused_as(with_checksum(damaged)) !=
                  (i == checksum_index ? L1L2_ERROR_OUT_OF_MEMORY : L1L2_OK));
        }
    }
    Vector damaged = rich_vector();
    damaged[tag_index] = 0;
    CHECK(refused_as(damaged) == L1L2_ERROR_INVALID_SUMS);
    CHECK(refused_as(with_checksum(damaged)) == L1L2_ERROR_INVALID_SUMS);
}

TEST_CASE("averages and differences of vectors are refused", "[exact_sums]") {
    for (std::int64_t workers = 2; workers <= 16; ++workers) {
        Vector sum = {};
        for (std::int64_t i = 0; i < workers; ++i) {
            sum = sum + rich_vector(static_cast<unsigned>(i));
        }
        REQUIRE(check(sum) == L1L2_OK);
        for (std::int64_t& number : sum) {
            number /= workers;
        }
        CHECK(refused_as(sum) == L1L2_ERROR_INVALID_SUMS);
    }
    const Vector a = rich_vector(1);
    const Vector b = rich_vector(2);
    CHECK(refused_as(a + -1 * b) == L1L2_ERROR_INVALID_SUMS);
    CHECK(refused_as(2 * a + -1 * b) == L1L2_ERROR_INVALID_SUMS);
    CHECK(refused_as(-1 * a) == L1L2_ERROR_UNKNOWN_LAYOUT);
}

TEST_CASE("no number but those of a vector is read or written", "[exact_sums]") {
    const GuardedPages pages(1);
    const GuardedPages other_pages(1);
    const Handle handle(both);
    const float x[] = {1.0F, 2.0F};
    const Vector sound = rich_vector();
    for (const bool at_end : {true, false}) {
        const auto place = [&](const GuardedPages& memory) {
            auto* const at = reinterpret_cast<std::int64_t*>(at_end ? memory.end() - sizeof sound
                                                                    : memory.begin());
            std::copy(sound.begin(), sound.end(), at);
            return at;
        };
        std::int64_t* const sums = place(pages);
        std::int64_t* const other = place(other_pages);
        double number = 0.0;
        std::int64_t count = 0;
        CHECK(l1l2_exact_sums_add(sums, L1L2_FLOAT32, x, 2) == L1L2_OK);
        // What is read may be memory that cannot be written.
        REQUIRE(mprotect(other_pages.begin(), other_pages.size(), PROT_READ) == 0);
        CHECK(l1l2_exact_sums_merge(sums, other) == L1L2_OK);
        CHECK(l1l2_exact_sums_check(other) == L1L2_OK);
        CHECK(l1l2_exact_sums_read(other, &number, &number, &count) == L1L2_OK);
        CHECK(l1l2_penalty_exact_sums(handle.get(), other, &number) == L1L2_OK);
        REQUIRE(mprotect(other_pages.begin(), other_pages.size(), PROT_READ | PROT_WRITE) == 0);
        CHECK(count == sound[count_index]);
    }
}
