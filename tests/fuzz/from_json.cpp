/// Fuzzes l1l2_from_json with any bytes.
#include "input.hpp"

#include <initializer_list>
#include <memory>
#include <string>

namespace {

using fuzz::check;
using fuzz::Environment;

constexpr std::size_t largest_message = 256;
constexpr char canary = '\x5a';

struct Reading {
    l1l2_status status;
    double l1;
    double l2;
    char message[largest_message + 64];
    std::size_t capacity;
};

bool is_promised(l1l2_status status) {
    return status == L1L2_OK || status == L1L2_ERROR_MALFORMED_JSON ||
           status == L1L2_ERROR_UNKNOWN_CONFIG || status == L1L2_ERROR_INVALID_COEFFICIENT;
}

void check_message(const Reading& reading) {
    for (std::size_t i = reading.capacity; i < sizeof reading.message; ++i) {
        check(reading.message[i] == canary, "nothing is written behind the message's capacity");
    }
    if (reading.capacity == 0) {
        return;
    }
    const std::size_t length = strnlen(reading.message, reading.capacity);
    check(length < reading.capacity, "the message ends with a NUL");
    check(length < largest_message, "256 bytes are enough for every message");
    check(reading.status != L1L2_OK || length == 0, "the message is empty on success");
    check(reading.status == L1L2_OK || length > 0 || reading.capacity == 1,
          "a failure has a message");
    for (std::size_t i = 0; i < length; ++i) {
        check(reading.message[i] >= ' ' && reading.message[i] <= '~', "the message is in ASCII");
    }
}

/// Reads a text and destroys the handle.
Reading read(const char* text, std::size_t length, std::size_t capacity, Environment environment) {
    Reading reading = {};
    reading.capacity = capacity;
    std::memset(reading.message, canary, sizeof reading.message);
    l1l2_regularizer* handle = reinterpret_cast<l1l2_regularizer*>(&reading); // no NULL
    fuzz::in_environment(environment, [&] {
        reading.status = l1l2_from_json(text, length, &handle,
                                        capacity > 0 ? reading.message : nullptr, capacity);
    });
    check(is_promised(reading.status), "the status is one of those that the header names");
    check((handle != nullptr) == (reading.status == L1L2_OK), "the handle is NULL on failure");
    check_message(reading);
    if (handle != nullptr) {
        check(l1l2_get_config(handle, &reading.l1, &reading.l2) == L1L2_OK, "a handle is live");
        l1l2_destroy(handle);
    }
    return reading;
}

bool same(const Reading& a, const Reading& b) {
    return a.status == b.status && to_bits(a.l1) == to_bits(b.l1) && to_bits(a.l2) == to_bits(b.l2);
}

/// Whether a message is another one cut to its capacity.
bool is_cut_of(const Reading& cut, const Reading& whole) {
    return cut.capacity == 0 || (std::strncmp(cut.message, whole.message, cut.capacity - 1) == 0 &&
                                 (std::strlen(whole.message) >= cut.capacity ||
                                  std::strcmp(cut.message, whole.message) == 0));
}

void check_round_trip(const Reading& reading, l1l2_json_style style) {
    const Handle handle({reading.l1, reading.l2});
    char json[256];
    std::size_t asked = 0;
    std::size_t length = 0;
    check(l1l2_to_json(handle.get(), style, nullptr, 0, &asked) == L1L2_ERROR_BUFFER_TOO_SMALL,
          "a capacity of 0 asks for the size");
    std::memset(json, canary, sizeof json);
    check(l1l2_to_json(handle.get(), style, json, sizeof json, &length) == L1L2_OK,
          "256 bytes are enough for every text");
    check(length == asked && length == std::strlen(json), "the length is that of the text");
    for (std::size_t i = length + 1; i < sizeof json; ++i) {
        check(json[i] == canary, "nothing is written behind the text");
    }
    const Reading again = read(json, length, 0, Environment::usual);
    check(same(again, reading), "a text that was written reads back to the same coefficients");
    char fitting[sizeof json];
    std::memset(fitting, canary, sizeof fitting);
    const Handle second({again.l1, again.l2});
    check(l1l2_to_json(second.get(), style, fitting, length, &asked) ==
                  L1L2_ERROR_BUFFER_TOO_SMALL &&
              fitting[0] == canary,
          "a buffer without room for the NUL is too small and untouched");
    check(l1l2_to_json(second.get(), style, fitting, length + 1, &asked) == L1L2_OK &&
              std::memcmp(fitting, json, sizeof json) == 0,
          "the same coefficients give the same text");
}

/// A text that begins with an object is of a custom class if its module is null, unless it names
/// one itself, which may be escaped.
void check_custom_class(const char* text, std::size_t length) {
    const std::string json(text, length);
    const std::size_t brace = json.find_first_not_of(" \t\r\n");
    if (json[brace] != '{' || json.find("module") != std::string::npos ||
        json.find('\\') != std::string::npos) {
        return;
    }
    const std::string custom = R"({"module":null,)" + json.substr(brace + 1);
    const Reading reading = read(custom.data(), custom.size(), 0, Environment::usual);
    check(reading.status != L1L2_OK, "a class of no module is a custom one");
}

/// Depends on the length of the input only, so that the same input always does the same.
std::size_t a_capacity(std::size_t length) {
    constexpr std::size_t capacities[] = {0, 1, 7, 256, 2, 40, 300, 64};
    return capacities[length % (sizeof capacities / sizeof *capacities)];
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // At an odd address, up to the end of its memory: the sanitizer sees a byte too far.
    const auto text = std::make_unique<char[]>(size + 1);
    char* const start = text.get() + 1;
    if (size > 0) {
        std::memcpy(start, data, size);
    }
    const Reading reading = read(start, size, largest_message, Environment::usual);
    check(size > 0 || reading.status == L1L2_ERROR_MALFORMED_JSON, "no text is malformed");
    const Reading again =
        read(size > 0 ? start : nullptr, size, a_capacity(size), Environment::hostile);
    check(same(again, reading) && is_cut_of(again, reading),
          "a second call in another floating-point environment gives the same");
    if (reading.status == L1L2_OK) {
        check(std::isfinite(reading.l1) && !std::signbit(reading.l1) && std::isfinite(reading.l2) &&
                  !std::signbit(reading.l2),
              "coefficients are finite and >= 0");
        for (const l1l2_json_style style : {L1L2_JSON_CONFIG, L1L2_JSON_KERAS2, L1L2_JSON_KERAS3}) {
            check_round_trip(reading, style);
        }
        check_custom_class(start, size);
        text[0] = ' ';
        check(same(read(text.get(), size + 1, 0, Environment::usual), reading),
              "white space before a text changes nothing");
    }
    return 0;
}
