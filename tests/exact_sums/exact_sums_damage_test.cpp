/// Accumulators that were damaged on their way, or never were any.
#include "catch.hpp"
#include "guarded_pages.hpp"
#include "sound_accumulators.hpp"

#include <limits>
#include <utility>

using namespace exact;
using training::both;

TEST_CASE(
    "an accumulator of which any bit has changed is refused by every function, and stays as it is",
    "[exact_sums]") {
    for (const Accumulator& sound : sound_accumulators()) {
        REQUIRE(check(sound) == L1L2_OK);
        for (std::size_t i = 0; i < sound.size(); ++i) {
            for (unsigned bit = 0; bit < 64; ++bit) {
                Accumulator damaged = sound;
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

TEST_CASE(
    "an accumulator of which a number has changed by no multiple of the checksum's modulus is "
    "refused",
    "[exact_sums]") {
    std::mt19937_64 random(1);
    for (const Accumulator& sound : sound_accumulators()) {
        for (std::size_t i = 0; i < sound.size(); ++i) {
            const std::int64_t value = sound[i];
            for (const std::int64_t other :
                 {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, value + 1, value - 1,
                  value + 7, 2 * value, -value, ~value, value ^ 0xFFFFFFFF, INT64_MAX, INT64_MIN,
                  value + (std::int64_t{1} << 32), value - (std::int64_t{1} << 32),
                  static_cast<std::int64_t>(random()),
                  static_cast<std::int64_t>(random() & 0xFFFFFFFF)}) {
                Accumulator damaged = sound;
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

TEST_CASE("an accumulator of which two numbers were exchanged is refused", "[exact_sums]") {
    for (const Accumulator& sound : sound_accumulators()) {
        for (std::size_t i = 0; i < sound.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                Accumulator damaged = sound;
                std::swap(damaged[i], damaged[j]);
                if (damaged != sound && check(damaged) == L1L2_OK) {
                    FAIL("numbers " << i << " and " << j);
                }
            }
        }
    }
    SUCCEED("all pairs");
}

TEST_CASE("an accumulator that was shifted, cut or put together of two is refused",
          "[exact_sums]") {
    for (const Accumulator& sound : sound_accumulators()) {
        if (sound[tag_index] == 0) {
            continue;
        }
        for (std::size_t i = 1; i < sound.size(); ++i) {
            Accumulator rotated = sound;
            std::rotate(rotated.begin(), rotated.begin() + static_cast<std::ptrdiff_t>(i),
                        rotated.end());
            CHECK(check(rotated) != L1L2_OK);
            // What follows is that of another one, or nothing.
            for (const Accumulator& rest : {rich_accumulator(9), Accumulator()}) {
                Accumulator joined = sound;
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

TEST_CASE("an accumulator of another byte order or layout, or none at all, is unknown",
          "[exact_sums]") {
    std::mt19937_64 random(2);
    for (const Accumulator& sound : sound_accumulators()) {
        if (sound[tag_index] == 0) {
            continue;
        }
        Accumulator swapped = sound;
        for (std::int64_t& number : swapped) {
            number =
                static_cast<std::int64_t>(__builtin_bswap64(static_cast<std::uint64_t>(number)));
        }
        CHECK(refused_as(swapped) == L1L2_ERROR_UNKNOWN_LAYOUT);
        for (std::int64_t layout = 0; layout < 256; ++layout) {
            const std::int64_t parts = sound[tag_index] / layout_tag;
            const std::int64_t tag = layout_tag - 1 + layout;
            Accumulator other = sound;
            other[tag_index] = parts * tag;
            if (tag != layout_tag) {
                CHECK(refused_as(with_checksum(other)) == L1L2_ERROR_UNKNOWN_LAYOUT);
                CHECK(refused_as(with_checksum(other) + sound) == L1L2_ERROR_UNKNOWN_LAYOUT);
            }
        }
        CHECK(refused_as(-1 * sound) == L1L2_ERROR_UNKNOWN_LAYOUT);
    }
    for (int round = 0; round < 1000; ++round) {
        Accumulator garbage;
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
        Accumulator filled;
        std::memset(filled.data(), byte, sizeof filled);
        CHECK(refused_as(filled) == L1L2_ERROR_UNKNOWN_LAYOUT);
    }
    // An array of elements.
    Accumulator doubles;
    static_assert(sizeof(double) == sizeof doubles[0]);
    const std::vector<double> weights = ordinary_elements<double>(doubles.size(), 1);
    std::memcpy(doubles.data(), weights.data(), sizeof doubles);
    CHECK(refused_as(doubles) == L1L2_ERROR_UNKNOWN_LAYOUT);
}

TEST_CASE("a number that is out of its range is refused, whatever the checksum is",
          "[exact_sums]") {
    const Accumulator one = rich_accumulator();
    for (const std::int64_t parts : {std::int64_t{1}, std::int64_t{3}, most_parts}) {
        const Accumulator sound = parts * one;
        REQUIRE(check(sound) == L1L2_OK);
        const auto refused = [&](std::size_t index, std::int64_t value) {
            Accumulator damaged = sound;
            damaged[index] = value;
            return refused_as(with_checksum(damaged)) == L1L2_ERROR_INVALID_SUMS;
        };
        const std::int64_t count = sound[count_index];
        CHECK(refused(count_index, 0));
        // A part has an element.
        Accumulator too_few = parts * sums_of<float>({1.0F});
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
        // The same sums with a limb that was borrowed or not carried.
        for (std::size_t i = absolute_index; i + 1 < sound.size(); ++i) {
            if (i + 1 != square_index) {
                Accumulator moved = sound;
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
            Accumulator damaged = sound;
            damaged[checksum_index] = checksum;
            CHECK(refused_as(damaged) == L1L2_ERROR_INVALID_SUMS);
        }
        // More than the limbs of a sum hold.
        for (const std::size_t last : {square_index - 1, sound.size() - 1}) {
            Accumulator too_much = sound;
            too_much[last] = 0xFFFFFFFF * parts;
            too_much[last - 1] = 0xFFFFFFFF * parts;
            CHECK(refused_as(with_checksum(too_much)) == L1L2_ERROR_INVALID_SUMS);
        }
    }
    // As many zeros as give the smallest and the largest checksum.
    constexpr std::int64_t inverse_of_3 = 1431655765; // 3 is the factor of the count
    for (const std::int64_t checksum : {std::int64_t{0}, checksum_modulus - 1}) {
        Accumulator zeros = sums_of<double>({0.0});
        zeros[count_index] = 0;
        zeros[count_index] = (checksum_modulus + checksum - checksum_of(zeros)) % checksum_modulus *
                             inverse_of_3 % checksum_modulus;
        zeros[checksum_index] = checksum;
        CHECK(check(zeros) == L1L2_OK);
        zeros[checksum_index] += checksum_modulus;
        CHECK(refused_as(zeros) == L1L2_ERROR_INVALID_SUMS);
    }
}

TEST_CASE("sums that so many elements cannot have are refused", "[exact_sums]") {
    for (const std::int64_t parts : {std::int64_t{1}, std::int64_t{1000}, most_parts}) {
        // Of n finite elements they are below n * 2^1024 and n * 2^2048.
        Accumulator sums = parts * sums_of(std::vector<float>(7, -0.0F));
        const std::int64_t most = 7 * parts - 1;
        const auto status_of = [&](std::int64_t absolute, std::int64_t square) {
            sums[square_index - 2] = absolute;
            sums[sums.size() - 2] = square;
            const Accumulator complete = with_checksum(sums);
            return check(complete) == L1L2_OK ? L1L2_OK : refused_as(complete);
        };
        CHECK(status_of(most, most) == L1L2_OK);
        CHECK(status_of(most + 1, most) == L1L2_ERROR_INVALID_SUMS);
        CHECK(status_of(most, most + 1) == L1L2_ERROR_INVALID_SUMS);
        // With one limb more, and with what leaves nothing in the limbs that there are.
        for (const std::size_t last : {square_index - 1, sums.size() - 1}) {
            sums[last] = 1;
            CHECK(status_of(most, most) == L1L2_ERROR_INVALID_SUMS);
            sums[last] = std::int64_t{1} << 32;
            CHECK(status_of(0, 0) == L1L2_ERROR_INVALID_SUMS);
            sums[last] = 0;
        }
        // sum x^2 <= (sum |x|)^2 <= n * sum x^2, in units of 2^1024 and 2^2048.
        CHECK(status_of(2, 4) == L1L2_OK);
        CHECK(status_of(2, 5) == L1L2_ERROR_INVALID_SUMS);
        CHECK(status_of(5, 25 / (7 * parts) + 1) == L1L2_OK);
        CHECK(status_of(6 * parts, 36 * parts / 7) == L1L2_ERROR_INVALID_SUMS);
        CHECK(status_of(6 * parts, 36 * parts / 7 + 1) == L1L2_OK);
        CHECK(status_of(0, 1) == L1L2_ERROR_INVALID_SUMS);
        CHECK(status_of(1, 0) == L1L2_ERROR_INVALID_SUMS);
        // Of no finite elements they are 0.
        const Accumulator none =
            parts * sums_of<double>({training::infinity, training::not_a_number});
        CHECK(check(none) == L1L2_OK);
        for (std::size_t i = absolute_index; i < none.size(); ++i) {
            Accumulator some = none;
            some[i] = 1;
            CHECK(refused_as(with_checksum(some)) == L1L2_ERROR_INVALID_SUMS);
        }
        // Nor are they those of two elements, one of which is not finite.
        for (const std::size_t special : {infinities_index, nans_index}) {
            Accumulator two = parts * sums_of<double>({1.0, 1.0});
            two[special] = parts;
            CHECK(refused_as(with_checksum(two)) == L1L2_ERROR_INVALID_SUMS);
        }
    }
    // With so many elements the highest limb is one, too.
    Accumulator many = sums_of<float>({1.0F});
    many[count_index] = INT64_MAX;
    for (const std::size_t last : {square_index - 1, many.size() - 1}) {
        many[last] = 0x7FFFFFFF;
        many[last - 1] = 0xFFFFFFFE;
    }
    CHECK(check(with_checksum(many)) == L1L2_OK);
    for (const std::size_t last : {square_index - 1, many.size() - 1}) {
        Accumulator sums = many;
        sums[last - 1] = 0xFFFFFFFF;
        CHECK(refused_as(with_checksum(sums)) == L1L2_ERROR_INVALID_SUMS);
    }
}

TEST_CASE("bits below those of any element go unnoticed, and are rounded away", "[exact_sums]") {
    for (std::size_t bit = 0; bit < 14; ++bit) { // 2^-1088 .. 2^-1075, and the squares
        Accumulator tiny = sums_of<double>({0.0});
        tiny[absolute_index] = std::int64_t{1} << bit;
        tiny[square_index] = std::int64_t{1} << 2 * bit;
        tiny = with_checksum(tiny);
        REQUIRE(check(tiny) == L1L2_OK);
        const Numbers numbers = read(tiny);
        // The last one is half of the smallest double, and a tie goes to the even one.
        CHECK((numbers.absolute == 0.0 && numbers.square == 0.0 && norm_of(tiny) == 0.0));
    }
}

TEST_CASE("elements of equal size, and one by itself, reach the limits of their sums",
          "[exact_sums]") {
    std::mt19937_64 random(3);
    for (int i = 0; i < 500; ++i) {
        const double x = finite_elements<double>(1, static_cast<unsigned>(random()))[0];
        const std::vector<double> equal(1 + random() % 100, x);
        Accumulator sums = sums_of(equal);
        CHECK(check(sums) == L1L2_OK);
        --sums[count_index];
        if (x != 0.0 && sums[count_index] > 0) {
            CHECK(refused_as(with_checksum(sums)) == L1L2_ERROR_INVALID_SUMS);
        }
        sums[count_index] += 2;
        CHECK(check(with_checksum(sums)) == L1L2_OK);
    }
}

TEST_CASE("an accumulator whose first number is 0 has no other one", "[exact_sums]") {
    for (std::size_t i = 1; i < Accumulator().size(); ++i) {
        for (const std::int64_t value :
             {std::int64_t{1}, std::int64_t{-1}, checksum_modulus, INT64_MAX}) {
            Accumulator damaged = {};
            damaged[i] = value;
            CHECK(refused_as(damaged) != L1L2_OK);
            CHECK(refused_as(with_checksum(damaged)) !=
                  (i == checksum_index ? L1L2_ERROR_OUT_OF_MEMORY : L1L2_OK));
        }
    }
    Accumulator damaged = rich_accumulator();
    damaged[tag_index] = 0;
    CHECK(refused_as(damaged) == L1L2_ERROR_INVALID_SUMS);
    CHECK(refused_as(with_checksum(damaged)) == L1L2_ERROR_INVALID_SUMS);
}

TEST_CASE("averages and differences of accumulators are refused", "[exact_sums]") {
    for (std::int64_t workers = 2; workers <= 16; ++workers) {
        Accumulator sum = {};
        for (std::int64_t i = 0; i < workers; ++i) {
            sum = sum + rich_accumulator(static_cast<unsigned>(i));
        }
        REQUIRE(check(sum) == L1L2_OK);
        for (std::int64_t& number : sum) {
            number /= workers;
        }
        CHECK(refused_as(sum) == L1L2_ERROR_INVALID_SUMS);
    }
    const Accumulator a = rich_accumulator(1);
    const Accumulator b = rich_accumulator(2);
    CHECK(refused_as(a + -1 * b) == L1L2_ERROR_INVALID_SUMS);
    CHECK(refused_as(2 * a + -1 * b) == L1L2_ERROR_INVALID_SUMS);
    CHECK(refused_as(-1 * a) == L1L2_ERROR_UNKNOWN_LAYOUT);
}

TEST_CASE("no number but those of an accumulator is read or written", "[exact_sums]") {
    const GuardedPages pages(1);
    const GuardedPages other_pages(1);
    const Handle handle(both);
    const float x[] = {1.0F, 2.0F};
    const Accumulator sound = rich_accumulator();
    const Accumulator uncarried = 3 * sound;
    for (const bool at_end : {true, false}) {
        const auto place = [&](const GuardedPages& memory, const Accumulator& numbers) {
            auto* const at = reinterpret_cast<std::int64_t*>(at_end ? memory.end() - sizeof numbers
                                                                    : memory.begin());
            std::copy(numbers.begin(), numbers.end(), at);
            return at;
        };
        std::int64_t* const sums = place(pages, sound);
        std::int64_t* const other = place(other_pages, uncarried);
        double number = 0.0;
        std::int64_t count = 0;
        CHECK(l1l2_exact_sums_add(sums, L1L2_FLOAT32, x, 2) == L1L2_OK);
        // What is read may be memory that cannot be written.
        REQUIRE(mprotect(other_pages.begin(), other_pages.size(), PROT_READ) == 0);
        CHECK(l1l2_exact_sums_merge(sums, other) == L1L2_OK);
        CHECK(l1l2_exact_sums_subtract(sums, other) == L1L2_OK);
        CHECK(l1l2_exact_sums_check(other) == L1L2_OK);
        CHECK(l1l2_exact_sums_norm(other, &number) == L1L2_OK);
        CHECK(l1l2_exact_sums_read(other, &number, &number, &count) == L1L2_OK);
        CHECK(l1l2_penalty_exact_sums(handle.get(), other, &number) == L1L2_OK);
        REQUIRE(mprotect(other_pages.begin(), other_pages.size(), PROT_READ | PROT_WRITE) == 0);
        CHECK(count == uncarried[count_index]);
    }
}
