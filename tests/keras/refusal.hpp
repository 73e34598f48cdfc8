/// What is said of a file that is refused.
#pragma once

#include <filesystem>
#include <l1l2_keras.hpp>
#include <string>

/// What load() says of a file that it refuses.
inline std::string refusal(const std::filesystem::path& model,
                           const std::filesystem::path& weights = {},
                           const l1l2::keras::Limits& limits = {}) {
    try {
        l1l2::keras::load(model, weights, limits);
    } catch (const l1l2::keras::LoadError& error) {
        return error.what();
    }
    return "no refusal";
}

inline bool says(const std::string& sentence, const std::string& words) {
    return sentence.find(words) != std::string::npos;
}
