// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Shapes in JSON.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <vector>

namespace l1l2::keras {

/// An array of numbers that are >= 0. Throws LoadError.
std::vector<std::size_t> shape_of(const nlohmann::json& shape);

} // namespace l1l2::keras
