// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * A regularizer as JSON: every form that a version of Keras writes is read, three are written.
 */
#pragma once

#include "regularizer.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace l1l2::core {

/// Why a text is no regularizer.
struct ConfigError {
    enum class Fault {
        malformed_json,
        unknown_config,     ///< valid JSON, but another class or key
        invalid_coefficient ///< the right class with a coefficient that it does not take
    };

    Fault fault;
    std::string message; ///< in ASCII; names the key, the class or the byte offset at fault
};

using Config = std::variant<Regularizer, ConfigError>;

/// A configuration is a few hundred bytes; the limit bounds what a hostile text can cost.
constexpr std::size_t max_json_length = 65536;

/// Throws std::bad_alloc, and nothing else. Needs the default floating-point environment.
Config parse_config(std::string_view json);

enum class JsonStyle { config, keras2, keras3 };

struct JsonText {
    char data[256];
    std::size_t length; ///< no NUL follows
};

/// Under the same conditions; throws nothing.
JsonText write_config(const Regularizer& regularizer, JsonStyle style);

} // namespace l1l2::core
