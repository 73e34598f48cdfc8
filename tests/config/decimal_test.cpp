/// Numbers as text. tests/golden/golden_test.cpp has what Python's repr prints.
#include "catch.hpp"
#include "decimal.hpp"
#include "narrow.hpp"

#include <clocale>
#include <cstdlib>
#include <limits>
#include <string>

using l1l2::core::decimal_capacity;
using l1l2::core::parse_decimal;
using l1l2::core::write_decimal;

namespace {

std::string written(double value) {
    char text[decimal_capacity];
    return {text, write_decimal(value, text)};
}

} // namespace

TEST_CASE("the notation is that of Python's repr", "[decimal]") {
    CHECK(written(0.0) == "0.0");
    CHECK(written(1.0) == "1.0");
    CHECK(written(0.01) == "0.01");
    CHECK(written(0.0001) == "0.0001");
    CHECK(written(0.00012345) == "0.00012345");
    CHECK(written(9.999e-05) == "9.999e-05");
    CHECK(written(1e-05) == "1e-05");
    CHECK(written(100000.0) == "100000.0");
    CHECK(written(123.5) == "123.5");
    CHECK(written(9999999999999998.0) == "9999999999999998.0");
    CHECK(written(1e16) == "1e+16");
    CHECK(written(1.2345678901234568e+17) == "1.2345678901234568e+17");
    CHECK(written(5e-324) == "5e-324");
    CHECK(written(2.2250738585072014e-308) == "2.2250738585072014e-308");
    CHECK(written(1e100) == "1e+100");
    CHECK(written(0x1p-44) == "5.684341886080802e-14");
    CHECK(written(0.009999999776482582) == "0.009999999776482582");
}

TEST_CASE("what is written reads back to the same bits", "[decimal]") {
    std::mt19937_64 random(1);
    for (int i = 0; i < 100000; ++i) {
        const std::uint64_t pattern = random() & 0x7fffffffffffffffU;
        double value;
        std::memcpy(&value, &pattern, sizeof value);
        if (std::isfinite(value) && to_bits(parse_decimal(written(value))) != pattern) {
            FAIL(written(value));
        }
    }
    SUCCEED("all of them");
}

TEST_CASE("a number too small for a double is 0, one too large is infinite", "[decimal]") {
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(to_bits(parse_decimal("1e-400")) == to_bits(0.0));
    CHECK(to_bits(parse_decimal("-1e-400")) == to_bits(-0.0));
    CHECK(parse_decimal("1e400") == infinity);
    CHECK(parse_decimal("-1.5E+400") == -infinity);
    CHECK(parse_decimal("0." + std::string(400, '0') + "1") == 0.0);
    CHECK(parse_decimal("0." + std::string(400, '0') + "1e900") == infinity);
    CHECK(parse_decimal("1" + std::string(400, '0') + ".5") == infinity);
    CHECK(parse_decimal("1" + std::string(400, '0') + ".5e-900") == 0.0);
    CHECK(parse_decimal("1" + std::string(400, '0') + "e-400") == 1.0);
    // A long number and a long exponent that nearly make up for each other.
    CHECK(parse_decimal("0." + std::string(400, '0') + "1e50") == 0.0);
    CHECK(parse_decimal("0." + std::string(60000, '0') + "1e60500") == infinity);
    CHECK(parse_decimal("0." + std::string(60000, '0') + "1e59500") == 0.0);
    CHECK(parse_decimal("1" + std::string(60000, '0') + "e-60500") == 0.0);
    CHECK(parse_decimal("1" + std::string(60000, '0') + "e-59500") == infinity);
    CHECK(parse_decimal("1e99999999999999999999") == infinity);
    CHECK(parse_decimal("1e-99999999999999999999") == 0.0);
    CHECK(parse_decimal("0e99999999999999999999") == 0.0);
    CHECK(parse_decimal("1.7976931348623157e308") == std::numeric_limits<double>::max());
    CHECK(parse_decimal("1.7976931348623159e308") == infinity);
    CHECK(parse_decimal("2.4703282292062328e-324") == 5e-324);
    CHECK(parse_decimal("2.4703282292062327e-324") == 0.0);
    CHECK(parse_decimal("0.009999999776482582") == 0.009999999776482582);
}

TEST_CASE("any byte may stand for the decimal point", "[decimal]") {
    CHECK(parse_decimal("1,5") == 1.5);
    CHECK(parse_decimal("1\xD9"
                        "5e1") == 15.0);
}

TEST_CASE("no decimal point of a locale is written or read", "[decimal][locale]") {
    // One process for each locale: tests/config/CMakeLists.txt.
    const char* const name = std::getenv("L1L2_TEST_LOCALE");
    REQUIRE(name != nullptr);
    if (std::setlocale(LC_ALL, name) == nullptr) {
        WARN("this locale is not there");
        return;
    }
    const std::string decimal_point = std::localeconv()->decimal_point;
    const std::string texts[] = {written(1234.5), written(1.5e-7), written(0.1), written(1e22)};
    const double value = parse_decimal("-1234.5e-1");
    std::setlocale(LC_ALL, "C");
    CHECK(decimal_point != ".");
    CHECK(texts[0] == "1234.5");
    CHECK(texts[1] == "1.5e-07");
    CHECK(texts[2] == "0.1");
    CHECK(texts[3] == "1e+22");
    CHECK(value == -123.45);
}
