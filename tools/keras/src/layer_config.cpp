// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "layer_config.hpp"

#include "l1l2_keras.hpp"

namespace l1l2::keras {
namespace {

using nlohmann::json;

const json* value_of(const json& config, const std::string& key) {
    const auto found = config.find(key);
    return found == config.end() || found->is_null() ? nullptr : &*found;
}

bool is_regularizer_key(const std::string& key) {
    return key.find("regularizer") != std::string::npos;
}

using Call = std::function<void(const std::string&, const json&)>;

void search(const json& value, const Call& call);

void search_member(const std::string& key, const json& value, const Call& call) {
    if (is_regularizer_key(key) && !value.is_null()) {
        call(key, value);
    } else {
        search(value, call);
    }
}

void search(const json& value, const Call& call) {
    if (value.is_object()) {
        for (const auto& [key, child] : value.items()) {
            search_member(key, child, call);
        }
    } else if (value.is_array()) {
        for (const json& child : value) {
            search(child, call);
        }
    }
}

} // namespace

bool flag_of(const json& config, const std::string& key, bool missing) {
    const json* value = value_of(config, key);
    if (value != nullptr && !value->is_boolean()) {
        throw LoadError("has a layer whose " + key + " is neither true nor false");
    }
    return value != nullptr ? value->get<bool>() : missing;
}

std::string text_of(const json& config, const std::string& key, const std::string& missing) {
    const json* value = value_of(config, key);
    if (value != nullptr && !value->is_string()) {
        throw LoadError("has a layer whose " + key + " is no text");
    }
    return value != nullptr ? value->get<std::string>() : missing;
}

std::int64_t size_of(const json& config, const std::string& key) {
    const json* value = value_of(config, key);
    const bool fits =
        value != nullptr && value->is_number_unsigned() && value->get<std::uint64_t>() <= INT64_MAX;
    return fits ? value->get<std::int64_t>() : -1;
}

bool is_word_of(std::string_view words, const std::string& name) {
    return words.find(" " + name + " ") != std::string_view::npos;
}

bool Config::has(const std::string& key) const {
    return value_of(config_, key) != nullptr;
}

const json& Config::take(const std::string& key) {
    const json* value = value_of(config_, key);
    if (value == nullptr) {
        throw LoadError("has a layer without " + key);
    }
    taken_.insert(key);
    return *value;
}

json Config::regularizer(const std::string& key) {
    taken_.insert(key);
    const json* value = value_of(config_, key);
    return value != nullptr ? *value : json();
}

void Config::for_rest(const std::function<void(const std::string&, const json&)>& call) const {
    for (const auto& [key, value] : config_.items()) {
        if (taken_.count(key) == 0) {
            search_member(key, value, call);
        }
    }
}

} // namespace l1l2::keras
