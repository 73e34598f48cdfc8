// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "places.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace l1l2::keras {
namespace {

bool is_regularized(const Variable& variable) {
    return !variable.regularizer.is_null();
}

bool is_factor(const Variable& variable) {
    return variable.factor;
}

bool has_regularized(const Layer& layer) {
    return std::any_of(layer.variables.begin(), layer.variables.end(), is_regularized) ||
           std::any_of(layer.parts.begin(), layer.parts.end(), has_regularized);
}

std::string described(const Layer& layer) {
    return "layer " + layer.name + ", a " + layer.class_name + ": ";
}

// Files of paths.

/// The path of a part; "" if the file has none.
std::string path_of(const std::string& parent, const Layer& part, const Weights& weights) {
    for (const std::string& attribute : part.attributes) {
        std::string path = parent;
        path.append(parent.empty() ? "" : "/").append(attribute);
        if (weights.has_group(path)) {
            return path;
        }
    }
    return {};
}

/// Sets the places of a layer's own variables.
void place_own(Layer& layer, const std::string& path, const Weights& weights) {
    const auto factors = std::count_if(layer.variables.begin(), layer.variables.end(), is_factor);
    const std::size_t has =
        layer.aliases + layer.variables.size() - static_cast<std::size_t>(factors);
    const std::size_t stored = weights.variables_at(path).value_or(0);
    if (layer.known ? stored != has : stored < has) {
        throw LoadError(described(layer) + path + "/vars has " + std::to_string(stored) +
                        " arrays, where " + std::to_string(has) + " are expected");
    }
    for (std::size_t i = 0; i < layer.variables.size(); ++i) {
        Variable& variable = layer.variables[i];
        if (is_regularized(variable) && !is_factor(variable)) {
            variable.stored_as = path + "/vars/" + std::to_string(i);
        }
    }
}

void place_by_path(Layer& layer, const std::string& path, const Weights& weights);

/// A class of the program's own may have more variables than the layers in its config. It has not,
/// if all arrays below it are theirs.
void place_custom(Layer& layer, const std::string& path, const Weights& weights) {
    std::vector<std::string> arrays = weights.arrays_below(path);
    const auto remove_below = [&](const std::string& inner) {
        arrays.erase(std::remove_if(arrays.begin(), arrays.end(),
                                    [&](const std::string& array) {
                                        return array.rfind(inner + "/", 0) == 0;
                                    }),
                     arrays.end());
    };
    if (path.empty()) {
        remove_below("optimizer"); // of the outermost model, if it was compiled
    }
    std::vector<Layer> found;
    for (Layer& part : layer.parts) {
        const std::string part_path = path_of(path, part, weights);
        if (!part_path.empty()) {
            place_by_path(part, part_path, weights);
            found.push_back(std::move(part));
            remove_below(part_path);
        }
    }
    layer.parts = std::move(found);
    layer.known = arrays.empty();
}

void place_by_path(Layer& layer, const std::string& path, const Weights& weights) {
    if (layer.custom && !layer.known) {
        return place_custom(layer, path, weights);
    }
    if (std::any_of(layer.variables.begin(), layer.variables.end(), is_regularized)) {
        place_own(layer, path, weights);
    }
    for (Layer& part : layer.parts) {
        const std::string part_path = path_of(path, part, weights);
        if (!part_path.empty()) {
            place_by_path(part, part_path, weights);
        } else if (has_regularized(part)) {
            throw LoadError(described(part) + "the file has no weights of it" +
                            (path.empty() ? "" : " in " + path));
        } else if (part.custom) {
            part.known = true; // it has no variables at all
        }
    }
}

// Files that name arrays.

/// A variable and the names of the layers that lead to it, from the inside.
struct Sought {
    Variable* variable;
    std::vector<std::string> layers;
    bool trained; ///< when the file was written
};

void collect(Layer& layer, std::vector<std::string>& names, bool trained,
             std::vector<Sought>& all) {
    names.push_back(layer.name);
    trained = trained && layer.trained_then;
    for (Variable& variable : layer.variables) {
        all.push_back({&variable, {names.rbegin(), names.rend()}, trained && variable.trains});
    }
    for (Layer& part : layer.parts) {
        collect(part, names, trained, all);
    }
    names.pop_back();
}

/// The variables of a layer in the order in which Keras lists its weights: the trained ones first.
std::vector<Sought> in_order(Layer& layer) {
    std::vector<std::string> names;
    std::vector<Sought> all;
    collect(layer, names, true, all);
    std::stable_partition(all.begin(), all.end(), [](const Sought& x) { return x.trained; });
    return all;
}

/// An array's name in parts, without TensorFlow's ":0". "conv.kernel" has the parts of conv/kernel.
std::vector<std::string> parts_of(std::string name) {
    name.resize(std::min(name.rfind(':'), name.size()));
    if (name.find('/') == std::string::npos && name.find('.') != std::string::npos) {
        name[name.rfind('.')] = '/';
    }
    std::vector<std::string> parts(1);
    for (const char c : name) {
        if (c == '/') {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

/// Whether an array is called like a variable; TensorFlow may add a number: kernel_1.
bool is_called(const std::vector<std::string>& parts, const std::string& variable) {
    const std::string& last = parts.back();
    const std::size_t n = variable.size();
    return last == variable ||
           (last.compare(0, n, variable) == 0 && last.size() > n + 1 && last[n] == '_' &&
            std::all_of(last.begin() + static_cast<std::ptrdiff_t>(n) + 1, last.end(),
                        [](unsigned char c) { return std::isdigit(c) != 0; }));
}

/// Keras reads such a file in order. True if there are as many arrays as variables, of their names.
bool place_by_order(const std::vector<Sought>& sought, const Group& group) {
    if (sought.size() != group.names.size()) {
        return false;
    }
    for (std::size_t i = 0; i < sought.size(); ++i) {
        if (!is_called(parts_of(group.names[i]), sought[i].variable->name)) {
            return false;
        }
    }
    for (std::size_t i = 0; i < sought.size(); ++i) {
        sought[i].variable->group = group.layer;
        sought[i].variable->stored_as = group.names[i];
    }
    return true;
}

/// The arrays that a variable may be: of its name, and below the names of its layers as far as that
/// leaves any. In a file of all layers one name besides the model's must lead to it.
std::vector<std::size_t> candidates(const Sought& sought, const Group& group,
                                    const std::vector<std::vector<std::string>>& parts) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < group.names.size(); ++i) {
        if (is_called(parts[i], sought.variable->name)) {
            found.push_back(i);
        }
    }
    bool named = !group.layer.empty() || sought.layers.size() == 1;
    for (const std::string& layer : sought.layers) {
        std::vector<std::size_t> below;
        std::copy_if(found.begin(), found.end(), std::back_inserter(below), [&](std::size_t i) {
            return std::find(parts[i].begin(), parts[i].end() - 1, layer) != parts[i].end() - 1;
        });
        if (!below.empty()) {
            found = below;
            named = named || &layer != &sought.layers.back();
        }
    }
    return named ? found : std::vector<std::size_t>();
}

std::string wanted(const Sought& sought) {
    std::string name = sought.variable->name;
    for (const std::string& layer : sought.layers) {
        name.insert(0, layer.empty() ? "" : "/").insert(0, layer);
    }
    return name;
}

/// Variables that could be the same arrays are these in order, if there are as many.
void place_by_name(const std::vector<Sought>& sought, const Group& group) {
    std::vector<std::vector<std::string>> parts;
    for (const std::string& name : group.names) {
        parts.push_back(parts_of(name));
    }
    std::map<std::vector<std::size_t>, std::vector<const Sought*>> claims;
    for (const Sought& one : sought) {
        claims[candidates(one, group, parts)].push_back(&one);
    }
    std::map<std::size_t, std::size_t> claimed;
    for (const auto& [arrays, variables] : claims) {
        for (const std::size_t i : arrays) {
            ++claimed[i];
        }
    }
    for (const auto& [arrays, variables] : claims) {
        const bool wanted_here =
            std::any_of(variables.begin(), variables.end(),
                        [](const Sought* x) { return is_regularized(*x->variable); });
        if (!wanted_here) {
            continue;
        }
        const bool shared = std::any_of(arrays.begin(), arrays.end(),
                                        [&](std::size_t i) { return claimed[i] > 1; });
        if (arrays.size() != variables.size() || shared) {
            throw LoadError("the variable " + wanted(*variables.front()) +
                            (arrays.empty() ? " is not among the weights"
                                            : " could be several of the weights"));
        }
        for (std::size_t i = 0; i < arrays.size(); ++i) {
            variables[i]->variable->group = group.layer;
            variables[i]->variable->stored_as = group.names[arrays[i]];
        }
    }
}

void place_in_group(Layer& layer, const Group& group) {
    const std::vector<Sought> sought = in_order(layer);
    if (!place_by_order(sought, group)) {
        place_by_name(sought, group);
    }
}

/// A layer of a class of the program's own that is not in the file has no variables.
void settle_custom(Layer& layer, const std::vector<Group>& groups) {
    if (layer.custom && layer.parts.empty()) {
        layer.known = std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
            return group.layer == layer.name && group.names.empty();
        });
    }
}

