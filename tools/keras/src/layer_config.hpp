// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The config of one layer, and which of its keys have been taken into account.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace l1l2::keras {

/// A value of a type, or the default if the key is missing or null. Throws LoadError for another
/// type.
bool flag_of(const nlohmann::json& config, const std::string& key, bool missing);
std::string text_of(const nlohmann::json& config, const std::string& key,
                    const std::string& missing);
/// -1 if there is no number.
std::int64_t size_of(const nlohmann::json& config, const std::string& key);

/// Whether a name stands in a text in which each has a space on either side.
bool is_word_of(std::string_view words, const std::string& name);

class Config {
  public:
    explicit Config(const nlohmann::json& config) : config_(config) {}

    const nlohmann::json& values() const { return config_; }
    /// Whether there is a value other than null.
    bool has(const std::string& key) const;
    /// A value that must be there. It is taken into account.
    const nlohmann::json& take(const std::string& key);
    /// A regularizer, or null. It is taken into account.
    nlohmann::json regularizer(const std::string& key);

    /// Calls a function with each regularizer that was not taken into account, wherever in the
    /// config it is, and with its key.
    void for_rest(const std::function<void(const std::string&, const nlohmann::json&)>& call) const;

  private:
    const nlohmann::json& config_;
    std::set<std::string> taken_;
};

} // namespace l1l2::keras
