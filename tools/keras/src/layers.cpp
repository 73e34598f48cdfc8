// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "layers.hpp"

#include "layer_config.hpp"
#include "layer_variables.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace l1l2::keras {
namespace {

using nlohmann::json;

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

/// Whether a module is of Keras itself, in any of its packages.
bool is_keras_module(const std::string& module) {
    const std::string package = module.substr(0, module.find('.'));
    return package == "keras" || package == "tf_keras" || package == "keras_core" ||
           module.rfind("tensorflow.keras", 0) == 0 ||
           module.rfind("tensorflow.python.keras", 0) == 0;
}

/// Of a class of the program's own an HDF5 file has the name alone, without its module.
bool is_model_class(const std::string& name) {
    return name == "Sequential" || name == "Functional" || name == "Model" || name == "Network";
}

/// Whether a class is not one of Keras, but of the program that wrote the model.
bool is_custom(const json& entry, const std::string& class_name, Generation generation) {
    const auto module = entry.find("module");
    if (class_name.find('>') != std::string::npos) {
        return true;
    }
    if (module == entry.end()) {
        const bool known = generation == Generation::keras1 ? is_class_of_keras1(class_name)
                                                            : is_class_of_keras(class_name);
        return !known && !is_model_class(class_name);
    }
    return !(module->is_string() && is_keras_module(module->get<std::string>()));
}

/// Whether a value in a config is a layer: regularizers and others have a class and a config, too.
bool is_layer(const json& value) {
    return value.is_object() && value.contains("class_name") && value.contains("config") &&
           value["config"].is_object() && value["config"].contains("name") &&
           value.contains("build_config");
}

bool is_entry(const json& value) {
    return value.is_object() && value.contains("class_name") && value["class_name"].is_string() &&
           value.contains("config") && value["config"].is_structured();
}

const json& config_of(const json& entry) {
    if (!is_entry(entry)) {
        throw LoadError("holds a layer without class_name and config");
    }
    return entry["config"];
}

/// The layers of a model, or NULL if this is no model of layers. Sequential models of Keras before
/// 2.2.3 have them as their config. A class of the program's own is a model of layers if it has
/// what Keras writes for one. Without a module Keras writes its layers alone.
const json* layers_of(const json& entry, bool custom) {
    const json& config = entry["config"];
    if (config.is_array()) {
        return &config;
    }
    const auto layers = config.find("layers");
    if (layers == config.end() || !layers->is_array()) {
        return nullptr;
    }
    const bool is_model =
        !custom || config.contains("input_layers") || config.contains("build_input_shape") ||
        (!entry.contains("module") && std::all_of(layers->begin(), layers->end(), is_entry));
    return is_model ? &*layers : nullptr;
}

/// A class is called by its name in Python, which of one class is not the name in the file.
std::string path_name(const std::string& class_name) {
    return snake_case(class_name == "GroupQueryAttention" ? "GroupedQueryAttention" : class_name);
}

/// Gives the layers of a list their paths, as Keras counts classes.
void number(std::vector<Layer>& layers, const std::string& attribute) {
    std::map<std::string, int> seen;
    for (Layer& layer : layers) {
        const std::string name = path_name(layer.class_name);
        const int i = seen[name]++;
        layer.attributes.push_back(attribute);
        layer.attributes.back().append("/").append(name).append(i > 0 ? "_" + std::to_string(i)
                                                                      : "");
    }
}

bool has_variables(const Layer& layer) {
    return !layer.variables.empty() ||
           std::any_of(layer.parts.begin(), layer.parts.end(), has_variables);
}

/// In Keras 2.12 a layer with variables is twice in the list, of which the second is not stored.
void number_twice(std::vector<Layer>& layers) {
    std::map<std::string, int> seen;
    for (Layer& layer : layers) {
        const std::string name = path_name(layer.class_name);
        int& i = seen[name];
        layer.attributes.push_back("_layer_checkpoint_dependencies/" + name +
                                   (i > 0 ? "_" + std::to_string(i) : ""));
        i += has_variables(layer) ? 2 : 1;
    }
}

/// No model needs one within another.
constexpr int deepest_bidirectional = 3;

class Reader {
  public:
    explicit Reader(Generation generation) : generation_(generation) {}

