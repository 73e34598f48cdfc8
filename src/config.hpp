// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * A regularizer as JSON: every form that a version of Keras writes is read, three are written.
 */
#pragma once

#include "regularizer.hpp"

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace l1l2::core {

/// Why a text is no regularizer.
class ConfigError : public std::exception {
  public:
    enum class Fault {
        malformed_json,
        unknown_config,     ///< valid JSON, but another class or key
        invalid_coefficient ///< the right class with a coefficient that it does not take
    };

    ConfigError(Fault fault, std::string message) : fault_(fault), message_(std::move(message)) {}

    Fault fault() const { return fault_; }
    /// In ASCII; names the key, the class or the byte offset at fault.
    const char* what() const noexcept override { return message_.c_str(); }

  private:
    Fault fault_;
    std::string message_;
};

/// A configuration is a few hundred bytes; the limit bounds what a hostile text can cost.
constexpr std::size_t max_json_length = 65536;

/// Throws ConfigError, or std::bad_alloc. Needs the default floating-point environment.
Regularizer parse_config(std::string_view json);

enum class JsonStyle { config, keras2, keras3 };

struct JsonText {
    char data[256];
    std::size_t length; ///< no NUL follows
};

/// Under the same conditions; throws nothing.
JsonText write_config(const Regularizer& regularizer, JsonStyle style);

} // namespace l1l2::core
