// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// JSON as Python writes it.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace l1l2::keras {

/// Deeper arrays and objects are refused: readers of an architecture call themselves.
constexpr int deepest_json = 200;

/// Parses a text in which numbers may be NaN, Infinity and -Infinity, which become strings of these
/// names: no coefficient can be one of them. Throws LoadError.
nlohmann::json parse_json(std::string_view text);

} // namespace l1l2::keras
