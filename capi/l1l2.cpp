// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The C functions that create, describe and destroy regularizers, with JSON. All files of this
 * folder check arguments and turn faults into statuses; include/l1l2.h says what each function
 * promises.
 */
#include "handle.hpp"

#include "config.hpp"
#include "float_environment.hpp"

#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <variant>

namespace {

using l1l2::core::JsonStyle;
using l1l2::core::Regularizer;
using l1l2::core::with_default_environment;

static_assert(L1L2_JSON_MAX_LENGTH == l1l2::core::max_json_length);

std::optional<JsonStyle> to_style(l1l2_json_style style) {
    switch (style) {
    case L1L2_JSON_CONFIG: return JsonStyle::config;
    case L1L2_JSON_KERAS2: return JsonStyle::keras2;
    case L1L2_JSON_KERAS3: return JsonStyle::keras3;
    default: return std::nullopt;
    }
}

l1l2_status status_of(l1l2::core::ConfigError::Fault fault) {
    using Fault = l1l2::core::ConfigError::Fault;
    switch (fault) {
    case Fault::malformed_json: return L1L2_ERROR_MALFORMED_JSON;
    case Fault::invalid_coefficient: return L1L2_ERROR_INVALID_COEFFICIENT;
    case Fault::unknown_config: break;
    }
    return L1L2_ERROR_UNKNOWN_CONFIG;
}

l1l2_status make_handle(const Regularizer& value, l1l2_regularizer** regularizer) {
    *regularizer = new (std::nothrow) l1l2_regularizer{value};
    return *regularizer != nullptr ? L1L2_OK : L1L2_ERROR_OUT_OF_MEMORY;
}

l1l2_status write_json(const Regularizer* regularizer, JsonStyle style, char* json,
                       std::size_t capacity, std::size_t* length) {
    const l1l2::core::JsonText text = write_config(*regularizer, style);
    *length = text.length;
    if (capacity <= text.length) {
        return L1L2_ERROR_BUFFER_TOO_SMALL;
    }
    std::memcpy(json, text.data, text.length);
    json[text.length] = '\0';
    return L1L2_OK;
}

/// The caller's buffer for what is wrong with a text.
class Message {
  public:
    Message(char* text, std::size_t capacity) : text_(text), capacity_(capacity) {}

    void set(const char* message) const {
        if (capacity_ > 0) {
            const std::size_t length = strnlen(message, capacity_ - 1);
            std::memcpy(text_, message, length);
            text_[length] = '\0';
        }
    }

  private:
    char* text_;
    std::size_t capacity_;
};

/// Makes what a text says the result of l1l2_from_json.
struct Answer {
    l1l2_regularizer** regularizer;
    const Message* report;

    l1l2_status operator()(const Regularizer& value) const {
        const l1l2_status status = make_handle(value, regularizer);
        report->set(status == L1L2_OK ? "" : l1l2_status_string(status));
        return status;
    }
    l1l2_status operator()(const l1l2::core::ConfigError& error) const {
        report->set(error.message.c_str());
        return status_of(error.fault);
    }
};

l1l2_status read_json(const char* json, std::size_t length, const Answer* answer) {
    return std::visit(*answer, l1l2::core::parse_config({json, length}));
}

} // namespace

uint32_t l1l2_version_number() noexcept {
    return L1L2_VERSION_NUMBER;
}

#define L1L2_TEXT_(x) #x
#define L1L2_TEXT(x) L1L2_TEXT_(x)

const char* l1l2_version_string() noexcept {
    return L1L2_TEXT(L1L2_VERSION_MAJOR) "." L1L2_TEXT(L1L2_VERSION_MINOR) "." L1L2_TEXT(
        L1L2_VERSION_PATCH);
}

