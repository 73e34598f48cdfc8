// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "layer_variables.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace l1l2::keras {
namespace {

using nlohmann::json;

using Patterns = std::optional<Pattern>;

void add(Layer& layer, const std::string& name, json regularizer, Patterns pattern) {
    layer.variables.push_back({name, std::move(regularizer), std::move(pattern)});
}

/// Adds a variable that the layer may not have: then its regularizer does nothing.
void add_if(bool present, Layer& layer, const std::string& name, json regularizer,
            Patterns pattern) {
    if (present) {
        add(layer, name, std::move(regularizer), std::move(pattern));
    } else if (!regularizer.is_null()) {
        layer.remarks.push_back({name, Status::no_variable, std::move(regularizer), "", ""});
    }
}

void add_bias(Config& config, Layer& layer, Patterns pattern) {
    add_if(flag_of(config.values(), "use_bias", true), layer, "bias",
           config.regularizer("bias_regularizer"), std::move(pattern));
}

/// With LoRA a kernel is not trained, its two factors are.
void add_factors(Config& config, Layer& layer, const std::string& name, const json& regularizer) {
    if (!config.has("lora_rank")) {
        return;
    }
    layer.variables.front().trains = false;
    for (const char* factor : {"_a", "_b"}) {
        add(layer, "lora_" + name + factor, regularizer, std::nullopt);
        layer.variables.back().factor = true;
    }
}

void add_kernel(Config& config, Layer& layer, Patterns kernel, Patterns bias) {
    const json regularizer = config.regularizer("kernel_regularizer");
    add(layer, "kernel", regularizer, std::move(kernel));
    add_bias(config, layer, std::move(bias));
    add_factors(config, layer, "kernel", regularizer);
}

void add_dense(Config& config, Generation /*generation*/, Layer& layer) {
    const std::int64_t units = size_of(config.values(), "units");
    add_kernel(config, layer, Pattern{-1, units}, Pattern{units});
}

void add_einsum_dense(Config& config, Generation /*generation*/, Layer& layer) {
    const json regularizer = config.regularizer("kernel_regularizer");
    add(layer, "kernel", regularizer, std::nullopt);
    add_if(config.has("bias_axes"), layer, "bias", config.regularizer("bias_regularizer"),
           std::nullopt);
    add_factors(config, layer, "kernel", regularizer);
}

void add_embedding(Config& config, Generation /*generation*/, Layer& layer) {
    const json regularizer = config.regularizer("embeddings_regularizer");
    add(layer, "embeddings", regularizer,
        Pattern{size_of(config.values(), "input_dim"), size_of(config.values(), "output_dim")});
    if (layer.class_name == "ReversibleEmbedding" &&
        !flag_of(config.values(), "tie_weights", true)) {
        add(layer, "reverse_embeddings", json(), std::nullopt);
    }
    add_factors(config, layer, "embeddings", regularizer);
}

/// The extents of a window, and two more: {3, 3, a, b}.
Pattern window(const Config& config, std::int64_t a, std::int64_t b) {
    Pattern pattern;
    const json& values = config.values();
    const auto sizes = values.find("kernel_size");
    if (sizes != values.end() && sizes->is_array()) {
        for (const json& size : *sizes) {
            pattern.push_back(size.is_number_unsigned() ? size.get<std::int64_t>() : -1);
        }
    }
    pattern.insert(pattern.end(), {a, b});
    return pattern;
}

void add_conv(Config& config, Generation /*generation*/, Layer& layer) {
    const std::int64_t filters = size_of(config.values(), "filters");
    add_kernel(config, layer, window(config, -1, filters), Pattern{filters});
}

void add_conv_transpose(Config& config, Generation /*generation*/, Layer& layer) {
    const std::int64_t filters = size_of(config.values(), "filters");
    add_kernel(config, layer, window(config, filters, -1), Pattern{filters});
}

void add_depthwise_conv(Config& config, Generation generation, Layer& layer) {
    add(layer, generation == Generation::keras3 ? "kernel" : "depthwise_kernel",
        config.regularizer("depthwise_regularizer"),
        window(config, -1, size_of(config.values(), "depth_multiplier")));
    add_bias(config, layer, Pattern{-1});
}

void add_separable_conv(Config& config, Generation /*generation*/, Layer& layer) {
    const std::int64_t filters = size_of(config.values(), "filters");
    add(layer, "depthwise_kernel", config.regularizer("depthwise_regularizer"),
        window(config, -1, size_of(config.values(), "depth_multiplier")));
    Pattern pointwise = window(config, -1, filters);
    std::fill(pointwise.begin(), pointwise.end() - 2, 1);
    add(layer, "pointwise_kernel", config.regularizer("pointwise_regularizer"), pointwise);
    add_bias(config, layer, Pattern{filters});
}

void add_locally_connected(Config& config, Generation /*generation*/, Layer& layer) {
    add_kernel(config, layer, std::nullopt, std::nullopt);
}

void add_normalization(Config& config, Generation /*generation*/, Layer& layer) {
    const json& values = config.values();
    const bool rms = flag_of(values, "rms_scaling", false);
    add_if(flag_of(values, "scale", true) || rms, layer, "gamma",
           config.regularizer("gamma_regularizer"), std::nullopt);
    add_if(flag_of(values, "center", true) && !rms, layer, "beta",
           config.regularizer("beta_regularizer"), std::nullopt);
}

void add_batch_normalization(Config& config, Generation generation, Layer& layer) {
    add_normalization(config, generation, layer);
    for (const char* name : {"moving_mean", "moving_variance"}) {
        layer.variables.push_back({name, json(), std::nullopt, false});
    }
    if (flag_of(config.values(), "renorm", false)) {
        for (const char* name : {"moving_stddev", "renorm_mean", "renorm_stddev"}) {
            layer.variables.push_back({name, json(), std::nullopt, false});
        }
    }
}

void add_prelu(Config& config, Generation /*generation*/, Layer& layer) {
    add(layer, "alpha", config.regularizer("alpha_regularizer"), std::nullopt);
}

/// The three variables of a recurrent cell.
void add_cell(Config& config, Generation /*generation*/, Layer& layer) {
    const std::int64_t units = size_of(config.values(), "units");
    const std::string kind = layer.class_name.substr(0, layer.class_name.find("Cell"));
    const std::int64_t gates = kind == "LSTM" ? 4 : kind == "GRU" ? 3 : 1;
    const std::int64_t width = units < 0 || units > INT64_MAX / 4 ? -1 : units * gates;
    add(layer, "kernel", config.regularizer("kernel_regularizer"), Pattern{-1, width});
    add(layer, "recurrent_kernel", config.regularizer("recurrent_regularizer"),
        Pattern{units, width});
    add_bias(config, layer, std::nullopt);
}

/// A layer over such a cell: the cell has the layer's config.
void add_recurrent(Config& config, Generation generation, Layer& layer) {
    Layer cell;
    cell.class_name = layer.class_name + "Cell";
    cell.attributes = {"cell"};
    cell.trains = layer.trains;
    cell.trained_then = layer.trained_then;
    add_cell(config, generation, cell);
    layer.parts.push_back(std::move(cell));
}

void add_conv_recurrent(Config& config, Generation /*generation*/, Layer& layer) {
    Layer cell;
    cell.class_name = "ConvLSTMCell";
    cell.attributes = {"cell"};
    cell.trained_then = layer.trained_then; // Keras does not hand `trainable` on to this cell
    add(cell, "kernel", config.regularizer("kernel_regularizer"), std::nullopt);
    add(cell, "recurrent_kernel", config.regularizer("recurrent_regularizer"), std::nullopt);
    add_bias(config, cell, std::nullopt);
    layer.parts.push_back(std::move(cell));
}

void add_cudnn(Config& config, Generation /*generation*/, Layer& layer) {
    add(layer, "kernel", config.regularizer("kernel_regularizer"), std::nullopt);
    add(layer, "recurrent_kernel", config.regularizer("recurrent_regularizer"), std::nullopt);
    add(layer, "bias", config.regularizer("bias_regularizer"), std::nullopt);
}

/// Dense layers over the last axes, of which one regularizer of the attention layer is for all.
void add_attention(Config& config, Generation /*generation*/, Layer& layer) {
    const bool has_bias = flag_of(config.values(), "use_bias", true);
    const json kernel = config.regularizer("kernel_regularizer");
    const json bias = config.regularizer("bias_regularizer");
    if (!has_bias) {
        add_if(false, layer, "bias", bias, std::nullopt);
    }
    for (const std::string name : {"query", "key", "gate", "value", "output"}) {
        if (name == "gate" && !flag_of(config.values(), "use_gate", false)) {
            continue;
        }
        Layer part;
        part.class_name = "EinsumDense";
        part.name = name == "output" ? "attention_output" : name;
        part.attributes = {name + "_dense", "_" + name + "_dense"};
        part.trained_then = layer.trained_then; // nor to these
        add(part, "kernel", kernel, std::nullopt);
        if (has_bias) {
            add(part, "bias", bias, std::nullopt);
        }
        layer.parts.push_back(std::move(part));
    }
}

using Add = void (*)(Config&, Generation, Layer&);

const std::map<std::string, Add>& classes() {
    static const std::map<std::string, Add> table = {
        {"Dense", add_dense},
        {"EinsumDense", add_einsum_dense},
        {"Embedding", add_embedding},
        {"ReversibleEmbedding", add_embedding},
        {"Conv1D", add_conv},
        {"Conv2D", add_conv},
        {"Conv3D", add_conv},
        {"Conv1DTranspose", add_conv_transpose},
        {"Conv2DTranspose", add_conv_transpose},
        {"Conv3DTranspose", add_conv_transpose},
        {"DepthwiseConv1D", add_depthwise_conv},
        {"DepthwiseConv2D", add_depthwise_conv},
        {"SeparableConv1D", add_separable_conv},
        {"SeparableConv2D", add_separable_conv},
        {"LocallyConnected1D", add_locally_connected},
        {"LocallyConnected2D", add_locally_connected},
        {"BatchNormalization", add_batch_normalization},
        {"BatchNormalizationV1", add_batch_normalization},
        {"BatchNormalizationV2", add_batch_normalization},
        {"SyncBatchNormalization", add_batch_normalization},
        {"LayerNormalization", add_normalization},
        {"GroupNormalization", add_normalization},
        {"PReLU", add_prelu},
        {"SimpleRNN", add_recurrent},
        {"GRU", add_recurrent},
        {"LSTM", add_recurrent},
        {"SimpleRNNCell", add_cell},
        {"GRUCell", add_cell},
        {"LSTMCell", add_cell},
        {"CuDNNGRU", add_cudnn},
        {"CuDNNLSTM", add_cudnn},
        {"ConvLSTM1D", add_conv_recurrent},
        {"ConvLSTM2D", add_conv_recurrent},
        {"ConvLSTM3D", add_conv_recurrent},
        {"MultiHeadAttention", add_attention},
        {"GroupQueryAttention", add_attention},
        {"GroupedQueryAttention", add_attention},
    };
    return table;
}

/// Keras's other layers: none has a variable whose regularizer is read here.
constexpr std::string_view other_classes =
    " Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D"
    " AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D"
    " Add AddLoss AddMetric AdditiveAttention AlphaDropout Attention AugMix AutoContrast"
    " Average AveragePooling1D AveragePooling2D AveragePooling3D Bidirectional"
    " CategoryCrossing CategoryEncoding CenterCrop ClassMethod Concatenate"
    " ContrastLimitedAdaptiveHistogramEqualization ConvLSTM2DCell ConvLSTMCell Cropping1D"
    " Cropping2D Cropping3D CustomScaleLayer CutMix DenseFeatures DeviceWrapper Discretization"
    " Dot Dropout DropoutWrapper DynamicEmbedding DynamicLookup ELU Equalization FeatureSpace"
    " Flatten FlaxLayer GaussianDropout GaussianNoise GlobalAveragePooling1D"
    " GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D"
    " GlobalMaxPooling3D HashedCrossing Hashing Identity InputLayer InstanceMethod"
    " InstanceProperty IntegerLookup JaxLayer Lambda Layer LayerScale LeakyReLU LinearModel"
    " Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling2D MaxPooling3D Maximum"
    " MelSpectrogram Minimum MixUp ModuleWrapper Multiply Normalization PeepholeLSTMCell"
    " Permute Pipeline PreprocessingLayer RMSNormalization RNN RandAugment RandomBrightness"
    " RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop"
    " RandomElasticTransform RandomErasing RandomFlip RandomFourierFeatures RandomGaussianBlur"
    " RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective"
    " RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear"
    " RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape"
    " ResidualWrapper Resizing STFTSpectrogram SequenceFeatures SlicingOpLambda Softmax"
    " Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization"
    " StackedRNNCells StochasticDepth StringLookup Subtract TFDConcat TFDIdentity TFOpLambda"
    " TFSMLayer TensorFlowOpLayer TextVectorization ThresholdedReLU TimeDistributed"
    " TorchModuleWrapper UnitNormalization UpSampling1D UpSampling2D UpSampling3D"
    " WideDeepModel Wrapper ZeroPadding1D ZeroPadding2D ZeroPadding3D ";

/// How a layer is quantized: "int8", "float8"; "" if it is not.
std::string quantization(const json& config) {
    const auto dtype = config.find("dtype");
    if (dtype == config.end()) {
        return "";
    }
    std::string mode;
    if (dtype->is_string()) { // "int8_from_float32", of Keras 3.3
        const std::string name = dtype->get<std::string>();
        const std::size_t from = name.find("_from_");
        mode = from == std::string::npos ? "" : name.substr(0, from);
    } else if (dtype->is_object() && dtype->contains("config")) {
        // Of a policy of another class, such as Int4DTypePolicy, the mode says that it quantizes.
        const bool quantized = text_of(*dtype, "class_name", "").rfind("Quantized", 0) == 0;
        mode = text_of((*dtype)["config"], "mode", quantized ? "unknown" : "");
    }
    return mode.substr(0, mode.find('/')); // "int4/128" has the size of its blocks
}

void add_remark(Layer& layer, const Variable& variable, Status status, const std::string& reason) {
    if (!variable.regularizer.is_null()) {
        layer.remarks.push_back({variable.name, status, variable.regularizer, "", reason});
    }
}

/// Keras makes the integers of a quantized kernel without a regularizer; a bias stays as it is, and
/// scales follow. Other ways to quantize are not known.
void quantize(Layer& layer, const std::string& mode) {
    const bool to_integers = mode == "int8" || mode == "int4";
    layer.known = false;
    for (Variable& variable : layer.variables) {
        if (!to_integers) {
            add_remark(layer, variable, Status::unknown, "it is quantized to " + mode);
            variable.regularizer = json();
        } else if (variable.name != "bias") {
            add_remark(layer, variable, Status::no_variable, "");
            variable.regularizer = json();
        }
    }
    for (Layer& part : layer.parts) {
        quantize(part, mode);
    }
}

std::string without_suffix(const std::string& key) {
    const std::size_t at = key.rfind("_regularizer");
    return at == std::string::npos ? key : key.substr(0, at);
}

} // namespace