    Layer read(const json& entry) const {
        const json& config = config_of(entry);
        Layer layer;
        layer.class_name = entry["class_name"].get<std::string>();
        if (config.is_object()) {
            layer.name = text_of(config, "name", text_of(entry, "name", ""));
            layer.trained_then = layer.trains = flag_of(config, "trainable", true);
        }
        layer.custom = is_custom(entry, layer.class_name, generation_);
        if (layer.custom) {
            layer.class_name = layer.class_name.substr(layer.class_name.rfind('>') + 1);
        }
        if (const json* layers = layers_of(entry, layer.custom)) {
            layer.custom = layer.custom || !is_model_class(layer.class_name);
            layer.known = !layer.custom;
            read_model(*layers, layer);
            if (config.is_object()) {
                Config reader(config);
                reader.take("layers");
                if (layer.custom) {
                    add_custom_activity(reader, layer);
                } else {
                    add_rest(reader, layer);
                }
            }
        } else if (layer.custom) {
            read_custom(config, layer);
        } else {
            read_layer(config, layer);
        }
        return layer;
    }

  private:
    static bool holds_model(const Layer& layer) {
        return is_model_class(layer.class_name) ||
               std::any_of(layer.parts.begin(), layer.parts.end(), holds_model);
    }

    /// Keras 1 adds losses of such layers never, once or twice.
    static void check_losses(const json& entry, const Layer& layer) {
        const auto calls = entry.find("inbound_nodes");
        const bool is_shared = calls != entry.end() && calls->size() > 1;
        if (holds_model(layer) || (is_shared && !layer.parts.empty())) {
            throw LoadError("has a model within a model, or a wrapper that is applied more than "
                            "once; how often Keras 1 adds their losses is not known");
        }
    }

    void read_model(const json& layers, Layer& model) const {
        for (const json& entry : layers) {
            model.parts.push_back(read(entry));
            if (generation_ == Generation::keras1) {
                check_losses(entry, model.parts.back());
            }
        }
        number(model.parts, "layers");
        number_twice(model.parts);
    }

    /// Of a class of the program's own: the layers that are values of its config.
    void read_custom(const json& config, Layer& layer) const {
        layer.known = false;
        Config reader(config);
        for (const auto& [key, value] : config.items()) {
            std::vector<Layer> parts;
            if (is_layer(value)) {
                parts.push_back(read(value));
                parts.front().attributes = {key};
            } else if (value.is_array() && !value.empty() &&
                       std::all_of(value.begin(), value.end(), is_layer)) {
                for (const json& entry : value) {
                    parts.push_back(read(entry));
                }
                number(parts, key);
            }
            if (!parts.empty()) {
                reader.take(key);
            }
            std::move(parts.begin(), parts.end(), std::back_inserter(layer.parts));
        }
        add_custom_activity(reader, layer);
    }

    void read_layer(const json& config, Layer& layer) const {
        Config reader(config);
        add_activity(reader, layer);
        if (layer.class_name == "Bidirectional") {
            read_bidirectional(reader, layer);
        } else if (layer.class_name == "RNN") {
            read_part(reader, "cell", "cell", layer);
        } else if (layer.class_name == "StackedRNNCells") {
            read_cells(reader, layer);
        } else if (layer.class_name == "TimeDistributed") {
            read_part(reader, "layer", "layer", layer);
        } else if (layer.class_name == "SpectralNormalization") {
            read_part(reader, "layer", "layer", layer);
            layer.variables.push_back({"vector_u", json(), std::nullopt, false});
            layer.aliases = 1;
        } else if (generation_ == Generation::keras1) {
            add_keras1_variables(reader, layer);
        } else {
            add_variables(reader, generation_, layer);
        }
        add_rest(reader, layer);
    }

