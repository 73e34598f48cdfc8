/**
 * Every case of vectors.txt through the C++ interface, to the bit.
 *
 *     conformance vectors FILE     on four threads at once
 *     conformance memory           that an array of 1 GiB is not copied
 *     conformance overhead         what a call costs
 */
#include <l1l2.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using l1l2::JsonStyle;
using l1l2::Regularizer;

constexpr int thread_count = 4;

/// The library has computed something else than the case says.
struct Differs : std::runtime_error {
    using runtime_error::runtime_error;
};

/// The case is not one that the head of vectors.txt describes.
struct Malformed : std::runtime_error {
    using runtime_error::runtime_error;
};

struct Case {
    std::string_view operation;
    std::vector<std::string_view> inputs;
    l1l2_status status;
    std::vector<std::string_view> outputs;
};

template <class T>
using Bits = std::conditional_t<
    sizeof(T) == 8, std::uint64_t,
    std::conditional_t<sizeof(T) == 4, std::uint32_t,
                       std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint8_t>>>;

template <class T>
constexpr std::size_t digits_of = 2 * sizeof(T);

template <class T>
Bits<T> bits_of(T value) {
    Bits<T> bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

template <class Integer>
Integer parse_integer(std::string_view text, int base = 10) {
    Integer value{};
    const char* const end = text.data() + text.size();
    const auto [parsed, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc() || parsed != end) {
        throw Malformed("\"" + std::string(text) + "\" is no number");
    }
    return value;
}

/// A value from the hexadecimal digits of its bits.
template <class T>
T parse(std::string_view digits) {
    if (digits.size() != digits_of<T>) {
        throw Malformed("\"" + std::string(digits) + "\" has another number of digits");
    }
    const auto bits = parse_integer<Bits<T>>(digits, 16);
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/// Values whose digits follow each other.
template <class T>
std::vector<T> parse_all(std::string_view digits) {
    std::vector<T> values;
    for (; !digits.empty(); digits.remove_prefix(digits_of<T>)) {
        values.push_back(parse<T>(digits.substr(0, digits_of<T>)));
    }
    return values;
}

/// N:ELEMENTS
template <class T>
std::vector<T> parse_array(std::string_view text) {
    const std::size_t colon = std::min(text.find(':'), text.size() - 1);
    const auto n = parse_integer<std::size_t>(text.substr(0, colon));
    std::vector<T> values = parse_all<T>(text.substr(colon + 1));
    const std::size_t given = values.size();
    if (given > n || (given == 0 && n > 0)) {
        throw Malformed("an array of another number of elements");
    }
    values.reserve(n);
    for (std::size_t i = given; i < n; ++i) {
        values.push_back(values[i - given]);
    }
    return values;
}

/// A text without any byte is written as "-", so that it is a field.
std::string parse_text(std::string_view text) {
    const std::vector<char> bytes = parse_all<char>(text == "-" ? "" : text);
    return {bytes.begin(), bytes.end()};
}

JsonStyle parse_style(std::string_view text) {
    for (const JsonStyle style : {JsonStyle::config, JsonStyle::keras2, JsonStyle::keras3}) {
        if (text == std::to_string(static_cast<l1l2_json_style>(style))) {
            return style;
        }
    }
    throw Malformed("no style");
}

/// The coefficients are the inputs from the one at `first` on.
Regularizer parse_regularizer(const Case& c, std::size_t first) {
    return Regularizer(parse<double>(c.inputs[first]), parse<double>(c.inputs[first + 1]));
}

/// Calls check with an element of the type that dtype names.
template <class Check>
void with_dtype(std::string_view dtype, Check&& check) {
    if (dtype == "float32") {
        check(float());
    } else if (dtype == "float64") {
        check(double());
    } else if (dtype == "float16") {
        check(l1l2::Float16());
    } else if (dtype == "bfloat16") {
        check(l1l2::BFloat16());
    } else {
        throw Malformed("no dtype");
    }
}

/// Fails unless call returns where the case has status 0, and throws that status where it has another.
template <class Call>
void expect_status(const Case& c, const std::string& name, Call&& call) {
    l1l2_status status = L1L2_OK;
    std::string message = "no error";
    try {
        call();
    } catch (const l1l2::Error& error) {
        status = error.status();
        message = error.what();
    }
    if (status != c.status || message.empty()) {
        throw Differs(name + " has status " + std::to_string(status) + ", \"" + message + "\"");
    }
}

template <class T>
void expect_equal(const std::string& name, T value, T expected) {
    if (bits_of(value) != bits_of(expected)) {
        std::ostringstream what;
        what << name << " is " << std::hex << std::setfill('0') << std::setw(digits_of<T>)
             << +bits_of(value) << ", not " << std::setw(digits_of<T>) << +bits_of(expected);
        throw Differs(what.str());
    }
}

template <class T>
void expect_equal(const std::string& name, const std::vector<T>& values,
                  const std::vector<T>& expected) {
    const auto equal = [](T a, T b) { return bits_of(a) == bits_of(b); };
    const auto [value, other] = std::mismatch(values.begin(), values.end(), expected.begin(),
                                              expected.end(), equal);
    if (value != values.end() && other != expected.end()) {
        const auto i = value - values.begin();
        expect_equal(name + "[" + std::to_string(i) + "]", *value, *other);
    }
    expect_equal(name + "'s size", values.size(), expected.size());
}

/// Fails unless make returns a regularizer with the coefficients of the outputs, or fails as it must.
template <class Make>
void expect_config(const Case& c, Make&& make) {
    Regularizer regularizer;
    expect_status(c, c.operation, [&] { regularizer = make(); });
    if (c.status == L1L2_OK) {
        expect_equal("l1", regularizer.l1(), parse<double>(c.outputs[0]));
        expect_equal("l2", regularizer.l2(), parse<double>(c.outputs[1]));
    }
}
