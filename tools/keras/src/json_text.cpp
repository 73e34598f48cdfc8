// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "json_text.hpp"

#include "l1l2_keras.hpp"

#include <cstddef>

namespace l1l2::keras {
namespace {

/// The name of a number that JSON does not have, if there is one at the start of the text.
std::string_view python_number(std::string_view text) {
    for (const std::string_view name : {"NaN", "Infinity", "-Infinity"}) {
        if (text.substr(0, name.size()) == name) {
            return name;
        }
    }
    return {};
}

/// The index behind the string that begins at `start`.
std::size_t end_of_string(std::string_view text, std::size_t start) {
    std::size_t i = start + 1;
    while (i < text.size() && text[i] != '"') {
        i += text[i] == '\\' ? 2 : 1;
    }
    return i < text.size() ? i + 1 : text.size();
}

void check_depth(int depth) {
    if (depth > deepest_json) {
        throw LoadError("the JSON is nested more than " + std::to_string(deepest_json) +
                        " levels deep");
    }
}

std::string without_python_numbers(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    int depth = 0;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t length = 1;
        std::string_view name;
        if (text[i] == '"') {
            length = end_of_string(text, i) - i;
        } else if (text[i] == '[' || text[i] == '{') {
            check_depth(++depth);
        } else if (text[i] == ']' || text[i] == '}') {
            --depth;
        } else if (name = python_number(text.substr(i)); !name.empty()) {
            length = name.size();
        }
        if (name.empty()) {
            result += text.substr(i, length);
        } else {
            result.append("\"").append(name).append("\"");
        }
        i += length;
    }
    return result;
}

} // namespace

nlohmann::json parse_json(std::string_view text) {
    try {
        return nlohmann::json::parse(without_python_numbers(text));
    } catch (const nlohmann::json::parse_error& error) {
        throw LoadError("broken JSON at byte " + std::to_string(error.byte));
    } catch (const nlohmann::json::exception&) { // a number beyond the range of double
        throw LoadError("broken JSON: a number is too large");
    }
}

} // namespace l1l2::keras
