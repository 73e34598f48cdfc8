/// The C API: every status of every function, every NULL, outputs unchanged after a failure.
#include "catch.hpp"
#include "data.hpp"
#include "handle.hpp"
#include "l1l2.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr double untouched = -123.25;

/// What a handle output holds before a call, which must replace it.
l1l2_regularizer* garbage() {
    static char memory;
    return reinterpret_cast<l1l2_regularizer*>(&memory);
}

} // namespace

TEST_CASE("the constants have the values that foreign callers have compiled in", "[capi]") {
    CHECK(L1L2_OK == 0);
    CHECK(L1L2_ERROR_INVALID_ARGUMENT == 10);
    CHECK(L1L2_ERROR_INVALID_COEFFICIENT == 11);
    CHECK(L1L2_ERROR_UNSUPPORTED_DTYPE == 12);
    CHECK(L1L2_ERROR_INVALID_SCALE == 13);
    CHECK(L1L2_ERROR_INVALID_STEP == 14);
    CHECK(L1L2_ERROR_OVERLAP == 15);
    CHECK(L1L2_ERROR_INVALID_TENSOR == 16);
    CHECK(L1L2_ERROR_UNSUPPORTED_DEVICE == 17);
    CHECK(L1L2_ERROR_INVALID_SUMS == 18);
    CHECK(L1L2_ERROR_UNKNOWN_LAYOUT == 19);
    CHECK(L1L2_ERROR_BUFFER_TOO_SMALL == 20);
    CHECK(L1L2_ERROR_COUNT_OVERFLOW == 21);
    CHECK(L1L2_ERROR_OUT_OF_MEMORY == 30);
    CHECK(L1L2_ERROR_MALFORMED_JSON == 40);
    CHECK(L1L2_ERROR_UNKNOWN_CONFIG == 41);
    CHECK(L1L2_ERROR_RUNNER_FAILED == 50);
    CHECK(L1L2_FLOAT32 == 1);
    CHECK(L1L2_FLOAT64 == 2);
    CHECK(L1L2_FLOAT16 == 3);
    CHECK(L1L2_BFLOAT16 == 4);
    CHECK(L1L2_JSON_CONFIG == 0);
    CHECK(L1L2_JSON_KERAS2 == 1);
    CHECK(L1L2_JSON_KERAS3 == 2);
    CHECK(L1L2_EXACT_SUMS_LENGTH == 207);
    CHECK(l1l2_exact_sums_length() == L1L2_EXACT_SUMS_LENGTH);
}

TEST_CASE("the version is the header's", "[capi]") {
    CHECK(l1l2_version_number() == L1L2_VERSION_NUMBER);
    CHECK(l1l2_version_number() ==
          10000 * L1L2_VERSION_MAJOR + 100 * L1L2_VERSION_MINOR + L1L2_VERSION_PATCH);
    CHECK(std::string(l1l2_version_string()) == std::to_string(L1L2_VERSION_MAJOR) + "." +
                                                    std::to_string(L1L2_VERSION_MINOR) + "." +
                                                    std::to_string(L1L2_VERSION_PATCH));
}

TEST_CASE("every status has its own text, and unknown numbers have one too", "[capi]") {
    const l1l2_status statuses[] = {L1L2_OK,
                                    L1L2_ERROR_INVALID_ARGUMENT,
                                    L1L2_ERROR_INVALID_COEFFICIENT,
                                    L1L2_ERROR_UNSUPPORTED_DTYPE,
                                    L1L2_ERROR_INVALID_SCALE,
                                    L1L2_ERROR_INVALID_STEP,
                                    L1L2_ERROR_OVERLAP,
                                    L1L2_ERROR_INVALID_TENSOR,
                                    L1L2_ERROR_UNSUPPORTED_DEVICE,
                                    L1L2_ERROR_INVALID_SUMS,
                                    L1L2_ERROR_UNKNOWN_LAYOUT,
                                    L1L2_ERROR_BUFFER_TOO_SMALL,
                                    L1L2_ERROR_COUNT_OVERFLOW,
                                    L1L2_ERROR_INVALID_NORM,
                                    L1L2_ERROR_OUT_OF_MEMORY,
                                    L1L2_ERROR_MALFORMED_JSON,
                                    L1L2_ERROR_UNKNOWN_CONFIG,
                                    L1L2_ERROR_RUNNER_FAILED};
    for (const l1l2_status a : statuses) {
        REQUIRE(l1l2_status_string(a) != nullptr);
        const std::string text = l1l2_status_string(a);
        CHECK(text != "unknown status");
        CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }));
        CHECK(text.find_last_not_of(". ") == text.size() - 1);
        for (const l1l2_status b : statuses) {
            CHECK((a == b) == (text == l1l2_status_string(b)));
        }
    }
    const auto is_unknown = [](l1l2_status status) {
        return std::string(l1l2_status_string(status)) == "unknown status";
    };
    CHECK(is_unknown(INT32_MAX));
    CHECK(is_unknown(INT32_MIN));
    for (l1l2_status other = -1000; other <= 1000; ++other) {
        const bool known =
            std::find(std::begin(statuses), std::end(statuses), other) != std::end(statuses);
        INFO(other);
        CHECK(is_unknown(other) == !known);
    }
}

