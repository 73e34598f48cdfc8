/// The order of lanes by itself, without vector registers: sums are texts that show in what order
/// lanes were added.
#include "catch.hpp"
#include "kernels/widened_rows.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

/// A register of n numbers.
template <class T, std::size_t n>
struct Numbers {
    std::array<T, n> number;

    Numbers() = default;
    explicit Numbers(T x) { number.fill(x); }

    template <class F>
    Numbers each(F f) const {
        Numbers result;
        for (std::size_t i = 0; i < n; ++i) {
            result.number[i] = f(number[i]);
        }
        return result;
    }
    Numbers operator&(const Numbers& mask) const {
        return each([&](T x) { return x & mask.number[0]; });
    }
    Numbers operator<<(int by) const {
        return each([=](T x) { return x << by; });
    }
    Numbers operator>>(int by) const {
        return each([=](T x) { return x >> by; });
    }
};

template <std::size_t n>
Numbers<float, n> abs(const Numbers<float, n>& x) {
    return x.each([](float f) { return f < 0 ? -f : f; });
}

/// The sum of some lanes, empty if they are zero.
struct Text {
    std::string text;

    Text operator+(const Text& other) const {
        return text.empty()         ? other
               : other.text.empty() ? *this
                                    : Text{"(" + text + "+" + other.text + ")"};
    }
};

/// As the contract has it: lane l + half is added to lane l, for half = n / 2, ..., 2 and 1.
template <std::size_t n>
Text in_halves(std::array<Text, n> lane) {
    for (std::size_t half = n / 2; half > 0; half /= 2) {
        for (std::size_t i = 0; i < half; ++i) {
            lane[i] = lane[i] + lane[i + half];
        }
    }
    return lane[0];
}

template <std::size_t n>
struct Texts {
    static constexpr std::size_t size = n;
    std::array<Text, n> text;

    Texts operator+(const Texts& other) const {
        Texts result;
        for (std::size_t i = 0; i < n; ++i) {
            result.text[i] = text[i] + other.text[i];
        }
        return result;
    }
};

/// As kernel_table.hpp describes an Isa. 16-bit elements are read as bfloat16, whatever they are
/// called: what a format means is no matter of order.
template <std::size_t width, bool has_float16_instruction>
struct TextIsa {
    using Doubles = Texts<width>;
    using Floats = Numbers<float, 2 * width>;
    using Words = Numbers<std::uint32_t, 2 * width>;
    static constexpr bool converts_float16 = has_float16_instruction;

    static Words load_words(const char* p) {
        Words words;
        std::memcpy(words.number.data(), p, sizeof words.number);
        return words;
    }
    static Floats as_floats(const Words& words) {
        Floats floats;
        std::memcpy(floats.number.data(), words.number.data(), sizeof floats.number);
        return floats;
    }
    static Floats float_of_half(const Words& words) { return as_floats(words << 16); }
    template <class T>
    static Floats load_arithmetic(const char* p) {
        Words words;
        for (std::size_t i = 0; i < 2 * width; ++i) {
            std::uint16_t bits;
            std::memcpy(&bits, p + 2 * i, sizeof bits);
            words.number[i] = static_cast<std::uint32_t>(bits) << 16U;
        }
        return as_floats(words);
    }
    template <class T>
    static void store_arithmetic(char* p, const Floats& x) {
        std::memcpy(p, x.number.data(), sizeof x.number);
    }
    static Text fold(const Doubles& x) { return in_halves(x.text); }
};

/// bfloat16 of 1, ..., 32, every other one negative: their absolute values name the lanes.
std::vector<std::uint16_t> row_of_lanes() {
    std::vector<std::uint16_t> row(lanes);
    for (std::size_t i = 0; i < lanes; ++i) {
        const float number = static_cast<float>(i + 1) * (i % 2 == 0 ? 1.0F : -1.0F);
        std::uint32_t bits;
        std::memcpy(&bits, &number, sizeof bits);
        row[i] = static_cast<std::uint16_t>(bits >> 16U);
    }
    return row;
}

/// What the first `used` lanes add up to.
std::string expected(std::size_t used) {
    std::array<Text, lanes> lane;
    for (std::size_t i = 0; i < used; ++i) {
        lane[i].text = std::to_string(i + 1);
    }
    return in_halves(lane).text;
}

/// Registers that are loaded from a row of float32, one after another.
template <std::size_t width>
void load(const float* row, std::size_t used, Texts<width> (&registers)[lanes / width]) {
    for (std::size_t i = 0; i < used; ++i) {
        registers[i / width].text[i % width].text = std::to_string(static_cast<int>(row[i]));
    }
}

template <std::size_t width, bool has_float16_instruction, class T>
std::string total_of_widened_row() {
    using Isa = TextIsa<width, has_float16_instruction>;
    using Order = LaneOrder<Isa, T>;
    const std::vector<std::uint16_t> row = row_of_lanes();
    WidenedRows<Isa, T, 1> widened;
    widened.put(0, reinterpret_cast<const char*>(row.data()));
    float floats[lanes];
    std::memcpy(floats, widened.at(0), sizeof floats);
    Texts<width> registers[lanes / width];
    load<width>(floats, lanes, registers);
    Order::fold(Order::registers, registers);
    return Order::total(registers).text;
}

} // namespace

TEMPLATE_TEST_CASE_SIG("16-bit elements are added in the order of lanes, whatever the registers",
                       "[kernels][order]", ((std::size_t width), width), 2, 4, 8) {
    CHECK(total_of_widened_row<width, true, BFloat16>() == expected(lanes));
    CHECK(total_of_widened_row<width, true, Float16>() == expected(lanes));
    CHECK(total_of_widened_row<width, false, Float16>() == expected(lanes));
}

TEMPLATE_TEST_CASE_SIG("lanes that are loaded in order are added in it, zeros left out",
                       "[kernels][order]", ((std::size_t width), width), 2, 4, 8) {
    using Order = LaneOrder<TextIsa<width, true>, float>;
    float row[lanes];
    for (std::size_t i = 0; i < lanes; ++i) {
        row[i] = static_cast<float>(i + 1);
    }
    for (std::size_t used = 1; used <= Order::registers; ++used) {
        Texts<width> one[Order::registers];
        Texts<width> two[Order::registers];
        load<width>(row, used * width, one);
        load<width>(row, width, two);
        Order::fold(used, one, two);
        CHECK(Order::total(one).text == expected(used * width));
        CHECK(Order::total(two).text == expected(width));
    }
}

TEST_CASE("a ring of widened rows keeps the last ones", "[kernels][order]") {
    constexpr std::size_t size = 4;
    WidenedRows<TextIsa<4, true>, Float16, size> ring;
    std::vector<std::uint16_t> row(lanes);
    for (std::size_t r = 0; r < 11; ++r) {
        row.front() = row.back() = static_cast<std::uint16_t>(r);
        ring.put(r, reinterpret_cast<const char*>(row.data()));
        for (std::size_t kept = r < size ? 0 : r - size + 1; kept <= r; ++kept) {
            std::uint32_t element[lanes];
            std::memcpy(element, ring.at(kept), sizeof element);
            CHECK(element[0] == kept << 16U);
            CHECK(element[lanes - 1] == kept << 16U);
        }
    }
}
