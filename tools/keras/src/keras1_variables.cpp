// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The layers of Keras 1.2, which has other names for everything.
#include "layer_variables.hpp"

#include <map>
#include <string_view>

namespace l1l2::keras {
namespace {

using nlohmann::json;

void add(Layer& layer, const std::string& name, const json& regularizer,
         std::optional<Pattern> pattern = std::nullopt) {
    layer.variables.push_back({name, regularizer, std::move(pattern)});
}

void add_unused(Layer& layer, const std::string& name, const json& regularizer) {
    if (!regularizer.is_null()) {
        layer.remarks.push_back({name, Status::no_variable, regularizer, "", ""});
    }
}

void add_bias(Config& config, Layer& layer) {
    const json regularizer = config.regularizer("b_regularizer");
    if (flag_of(config.values(), "bias", true)) {
        add(layer, "b", regularizer);
    } else {
        add_unused(layer, "b", regularizer);
    }
}

void add_kernel(Config& config, Layer& layer) {
    add(layer, "W", config.regularizer("W_regularizer"));
    add_bias(config, layer);
}

void add_dense(Config& config, Layer& layer) {
    add_kernel(config, layer);
    layer.variables.front().pattern = {-1, size_of(config.values(), "output_dim")};
}

void add_highway(Config& config, Layer& layer) {
    add_kernel(config, layer);
    add(layer, "W_carry", json());
    if (flag_of(config.values(), "bias", true)) {
        add(layer, "b_carry", json());
    }
}

void add_embedding(Config& config, Layer& layer) {
    add(layer, "W", config.regularizer("W_regularizer"),
        Pattern{size_of(config.values(), "input_dim"), size_of(config.values(), "output_dim")});
}

void add_separable_convolution(Config& config, Layer& layer) {
    for (const std::string part : {"depthwise", "pointwise"}) {
        add(layer, part + "_kernel", config.regularizer(part + "_regularizer"));
    }
    add_bias(config, layer);
}

void add_normalization(Config& config, Layer& layer) {
    for (const std::string part : {"gamma", "beta"}) {
        add(layer, part, config.regularizer(part + "_regularizer"));
    }
    for (const char* name : {"running_mean", "running_std"}) {
        layer.variables.push_back({name, json(), std::nullopt, false});
    }
}

/// Unless `consume_less` is "gpu", each gate has arrays of its own, and Keras gives the regularizer
/// of W to U, too.
void add_recurrent(Config& config, Layer& layer, const std::string& gates) {
    const json w = config.regularizer("W_regularizer");
    const json u = config.regularizer("U_regularizer");
    const json b = config.regularizer("b_regularizer");
    if (gates.empty() || text_of(config.values(), "consume_less", "") == "gpu") {
        add(layer, "W", w);
        add(layer, "U", u);
        add(layer, "b", b);
        return;
    }
    for (const char gate : gates) {
        const std::string suffix = std::string("_") + gate;
        add(layer, "W" + suffix, w);
        add(layer, "U" + suffix, w);
        add(layer, "b" + suffix, b);
    }
    add_unused(layer, "U", u);
}

using Add = void (*)(Config&, Layer&);

const std::map<std::string, Add>& classes() {
    static const std::map<std::string, Add> table = {
        {"Dense", add_dense},
        {"TimeDistributedDense", add_dense},
        {"MaxoutDense", add_kernel},
        {"Highway", add_highway},
        {"Embedding", add_embedding},
        {"Convolution1D", add_kernel},
        {"Convolution2D", add_kernel},
        {"Convolution3D", add_kernel},
        {"AtrousConvolution1D", add_kernel},
        {"AtrousConvolution2D", add_kernel},
        {"Deconvolution2D", add_kernel},
        {"SeparableConvolution2D", add_separable_convolution},
        {"LocallyConnected1D", add_kernel},
        {"LocallyConnected2D", add_kernel},
        {"BatchNormalization", add_normalization},
        {"SimpleRNN", [](Config& config, Layer& layer) { add_recurrent(config, layer, ""); }},
        {"GRU", [](Config& config, Layer& layer) { add_recurrent(config, layer, "zrh"); }},
        {"LSTM", [](Config& config, Layer& layer) { add_recurrent(config, layer, "icfo"); }},
    };
    return table;
}

/// The others. None regularizes a variable but ConvLSTM2D, whose variables are not known here, and
/// Merge by the layers that it may hold.
constexpr std::string_view other_classes =
    " Activation ActivityRegularization AveragePooling1D AveragePooling2D AveragePooling3D"
    " Bidirectional ConvLSTM2D Cropping1D Cropping2D Cropping3D Dropout ELU Flatten"
    " GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D"
    " GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D"
    " InputLayer Lambda Layer LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Merge"
    " PReLU ParametricSoftplus Permute RepeatVector Reshape SReLU SpatialDropout1D"
    " SpatialDropout2D SpatialDropout3D ThresholdedReLU TimeDistributed UpSampling1D"
    " UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D ";

} // namespace

bool is_class_of_keras1(const std::string& name) {
    return classes().count(name) > 0 || is_word_of(other_classes, name);
}

void add_keras1_variables(Config& config, Layer& layer) {
    const auto found = classes().find(layer.class_name);
    if (found != classes().end()) {
        found->second(config, layer);
    }
    for (Variable& variable : layer.variables) {
        variable.prefixed = true;
    }
}

} // namespace l1l2::keras