TEST_CASE("the texts of versions and statuses are static", "[capi]") {
    const auto pointers = [] {
        std::vector<const char*> texts = {l1l2_version_string()};
        for (const l1l2_status status : {int32_t{L1L2_OK}, int32_t{L1L2_ERROR_OVERLAP}, -7, 1000}) {
            texts.push_back(l1l2_status_string(status));
        }
        return texts;
    };
    const std::vector<const char*> first = pointers();
    std::vector<const char*> of_another_thread;
    std::thread([&] { of_another_thread = pointers(); }).join();
    CHECK(pointers() == first);
    CHECK(of_another_thread == first);
}

TEST_CASE("l1l2_create refuses bad coefficients and a NULL output", "[capi]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double bad : {-1.0, -5e-324, nan, infinity, -infinity}) {
        l1l2_regularizer* regularizer = garbage();
        CHECK(l1l2_create(bad, 0.0, &regularizer) == L1L2_ERROR_INVALID_COEFFICIENT);
        CHECK(regularizer == nullptr);
        regularizer = garbage();
        CHECK(l1l2_create(0.0, bad, &regularizer) == L1L2_ERROR_INVALID_COEFFICIENT);
        CHECK(regularizer == nullptr);
    }
    CHECK(l1l2_create(1.0, 1.0, nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
}

TEST_CASE("l1l2_destroy of NULL does nothing", "[capi]") {
    l1l2_destroy(nullptr);
    SUCCEED("still here");
}

TEST_CASE("l1l2_get_config returns either coefficient or both", "[capi]") {
    const Handle handle({0.1, -0.0});
    double l1 = untouched;
    double l2 = untouched;
    CHECK(l1l2_get_config(handle.get(), &l1, &l2) == L1L2_OK);
    CHECK(to_bits(l1) == to_bits(0.1));
    CHECK(to_bits(l2) == to_bits(0.0));
    l1 = untouched;
    CHECK(l1l2_get_config(handle.get(), &l1, nullptr) == L1L2_OK);
    CHECK(l1 == 0.1);
    CHECK(l1l2_get_config(handle.get(), nullptr, &l2) == L1L2_OK);
    CHECK(l1l2_get_config(handle.get(), nullptr, nullptr) == L1L2_OK);
    l1 = l2 = untouched;
    CHECK(l1l2_get_config(nullptr, &l1, &l2) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1 == untouched);
    CHECK(l2 == untouched);
}

TEST_CASE("l1l2_penalty computes for float32 and float64, at any address", "[capi]") {
    const Handle handle({2.0, 3.0});
    unsigned char buffer[3 * sizeof(double) + 1];
    const float singles[] = {1.0F, -2.0F, 3.0F};
    const double doubles[] = {1.0, -2.0, 3.0};
    double penalty = untouched;
    std::memcpy(buffer + 1, singles, sizeof singles);
    CHECK(l1l2_penalty(handle.get(), L1L2_FLOAT32, buffer + 1, 3, &penalty) == L1L2_OK);
    CHECK(penalty == 54.0);
    penalty = untouched;
    std::memcpy(buffer + 1, doubles, sizeof doubles);
    CHECK(l1l2_penalty(handle.get(), L1L2_FLOAT64, buffer + 1, 3, &penalty) == L1L2_OK);
    CHECK(penalty == 54.0);
    penalty = untouched;
    CHECK(l1l2_penalty(handle.get(), L1L2_FLOAT32, nullptr, 0, &penalty) == L1L2_OK);
    CHECK(to_bits(penalty) == to_bits(0.0));
}

TEST_CASE("l1l2_penalty reports what is wrong and leaves the output unchanged", "[capi]") {
    const Handle handle({0.01, 0.02});
    const Handle zero({0.0, 0.0});
    const float x[] = {1.0F, 2.0F};
    constexpr std::size_t most = PTRDIFF_MAX;
    double penalty = untouched;
    CHECK(l1l2_penalty(nullptr, L1L2_FLOAT32, x, 2, &penalty) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_penalty(handle.get(), L1L2_FLOAT32, x, 2, nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    for (const Handle* regularizer : {&handle, &zero}) {
        const auto status = [&](l1l2_dtype dtype, const void* data, std::size_t n) {
            return l1l2_penalty(regularizer->get(), dtype, data, n, &penalty);
        };
        CHECK(status(L1L2_FLOAT32, nullptr, 1) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(L1L2_FLOAT32, x, most / 4 + 1) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(L1L2_FLOAT64, x, most / 8 + 1) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(L1L2_FLOAT32, x, SIZE_MAX) == L1L2_ERROR_INVALID_ARGUMENT);
        for (const l1l2_dtype dtype : {0, -1, 5, INT32_MAX, INT32_MIN}) {
            CHECK(status(dtype, x, 2) == L1L2_ERROR_UNSUPPORTED_DTYPE);
            CHECK(status(dtype, nullptr, SIZE_MAX) == L1L2_ERROR_UNSUPPORTED_DTYPE);
            CHECK(l1l2_penalty(nullptr, dtype, x, 2, nullptr) == L1L2_ERROR_UNSUPPORTED_DTYPE);
        }
    }
    CHECK(penalty == untouched);
    // The largest n that fits is valid; with both coefficients 0 no element is read.
    CHECK(l1l2_penalty(zero.get(), L1L2_FLOAT32, x, most / 4, &penalty) == L1L2_OK);
    CHECK(l1l2_penalty(zero.get(), L1L2_FLOAT64, x, most / 8, &penalty) == L1L2_OK);
    CHECK(penalty == 0.0);
}

TEST_CASE("exact sums are added and read for every dtype, at any address", "[capi]") {
    const Handle handle({2.0, 3.0});
    const float singles[] = {1.0F, -2.0F, 3.0F};
    const double doubles[] = {1.0, -2.0, 3.0};
    const std::uint16_t halves[] = {0x3C00, 0xC000, 0x4200};
    const std::uint16_t bfloats[] = {0x3F80, 0xC000, 0x4040};
    struct Array {
        l1l2_dtype dtype;
        const void* x;
        std::size_t bytes;
    };
    const Array arrays[] = {{L1L2_FLOAT32, singles, sizeof singles},
                            {L1L2_FLOAT64, doubles, sizeof doubles},
                            {L1L2_FLOAT16, halves, sizeof halves},
                            {L1L2_BFLOAT16, bfloats, sizeof bfloats}};
    std::int64_t all[L1L2_EXACT_SUMS_LENGTH] = {};
    for (const Array& array : arrays) {
        unsigned char buffer[sizeof doubles + 1];
        std::memcpy(buffer + 1, array.x, array.bytes);
        std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
        CHECK(l1l2_exact_sums_add(sums, array.dtype, buffer + 1, 3) == L1L2_OK);
        CHECK(l1l2_exact_sums_add(all, array.dtype, buffer + 1, 3) == L1L2_OK);
        double absolute = untouched;
        double square = untouched;
        std::int64_t count = -1;
        CHECK(l1l2_exact_sums_read(sums, &absolute, &square, &count) == L1L2_OK);
        CHECK(absolute == 6.0);
        CHECK(square == 14.0);
        CHECK(count == 3);
        double penalty = untouched;
        CHECK(l1l2_penalty_exact_sums(handle.get(), sums, &penalty) == L1L2_OK);
        CHECK(penalty == 54.0);
        CHECK(l1l2_exact_sums_check(sums) == L1L2_OK);
        // Each output alone, and none.
        absolute = square = untouched;
        count = -1;
        CHECK(l1l2_exact_sums_read(sums, &absolute, nullptr, nullptr) == L1L2_OK);
        CHECK(l1l2_exact_sums_read(sums, nullptr, &square, nullptr) == L1L2_OK);
        CHECK(l1l2_exact_sums_read(sums, nullptr, nullptr, &count) == L1L2_OK);
        CHECK(l1l2_exact_sums_read(sums, nullptr, nullptr, nullptr) == L1L2_OK);
        CHECK(absolute == 6.0);
        CHECK(square == 14.0);
        CHECK(count == 3);
    }
    std::int64_t count = -1;
    CHECK(l1l2_exact_sums_merge(all, all) == L1L2_OK);
    CHECK(l1l2_exact_sums_read(all, nullptr, nullptr, &count) == L1L2_OK);
    CHECK(count == 24);
}

TEST_CASE("without elements exact sums stay zeros", "[capi]") {
    const float x = 1.0F;
    std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
    const std::int64_t zeros[L1L2_EXACT_SUMS_LENGTH] = {};
    const auto are_zeros = [&] { return std::memcmp(sums, zeros, sizeof sums) == 0; };
    for (const l1l2_dtype dtype : {L1L2_FLOAT32, L1L2_FLOAT64, L1L2_FLOAT16, L1L2_BFLOAT16}) {
        CHECK(l1l2_exact_sums_add(sums, dtype, nullptr, 0) == L1L2_OK);
        CHECK(l1l2_exact_sums_add(sums, dtype, &x, 0) == L1L2_OK);
        CHECK(are_zeros());
    }
    CHECK(l1l2_exact_sums_merge(sums, zeros) == L1L2_OK);
    CHECK(l1l2_exact_sums_merge(sums, sums) == L1L2_OK);
    CHECK(are_zeros());
    CHECK(l1l2_exact_sums_check(sums) == L1L2_OK);
    double absolute = untouched;
    double square = untouched;
    std::int64_t count = -1;
    CHECK(l1l2_exact_sums_read(sums, &absolute, &square, &count) == L1L2_OK);
    CHECK(to_bits(absolute) == to_bits(0.0));
    CHECK(to_bits(square) == to_bits(0.0));
    CHECK(count == 0);
}

TEST_CASE("the functions of exact sums report errors in the documented order and change nothing",
          "[capi]") {
    const Handle handle({0.01, 0.02});
    const Handle zero({0.0, 0.0});
    const float x[] = {1.0F, 2.0F};
    using Sums = std::vector<std::int64_t>;
    Sums sound(L1L2_EXACT_SUMS_LENGTH);
    REQUIRE(l1l2_exact_sums_add(sound.data(), L1L2_FLOAT32, x, 2) == L1L2_OK);
    Sums unknown = sound;
    ++unknown[0];
    Sums damaged = sound;
    ++damaged[2];
    Sums too_many = sound; // 2^62 of them, and as many
    for (int doubled = 1; doubled < 62; ++doubled) {
        REQUIRE(l1l2_exact_sums_merge(too_many.data(), too_many.data()) == L1L2_OK);
    }
    for (std::int64_t& sum : too_many) {
        sum = static_cast<std::int64_t>(2 * static_cast<std::uint64_t>(sum));
    }
    const Sums before[] = {sound, unknown, damaged, too_many};
    double number = untouched;
    double other_number = untouched;
    std::int64_t count = -77;
    constexpr std::size_t most = PTRDIFF_MAX;

    // First the element type, then the arguments, then the accumulator.
    for (const l1l2_dtype dtype : {0, -1, 5, INT32_MAX, INT32_MIN}) {
        CHECK(l1l2_exact_sums_add(nullptr, dtype, nullptr, SIZE_MAX) ==
              L1L2_ERROR_UNSUPPORTED_DTYPE);
        CHECK(l1l2_exact_sums_add(sound.data(), dtype, x, 2) == L1L2_ERROR_UNSUPPORTED_DTYPE);
        CHECK(l1l2_exact_sums_add(unknown.data(), dtype, x, 2) == L1L2_ERROR_UNSUPPORTED_DTYPE);
    }
    CHECK(l1l2_exact_sums_add(nullptr, L1L2_FLOAT32, x, 2) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_exact_sums_add(nullptr, L1L2_FLOAT32, nullptr, 0) == L1L2_ERROR_INVALID_ARGUMENT);
    for (Sums* const sums : {&sound, &unknown, &damaged, &too_many}) {
        const auto status = [&](l1l2_dtype dtype, const void* data, std::size_t n) {
            return l1l2_exact_sums_add(sums->data(), dtype, data, n);
        };
        CHECK(status(L1L2_FLOAT32, nullptr, 1) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(L1L2_FLOAT16, x, most / 2 + 1) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(L1L2_BFLOAT16, x, most / 2 + 1) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(L1L2_FLOAT32, x, most / 4 + 1) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(L1L2_FLOAT64, x, most / 8 + 1) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(L1L2_FLOAT32, x, SIZE_MAX) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(l1l2_exact_sums_merge(sums->data(), nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(l1l2_exact_sums_merge(nullptr, sums->data()) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(l1l2_penalty_exact_sums(nullptr, sums->data(), &number) ==
              L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(l1l2_penalty_exact_sums(handle.get(), sums->data(), nullptr) ==
              L1L2_ERROR_INVALID_ARGUMENT);
    }
    CHECK(l1l2_exact_sums_merge(nullptr, nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_exact_sums_check(nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_exact_sums_read(nullptr, &number, &other_number, &count) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_penalty_exact_sums(handle.get(), nullptr, &number) == L1L2_ERROR_INVALID_ARGUMENT);

    struct Case {
        Sums& sums;
        l1l2_status status;
    };
    const Case cases[] = {{unknown, L1L2_ERROR_UNKNOWN_LAYOUT},
                          {damaged, L1L2_ERROR_INVALID_SUMS},
                          {too_many, L1L2_ERROR_COUNT_OVERFLOW}};
    for (const Case& c : cases) {
        CHECK(l1l2_exact_sums_check(c.sums.data()) == c.status);
        for (const std::size_t n : {0U, 1U, 2U}) {
            CHECK(l1l2_exact_sums_add(c.sums.data(), L1L2_FLOAT32, x, n) == c.status);
        }
        CHECK(l1l2_exact_sums_read(c.sums.data(), &number, &other_number, &count) == c.status);
        // Also where no part reads the sums.
        for (const Handle* const regularizer : {&handle, &zero}) {
            CHECK(l1l2_penalty_exact_sums(regularizer->get(), c.sums.data(), &number) == c.status);
        }
        // An error of the first one is reported first.
        CHECK(l1l2_exact_sums_merge(sound.data(), c.sums.data()) == c.status);
        for (Sums* const other : {&sound, &unknown, &damaged, &too_many}) {
            CHECK(l1l2_exact_sums_merge(c.sums.data(), other->data()) == c.status);
        }
    }
    CHECK(number == untouched);
    CHECK(other_number == untouched);
    CHECK(count == -77);
    const Sums after[] = {sound, unknown, damaged, too_many};
    CHECK(std::equal(std::begin(before), std::end(before), std::begin(after)));
}

TEST_CASE("l1l2_to_json writes the text and a NUL, or reports the size it needs", "[capi]") {
    const Handle handle({0.01, 0.02});
    const std::string expected = R"({"l1": 0.01, "l2": 0.02})";
    char json[256];
    std::size_t length = 0;
    CHECK(l1l2_to_json(handle.get(), L1L2_JSON_CONFIG, nullptr, 0, &length) ==
          L1L2_ERROR_BUFFER_TOO_SMALL);
    CHECK(length == expected.size());
    for (std::size_t capacity = 0; capacity <= expected.size() + 2; ++capacity) {
        std::memset(json, '#', sizeof json);
        length = 0;
        const l1l2_status status =
            l1l2_to_json(handle.get(), L1L2_JSON_CONFIG, json, capacity, &length);
        CHECK(length == expected.size());
        if (capacity <= expected.size()) {
            CHECK(status == L1L2_ERROR_BUFFER_TOO_SMALL);
            CHECK(std::string(json, sizeof json) == std::string(sizeof json, '#'));
        } else {
            CHECK(status == L1L2_OK);
            CHECK(std::string(json) == expected);
            CHECK(json[expected.size() + 1] == '#');
        }
    }
}

TEST_CASE("l1l2_to_json refuses bad arguments and writes nothing", "[capi]") {
    const Handle handle({0.01, 0.02});
    char json[256] = "#";
    std::size_t length = 77;
    CHECK(l1l2_to_json(nullptr, L1L2_JSON_CONFIG, json, sizeof json, &length) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_to_json(handle.get(), L1L2_JSON_CONFIG, nullptr, 1, &length) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_to_json(handle.get(), L1L2_JSON_CONFIG, json, sizeof json, nullptr) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    for (const l1l2_json_style style : {-1, 3, INT32_MAX}) {
        CHECK(l1l2_to_json(handle.get(), style, json, sizeof json, &length) ==
              L1L2_ERROR_INVALID_ARGUMENT);
    }
    CHECK(std::string(json) == "#");
    CHECK(length == 77);
}

TEST_CASE("every style reads back to the same coefficients", "[capi]") {
    const Handle handle({0.1 + 0.2, 5e-324});
    for (const l1l2_json_style style : {L1L2_JSON_CONFIG, L1L2_JSON_KERAS2, L1L2_JSON_KERAS3}) {
        char json[256];
        std::size_t length = 0;
        REQUIRE(l1l2_to_json(handle.get(), style, json, sizeof json, &length) == L1L2_OK);
        l1l2_regularizer* again = nullptr;
        REQUIRE(l1l2_from_json(json, length, &again, nullptr, 0) == L1L2_OK);
        double l1 = 0.0;
        double l2 = 0.0;
        l1l2_get_config(again, &l1, &l2);
        l1l2_destroy(again);
        CHECK(to_bits(l1) == to_bits(0.1 + 0.2));
        CHECK(to_bits(l2) == to_bits(5e-324));
    }
}

TEST_CASE("l1l2_from_json has a status for each kind of failure", "[capi]") {
    struct Case {
        std::string json;
        l1l2_status status;
        const char* message;
    };
    const Case cases[] = {
        {R"({"l1": 0.01)", L1L2_ERROR_MALFORMED_JSON,
         "malformed JSON at byte 11, where the text ends too early"},
        {R"({"class_name": "Orthogonal"})", L1L2_ERROR_UNKNOWN_CONFIG,
         R"(no L1L2 regularizer: class "Orthogonal")"},
        {R"({"l1": -1})", L1L2_ERROR_INVALID_COEFFICIENT, R"("l1" must be finite and >= 0)"},
        {std::string(L1L2_JSON_MAX_LENGTH + 1, ' '), L1L2_ERROR_UNKNOWN_CONFIG,
         "longer than 65536 bytes: no configuration"},
    };
    for (const Case& c : cases) {
        l1l2_regularizer* regularizer = garbage();
        char message[256] = "#";
        CHECK(l1l2_from_json(c.json.data(), c.json.size(), &regularizer, message, sizeof message) ==
              c.status);
        CHECK(std::string(message) == c.message);
        CHECK(regularizer == nullptr);
        regularizer = garbage();
        CHECK(l1l2_from_json(c.json.data(), c.json.size(), &regularizer, nullptr, 0) == c.status);
        CHECK(regularizer == nullptr);
    }
}

TEST_CASE("a message is cut to its buffer, ends with a NUL, and is empty on success", "[capi]") {
    const std::string json = R"({"l1": -1})";
    const std::string full = R"("l1" must be finite and >= 0)";
    for (std::size_t capacity = 1; capacity < full.size() + 3; ++capacity) {
        char message[64];
        std::memset(message, '#', sizeof message);
        l1l2_regularizer* regularizer = nullptr;
        CHECK(l1l2_from_json(json.data(), json.size(), &regularizer, message, capacity) ==
              L1L2_ERROR_INVALID_COEFFICIENT);
        CHECK(std::string(message) == full.substr(0, capacity - 1));
        CHECK(message[capacity] == '#');
    }
    char message[4] = "#";
    l1l2_regularizer* regularizer = nullptr;
    CHECK(l1l2_from_json("\"l1\"", 4, &regularizer, message, sizeof message) == L1L2_OK);
    CHECK(std::string(message).empty());
    l1l2_destroy(regularizer);
}

TEST_CASE("l1l2_from_json reads no further than length", "[capi]") {
    const char json[] = R"({"l1": 1}garbage)";
    l1l2_regularizer* regularizer = nullptr;
    CHECK(l1l2_from_json(json, 9, &regularizer, nullptr, 0) == L1L2_OK);
    l1l2_destroy(regularizer);
}

TEST_CASE("l1l2_from_json refuses bad arguments", "[capi]") {
    l1l2_regularizer* regularizer = garbage();
    char message[64] = "#";
    CHECK(l1l2_from_json(nullptr, 1, &regularizer, message, sizeof message) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(regularizer == nullptr);
    CHECK(std::string(message) == "json or regularizer is NULL");
    message[0] = '\0';
    CHECK(l1l2_from_json("{}", 2, nullptr, message, sizeof message) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(std::string(message) == "json or regularizer is NULL");
    regularizer = garbage();
    CHECK(l1l2_from_json("{}", 2, &regularizer, nullptr, 1) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(regularizer == nullptr);
    regularizer = garbage();
    CHECK(l1l2_from_json(nullptr, 0, &regularizer, nullptr, 0) == L1L2_ERROR_MALFORMED_JSON);
    CHECK(regularizer == nullptr);
}