    void read_part(Config& config, const char* key, const char* attribute, Layer& layer) const {
        layer.parts.push_back(read(config.take(key)));
        layer.parts.back().attributes = {attribute};
    }

    void read_cells(Config& config, Layer& layer) const {
        for (const json& cell : config.take("cells")) {
            layer.parts.push_back(read(cell));
        }
        number(layer.parts, "cells");
    }

    void read_bidirectional(Config& config, Layer& layer) const {
        const json& forward = config.take("layer");
        const json& backward =
            config.has("backward_layer") ? config.take("backward_layer") : forward;
        // Reading the same JSON twice doubles with each level.
        if (bidirectional_ == deepest_bidirectional) {
            throw LoadError("has more than " + std::to_string(deepest_bidirectional) +
                            " Bidirectional layers within each other");
        }
        Reader inner(*this);
        ++inner.bidirectional_;
        layer.parts = {inner.read(forward), inner.read(backward)};
        layer.parts[0].attributes = {"forward_layer"};
        layer.parts[1].attributes = {"backward_layer"};
        const std::string& name = layer.parts[0].name;
        if (name.rfind("forward_", 0) != 0) {
            layer.parts[0].name = "forward_" + name;
        }
        // Keras 3 leaves the name of a layer that was given as it is.
        if (&forward == &backward ||
            (generation_ != Generation::keras3 && layer.parts[1].name.rfind("backward_", 0) != 0)) {
            layer.parts[1].name = "backward_" + layer.parts[1].name;
        }
    }

    Generation generation_;
    int bidirectional_ = 0; ///< how many lead to what is read
};

bool has_trained(const Layer& layer) {
    return std::any_of(layer.variables.begin(), layer.variables.end(),
                       [&](const Variable& variable) {
                           return layer.trains && variable.trains &&
                                  !variable.regularizer.is_null();
                       }) ||
           std::any_of(layer.parts.begin(), layer.parts.end(), has_trained);
}

/// What only Keras 3 leaves out: variables that are not trained.
void apply_freezing(Layer& layer, bool model_trains, Generation generation) {
    layer.trains = generation != Generation::keras3 || (layer.trains && model_trains);
    for (Layer& part : layer.parts) {
        apply_freezing(part, model_trains, generation);
    }
}

} // namespace

std::string snake_case(const std::string& class_name) {
    // The two substitutions of Keras's own function, each from left to right without overlap.
    std::string words;
    const std::size_t n = class_name.size();
    for (std::size_t i = 0; i < n;) {
        words += class_name[i];
        if (i + 2 < n && is_upper(class_name[i + 1]) && is_lower(class_name[i + 2])) {
            words += '_';
            words += class_name[++i];
            while (i + 1 < n && is_lower(class_name[i + 1])) {
                words += class_name[++i];
            }
        }
        ++i;
    }
    std::string snake;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0 && is_lower(words[i - 1]) && is_upper(words[i])) {
            snake += '_';
        }
        snake += is_upper(words[i]) ? static_cast<char>(words[i] - 'A' + 'a') : words[i];
    }
    return snake;
}

Layer read_architecture(const json& model, Generation generation) {
    const json& config = config_of(model);
    Layer root = Reader(generation).read(model);
    if (root.parts.empty() && root.known && root.variables.empty()) {
        throw LoadError("is no model: its config has no layers");
    }
    // Keras 3 reads `trainable` of the outermost model if it is functional. A class of the
    // program's own does, too, unless its own constructor leaves it out. A Sequential does not, nor
    // does a class of the program's own that is one, which build_input_shape shows.
    const bool functional = config.is_object() && config.contains("input_layers");
    const bool subclassed = root.custom && !functional && !config.contains("build_input_shape");
    if (generation == Generation::keras3 && subclassed && !root.trained_then && has_trained(root)) {
        root.remarks.push_back({"", Status::unknown, json(), root.class_name,
                                "whether a class of the program's own that is not trained keeps "
                                "its loss is not in the file"});
    }
    apply_freezing(root, !(functional || subclassed) || root.trained_then, generation);
    return root;
}

} // namespace l1l2::keras
