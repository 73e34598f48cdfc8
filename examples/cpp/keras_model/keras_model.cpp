// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The regularization loss of a trained Keras model, without Python.
 *
 *     keras_model MODEL.json [WEIGHTS [LOSSES.json]]
 *
 * MODEL.json is what model.to_json() writes, in any version of Keras. The variable V of layer L is
 * read from WEIGHTS/L.V.npy, where WEIGHTS is by default the folder "weights" beside MODEL.json.
 * LOSSES.json, by default "losses.json" there if it exists, holds Keras's own figures to compare.
 *
 * Exits with 0 if every penalty agrees with Keras's, which is a float32, to a millionth.
 */
#include "npy.hpp"

#include <l1l2.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

struct Regularized {
    std::string layer;
    std::string variable;
    json regularizer; ///< as it stands in the model
};

/// The variable that Keras regularizes under a key: "kernel_regularizer" the one named kernel, but
/// "recurrent_regularizer" the one named recurrent_kernel.
std::string variable_of(const std::string& regularizer_key) {
    const std::string name = regularizer_key.substr(0, regularizer_key.rfind('_'));
    const bool is_kernel = name == "recurrent" || name == "depthwise" || name == "pointwise";
    return is_kernel ? name + "_kernel" : name;
}

/// Finds the regularizers of every layer, in models within models too.
void collect(const json& node, std::vector<Regularized>& found) {
    const std::string suffix = "_regularizer";
    if (node.is_object() && node.contains("config") && node["config"].is_object() &&
        node["config"].contains("name")) {
        const json& config = node["config"];
        for (const auto& [key, value] : config.items()) {
            const bool is_regularizer =
                key.size() > suffix.size() &&
                key.compare(key.size() - suffix.size(), suffix.size(), suffix) == 0;
            // An activity regularizer acts on what a layer puts out, not on its weights.
            if (is_regularizer && !value.is_null() && key != "activity" + suffix) {
                found.push_back({config["name"], variable_of(key), value});
            }
        }
    }
    if (node.is_structured()) {
        for (const json& child : node) {
            collect(child, found);
        }
    }
}

json read_json(const fs::path& path) {
    std::ifstream file(path);
    if (!file) {
        throw std::runtime_error(path.string() + ": cannot be opened");
    }
    try {
        return json::parse(file);
    } catch (const json::exception& error) {
        throw std::runtime_error(path.string() + ": " + error.what());
    }
}

/// Keras's own penalties by layer and variable, and their sum under two empty names.
std::map<std::pair<std::string, std::string>, double> read_losses(const fs::path& path) {
    std::map<std::pair<std::string, std::string>, double> losses;
    const json file = read_json(path);
    for (const json& entry : file.at("regularized")) {
        losses[{entry.at("layer"), entry.at("variable")}] = entry.at("penalty");
    }
    losses[{"", ""}] = file.at("total");
    return losses;
}

std::string shape_text(const npy::Array& array) {
    std::string text;
    for (const std::size_t extent : array.shape) {
        text += (text.empty() ? "" : "x") + std::to_string(extent);
    }
    return text.empty() ? "scalar" : text;
}

/// The columns that compare with Keras, and whether they agree.
bool print_comparison(double penalty, const double* keras) {
    constexpr double agreement = 1e-6;
    if (keras == nullptr) {
        std::printf("  %13s %9s\n", "-", "-");
        return true;
    }
    const double difference = *keras == penalty ? 0.0 : std::fabs(penalty / *keras - 1.0);
    std::printf("  %13.8g %9.1e\n", *keras, difference);
    return difference <= agreement;
}

int run(const fs::path& model, const fs::path& weights, const fs::path& losses_path) {
    std::vector<Regularized> regularized;
    collect(read_json(model), regularized);
    const auto losses = losses_path.empty()
                            ? std::map<std::pair<std::string, std::string>, double>()
                            : read_losses(losses_path);
    const auto keras_figure = [&](const std::string& layer, const std::string& variable) {
        const auto found = losses.find({layer, variable});
        return found == losses.end() ? nullptr : &found->second;
    };

    std::printf("%-10s %-8s %-9s %10s %10s %22s  %13s %9s\n", "layer", "variable", "shape", "l1",
                "l2", "penalty", "Keras", "rel. diff");
    double total = 0.0;
    bool agreed = true;
    for (const Regularized& entry : regularized) {
        const auto regularizer = l1l2::Regularizer::from_json(entry.regularizer.dump());
        const npy::Array x =
            npy::read((weights / (entry.layer + "." + entry.variable + ".npy")).string());
        const double penalty = x.dtype == "f4" ? regularizer(x.data<float>(), x.count())
                                               : regularizer(x.data<double>(), x.count());
        total += penalty;
        std::printf("%-10s %-8s %-9s %10.4g %10.4g %22.17g", entry.layer.c_str(),
                    entry.variable.c_str(), shape_text(x).c_str(), regularizer.l1(),
                    regularizer.l2(), penalty);
        agreed &= print_comparison(penalty, keras_figure(entry.layer, entry.variable));
    }
    std::printf("%-10s %-8s %-9s %10s %10s %22.17g", "total", "", "", "", "", total);
    agreed &= print_comparison(total, keras_figure("", ""));
    if (!losses.empty()) {
        std::printf("%s\n", agreed ? "Every penalty agrees with Keras's to a millionth."
                                   : "A penalty differs from Keras's by more than a millionth.");
    }
    return agreed ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 4) {
        std::cerr << "usage: keras_model MODEL.json [WEIGHTS [LOSSES.json]]\n";
        return 2;
    }
    try {
        const fs::path model = argv[1];
        const fs::path weights = argc > 2 ? fs::path(argv[2]) : model.parent_path() / "weights";
        fs::path losses = argc > 3 ? fs::path(argv[3]) : model.parent_path() / "losses.json";
        if (argc <= 3 && !fs::exists(losses)) {
            losses.clear();
        }
        return run(model, weights, losses);
    } catch (const std::exception& error) {
        std::cerr << "keras_model: " << error.what() << "\n";
        return 1;
    }
}
