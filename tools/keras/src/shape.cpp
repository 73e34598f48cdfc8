// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "shape.hpp"

#include "l1l2_keras.hpp"

namespace l1l2::keras {

std::vector<std::size_t> shape_of(const nlohmann::json& shape) {
    std::vector<std::size_t> extents;
    if (!shape.is_array()) {
        throw LoadError("a shape is no array");
    }
    for (const nlohmann::json& extent : shape) {
        if (!extent.is_number_unsigned()) {
            throw LoadError("a shape holds something else than numbers");
        }
        extents.push_back(extent.get<std::size_t>());
    }
    return extents;
}

} // namespace l1l2::keras