bool is_class_of_keras(const std::string& name) {
    return classes().count(name) > 0 || is_word_of(other_classes, name);
}

void add_activity(Config& config, Layer& layer) {
    json regularizer = config.regularizer("activity_regularizer");
    if (layer.class_name == "ActivityRegularization") {
        regularizer = json::object();
        for (const char* key : {"l1", "l2"}) {
            regularizer[key] = config.values().value(key, json());
        }
    }
    if (!regularizer.is_null()) {
        layer.remarks.push_back({"", Status::activity, std::move(regularizer), "", ""});
    }
    if (layer.class_name == "AddLoss") {
        layer.remarks.push_back({"", Status::activity, json(), layer.class_name, ""});
    }
}

void add_custom_activity(const Config& config, Layer& layer) {
    config.for_rest([&](const std::string& key, const json& regularizer) {
        if (key.find("activity_regularizer") != std::string::npos) {
            layer.remarks.push_back({"", Status::activity, regularizer, "", ""});
        }
    });
}

void add_variables(Config& config, Generation generation, Layer& layer) {
    const auto found = classes().find(layer.class_name);
    if (found != classes().end()) {
        found->second(config, generation, layer);
    }
    const std::string mode = quantization(config.values());
    if (!mode.empty()) {
        quantize(layer, mode);
    }
}

void add_rest(const Config& config, Layer& layer) {
    config.for_rest([&](const std::string& key, const json& regularizer) {
        layer.remarks.push_back(
            {without_suffix(key), Status::unknown, regularizer, "",
             "no variable of a " + layer.class_name + " is known to have this regularizer"});
    });
}

} // namespace l1l2::keras