const char* l1l2_status_string(l1l2_status status) noexcept {
    switch (status) {
    case L1L2_OK: return "success";
    case L1L2_ERROR_INVALID_ARGUMENT:
        return "an argument is NULL, too large or unknown to this version";
    case L1L2_ERROR_INVALID_COEFFICIENT: return "a coefficient is not a finite number >= 0";
    case L1L2_ERROR_UNSUPPORTED_DTYPE: return "the element type is not supported";
    case L1L2_ERROR_INVALID_SCALE:
        return "the scale, or its product with a coefficient, is not finite";
    case L1L2_ERROR_INVALID_STEP: return "the step is negative, or its products are not finite";
    case L1L2_ERROR_OVERLAP: return "two arrays overlap that must not";
    case L1L2_ERROR_INVALID_TENSOR:
        return "the tensor's shape, strides or data are invalid or do not fit the other's";
    case L1L2_ERROR_UNSUPPORTED_DEVICE: return "the tensor is on a device that the CPU cannot read";
    case L1L2_ERROR_INVALID_SUMS:
        return "the accumulator is damaged, or more is subtracted than was added";
    case L1L2_ERROR_UNKNOWN_LAYOUT:
        return "not an accumulator, or one of another layout or byte order";
    case L1L2_ERROR_BUFFER_TOO_SMALL: return "the buffer is too small for the text";
    case L1L2_ERROR_COUNT_OVERFLOW: return "more elements or accumulators than can be counted";
    case L1L2_ERROR_INVALID_NORM: return "a norm is negative or not finite";
    case L1L2_ERROR_OUT_OF_MEMORY: return "out of memory";
    case L1L2_ERROR_MALFORMED_JSON: return "the text is not JSON";
    case L1L2_ERROR_UNKNOWN_CONFIG: return "the JSON describes no L1L2 regularizer";
    case L1L2_ERROR_RUNNER_FAILED: return "the runner failed or left out a task";
    default: return "unknown status";
    }
}

const char* l1l2_isa() noexcept {
    return l1l2::kernels::chosen_table().isa;
}

l1l2_status l1l2_create(double l1, double l2, l1l2_regularizer** regularizer) noexcept {
    if (regularizer == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    *regularizer = nullptr;
    if (!Regularizer::valid_coefficient(l1) || !Regularizer::valid_coefficient(l2)) {
        return L1L2_ERROR_INVALID_COEFFICIENT;
    }
    return make_handle({l1, l2}, regularizer);
}

void l1l2_destroy(l1l2_regularizer* regularizer) noexcept {
    delete regularizer;
}

l1l2_status l1l2_get_config(const l1l2_regularizer* regularizer, double* l1, double* l2) noexcept {
    if (regularizer == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    if (l1 != nullptr) {
        *l1 = regularizer->value.l1();
    }
    if (l2 != nullptr) {
        *l2 = regularizer->value.l2();
    }
    return L1L2_OK;
}

l1l2_status l1l2_to_json(const l1l2_regularizer* regularizer, l1l2_json_style style, char* json,
                         size_t capacity, size_t* length) noexcept {
    const std::optional<JsonStyle> known_style = to_style(style);
    if (regularizer == nullptr || length == nullptr || (json == nullptr && capacity > 0) ||
        !known_style) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    return with_default_environment<write_json>(&regularizer->value, *known_style, json, capacity,
                                                length);
}

l1l2_status l1l2_from_json(const char* json, size_t length, l1l2_regularizer** regularizer,
                           char* message, size_t message_capacity) noexcept {
    if (regularizer != nullptr) {
        *regularizer = nullptr;
    }
    if (message == nullptr && message_capacity > 0) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    const Message report(message, message_capacity);
    if (regularizer == nullptr || (json == nullptr && length > 0)) {
        report.set("json or regularizer is NULL");
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    const Answer answer = {regularizer, &report};
#ifdef __cpp_exceptions
    try {
        return with_default_environment<read_json>(json, length, &answer);
    } catch (...) { // std::bad_alloc
        report.set(l1l2_status_string(L1L2_ERROR_OUT_OF_MEMORY));
        return L1L2_ERROR_OUT_OF_MEMORY;
    }
#else // as in WASI, where without memory the C++ runtime ends the program
    return with_default_environment<read_json>(json, length, &answer);
#endif
}