bool has_variables(const Layer& layer) {
    return !layer.known || !layer.variables.empty() ||
           std::any_of(layer.parts.begin(), layer.parts.end(), has_variables);
}

/// Each layer has a group of its own name; or else there are as many groups, in order.
void place_by_layer(Layer& model, const Weights& weights) {
    std::vector<Group> groups = weights.groups();
    for (Layer& layer : model.parts) {
        settle_custom(layer, groups);
    }
    groups.erase(std::remove_if(groups.begin(), groups.end(),
                                [](const Group& group) { return group.names.empty(); }),
                 groups.end());
    std::vector<Layer*> layers;
    for (Layer& layer : model.parts) {
        if (has_variables(layer)) {
            layers.push_back(&layer);
        }
    }
    const auto named = [&](const Layer* layer) {
        return std::find_if(groups.begin(), groups.end(),
                            [&](const Group& group) { return group.layer == layer->name; });
    };
    const bool by_name = std::all_of(layers.begin(), layers.end(), [&](const Layer* layer) {
        return !has_regularized(*layer) || named(layer) != groups.end();
    });
    if (!by_name && layers.size() != groups.size()) {
        throw LoadError("the file has weights of " + std::to_string(groups.size()) +
                        " layers, where the architecture has " + std::to_string(layers.size()));
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (has_regularized(*layers[i])) {
            place_in_group(*layers[i], by_name ? *named(layers[i]) : groups[i]);
        }
    }
}

} // namespace

void find_places(Layer& model, const Weights& weights) {
    switch (weights.naming()) {
    case Naming::paths: return place_by_path(model, "", weights);
    case Naming::layers: return place_by_layer(model, weights);
    case Naming::names:
        for (const Group& group : weights.groups()) {
            place_by_name(in_order(model), group);
        }
    }
}

} // namespace l1l2::keras
