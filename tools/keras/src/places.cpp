// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "places.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

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

bool has_variables(const Layer& layer) {
    return !layer.known || !layer.variables.empty() ||
           std::any_of(layer.parts.begin(), layer.parts.end(), has_variables);
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

/// Whether an array is below one of some groups.
bool is_below(const std::string& array, const std::set<std::string>& groups) {
    for (std::size_t i = array.find('/'); i != std::string::npos; i = array.find('/', i + 1)) {
        if (groups.count(array.substr(0, i)) > 0) {
            return true;
        }
    }
    return false;
}

/// Keeps the regularizers of a part's outputs. The part is left out, as it has no variables.
void keep_remarks(const Layer& part, Layer& layer) {
    layer.remarks.insert(layer.remarks.end(), part.remarks.begin(), part.remarks.end());
    for (const Layer& inner : part.parts) {
        keep_remarks(inner, layer);
    }
}

/// A class of the program's own may have more variables than the layers in its config. It has not,
/// if all arrays below it are theirs.
void place_custom(Layer& layer, const std::string& path, const Weights& weights) {
    std::set<std::string> theirs;
    if (path.empty()) {
        theirs.insert("optimizer"); // of the outermost model, if it was compiled
    }
    std::vector<Layer> found;
    for (Layer& part : layer.parts) {
        const std::string part_path = path_of(path, part, weights);
        if (!part_path.empty()) {
            place_by_path(part, part_path, weights);
            found.push_back(std::move(part));
            theirs.insert(part_path);
        } else {
            keep_remarks(part, layer);
        }
    }
    layer.parts = std::move(found);
    const std::vector<std::string> arrays = weights.arrays_below(path);
    layer.known = std::all_of(arrays.begin(), arrays.end(),
                              [&](const std::string& array) { return is_below(array, theirs); });
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
    std::string name; ///< that its array has
    std::vector<std::string> layers;
    bool trained; ///< when the file was written
};

/// What a layer inherits is whether all layers that lead to it were trained. Without `inherits` its
/// own flag alone says whether it was.
void collect(Layer& layer, std::vector<std::string>& names, bool trained, bool inherits,
             std::vector<Sought>& all) {
    names.push_back(layer.name);
    trained = (trained || !inherits) && layer.trained_then;
    for (Variable& variable : layer.variables) {
        const std::string prefix = variable.prefixed ? layer.name + "_" : "";
        all.push_back({&variable,
                       prefix + variable.name,
                       {names.rbegin(), names.rend()},
                       trained && variable.trains});
    }
    for (Layer& part : layer.parts) {
        collect(part, names, trained, inherits, all);
    }
    names.pop_back();
}

/// The variables of a layer in the order in which Keras lists its weights: the trained ones first.
std::vector<Sought> in_order(Layer& layer, bool inherits = true) {
    std::vector<std::string> names;
    std::vector<Sought> all;
    collect(layer, names, true, inherits, all);
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

/// A name without the number that TensorFlow may add: kernel_1.
std::string without_number(const std::string& name) {
    const std::size_t end = name.find_last_not_of("0123456789");
    const bool numbered = end != std::string::npos && end + 1 < name.size() && name[end] == '_';
    return numbered ? name.substr(0, end) : name;
}

bool is_called(const std::vector<std::string>& parts, const std::string& variable) {
    return parts.back() == variable || without_number(parts.back()) == variable;
}

/// The name of the layer that a variable is of; of a cell without a name, that of the layer over
/// it.
std::string first_name(const std::vector<std::string>& layers) {
    const auto named = std::find_if(layers.begin(), layers.end(),
                                    [](const std::string& name) { return !name.empty(); });
    return named == layers.end() ? "" : *named;
}

/// Versions of Keras differ in where they list part of a layer that was trained where the layer was
/// not.
bool is_order_sure(Layer& layer, const std::vector<Sought>& inherited) {
    const std::vector<Sought> own = in_order(layer, false);
    return std::equal(own.begin(), own.end(), inherited.begin(), inherited.end(),
                      [](const Sought& a, const Sought& b) { return a.variable == b.variable; });
}

/// Keras reads such a file in order. True if there are as many arrays as variables, of their names.
/// If the order is not sure, each array must also have the name of its variable's layer; else none
/// must have that of another layer instead. Names of another session, in which layers had other
/// numbers, say nothing of that: then not all names of the layers are there.
bool place_by_order(const std::vector<Sought>& sought, const Group& group, bool sure) {
    if (sought.size() != group.names.size()) {
        return false;
    }
    std::set<std::string> owners;
    for (const Sought& one : sought) {
        owners.insert(first_name(one.layers));
    }
    std::set<std::string> named;
    for (const std::string& name : group.names) {
        const std::vector<std::string> parts = parts_of(name);
        named.insert(parts.begin(), parts.end() - 1);
    }
    const bool all_named = std::includes(named.begin(), named.end(), owners.begin(), owners.end());
    for (std::size_t i = 0; i < sought.size(); ++i) {
        const std::vector<std::string> parts = parts_of(group.names[i]);
        const auto is_of = [&](const std::string& layer) {
            return std::find(parts.begin(), parts.end() - 1, layer) != parts.end() - 1;
        };
        const bool other = !sure || (all_named && std::any_of(parts.begin(), parts.end() - 1,
                                                              [&](const std::string& part) {
                                                                  return owners.count(part) > 0;
                                                              }));
        if (!is_called(parts, sought[i].name) || (other && !is_of(first_name(sought[i].layers)))) {
            return false;
        }
    }
    for (std::size_t i = 0; i < sought.size(); ++i) {
        sought[i].variable->group = group.layer;
        sought[i].variable->stored_as = group.names[i];
    }
    return true;
}

/// The arrays of a group by their names.
class NamedArrays {
  public:
    using Indices = std::vector<std::size_t>;

    explicit NamedArrays(const Group& group) : group_(group) {
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < group.names.size(); ++i) {
            const std::vector<std::string> parts = parts_of(group.names[i]);
            const std::set<std::string>& layers =
                folders_.emplace_back(parts.begin(), parts.end() - 1);
            for (const std::string& name :
                 std::set<std::string>{parts.back(), without_number(parts.back())}) {
                called_[name].push_back(i);
                for (const std::string& layer : layers) {
                    count_name(layer.size() + name.size(), bytes);
                    below_[{layer, name}].push_back(i);
                }
            }
        }
    }

    /// The arrays that a variable may be: of its name, and below the names of its layers as far as
    /// that leaves any. In a file of all layers one name besides the model's must lead to it. Adds
    /// to `work` how many arrays and names of layers were looked at.
    Indices candidates(const std::string& variable, const std::vector<std::string>& layers,
                       std::size_t& work) const {
        const Indices& all = find(called_, variable);
        Indices narrowed; // empty as long as all are left
        bool named = !group_.layer.empty() || layers.size() == 1;
        for (const std::string& layer : layers) {
            const Indices& below = find(below_, std::pair(layer, variable));
            Indices left = narrowed.empty() ? below : Indices();
            std::copy_if(
                narrowed.begin(), narrowed.end(), std::back_inserter(left),
                [&](std::size_t i) { return std::binary_search(below.begin(), below.end(), i); });
            work += narrowed.size() + left.size();
            if (!left.empty()) {
                narrowed = std::move(left);
                named = named || &layer != &layers.back();
            }
        }
        if (!named) {
            return {};
        }
        work += narrowed.empty() ? all.size() : 0;
        return without_others(narrowed.empty() ? all : narrowed, layers, work);
    }

  private:
    /// In a file of all layers an array is not a variable's if it has the name of another layer in
    /// the place of the innermost one.
    Indices without_others(Indices indices, const std::vector<std::string>& layers,
                           std::size_t& work) const {
        if (!group_.layer.empty()) {
            return indices;
        }
        const std::string innermost = first_name(layers);
        const auto is_other = [&](std::size_t i) {
            work += folders_[i].size();
            return folders_[i].count(innermost) == 0 &&
                   std::any_of(folders_[i].begin(), folders_[i].end(), [&](const auto& folder) {
                       return std::find(layers.begin(), layers.end(), folder) == layers.end();
                   });
        };
        indices.erase(std::remove_if(indices.begin(), indices.end(), is_other), indices.end());
        return indices;
    }

    template <class Index>
    static const Indices& find(const Index& index, const typename Index::key_type& key) {
        static const Indices none;
        const auto found = index.find(key);
        return found == index.end() ? none : found->second;
    }

    const Group& group_;
    std::vector<std::set<std::string>> folders_; ///< the names of layers in an array's name
    std::map<std::string, Indices> called_;
    std::map<std::pair<std::string, std::string>, Indices> below_; ///< layer and name
};

std::string wanted(const Sought& sought) {
    std::string name = sought.name;
    for (const std::string& layer : sought.layers) {
        name.insert(0, layer.empty() ? "" : "/").insert(0, layer);
    }
    return name;
}

/// No model needs a hundredth. It bounds the work on a file in which every variable could be every
/// array.
constexpr std::size_t most_work = 10'000'000;

/// Of names that differ in their number alone, such as kernel_2 and kernel_10, the order is that of
/// the numbers. A file of names has them in any order.
void sort_by_number(std::vector<std::size_t>& indices, const std::vector<std::string>& names) {
    std::set<std::vector<std::string>> stems;
    std::map<std::pair<std::size_t, std::string>, std::size_t> by_number;
    for (const std::size_t i : indices) {
        std::vector<std::string> parts = parts_of(names[i]);
        const std::string stem = without_number(parts.back());
        const std::string number = parts.back().substr(stem.size());
        by_number.emplace(std::pair(number.size(), number), i);
        parts.back() = stem;
        stems.insert(std::move(parts));
    }
    if (stems.size() == 1 && by_number.size() == indices.size()) {
        std::transform(by_number.begin(), by_number.end(), indices.begin(),
                       [](const auto& number) { return number.second; });
    }
}

/// Variables that could be the same arrays are these in order, if there are as many and the order
/// is sure.
void place_by_name(const std::vector<Sought>& sought, const Group& group, bool sure) {
    const NamedArrays arrays(group);
    // Variables of one name have the same candidates.
    std::map<std::pair<std::string, std::vector<std::string>>, std::vector<const Sought*>> names;
    for (const Sought& one : sought) {
        names[{one.name, one.layers}].push_back(&one);
    }
    std::map<NamedArrays::Indices, std::vector<const Sought*>> claims;
    std::size_t work = 0;
    for (const auto& [name, variables] : names) {
        NamedArrays::Indices candidates = arrays.candidates(name.first, name.second, work);
        if (work > most_work) {
            throw LoadError("too many weights could be the variable " + wanted(*variables.front()));
        }
        auto& claim = claims[std::move(candidates)];
        claim.insert(claim.end(), variables.begin(), variables.end());
    }
    for (auto& [indices, variables] : claims) {
        std::sort(variables.begin(), variables.end()); // as they are in `sought`
    }
    std::map<std::size_t, std::size_t> claimed;
    for (const auto& [indices, variables] : claims) {
        for (const std::size_t i : indices) {
            ++claimed[i];
        }
    }
    for (const auto& [indices, variables] : claims) {
        const bool wanted_here =
            std::any_of(variables.begin(), variables.end(),
                        [](const Sought* x) { return is_regularized(*x->variable); });
        if (!wanted_here) {
            continue;
        }
        const bool shared = std::any_of(indices.begin(), indices.end(),
                                        [&](std::size_t i) { return claimed[i] > 1; });
        const bool guessed = !sure && indices.size() > 1;
        if (indices.size() != variables.size() || shared || guessed) {
            throw LoadError("the variable " + wanted(*variables.front()) +
                            (indices.empty() ? " is not among the weights"
                                             : " could be several of the weights"));
        }
        NamedArrays::Indices sorted = indices;
        if (group.layer.empty()) {
            sort_by_number(sorted, group.names);
        }
        for (std::size_t i = 0; i < indices.size(); ++i) {
            variables[i]->variable->group = group.layer;
            variables[i]->variable->stored_as = group.names[sorted[i]];
        }
    }
}

/// Whether a class of the program's own holds layers, which need not be all that its arrays are.
bool holds_parts(const Layer& layer) {
    return (layer.custom && !layer.parts.empty()) ||
           std::any_of(layer.parts.begin(), layer.parts.end(), holds_parts);
}

bool has_custom(const Layer& layer) {
    return layer.custom || std::any_of(layer.parts.begin(), layer.parts.end(), has_custom);
}

/// Classes of the program's own that have no arrays are known.
void settle(Layer& layer) {
    layer.known = layer.known || layer.custom;
    for (Layer& part : layer.parts) {
        settle(part);
    }
}

void place_in_group(Layer& layer, const Group& group) {
    const std::vector<Sought> sought = in_order(layer);
    const bool sure = is_order_sure(layer, sought);
    if (!place_by_order(sought, group, sure)) {
        place_by_name(sought, group, sure);
    } else if (!holds_parts(layer)) {
        settle(layer); // as each array is that of one of Keras's own layers
    }
}

/// Each layer has a group of its own name; or else there are as many groups, in order.
void place_by_layer(Layer& model, const Weights& weights) {
    std::vector<Group> groups;
    std::map<std::string, std::size_t> named; // the index of the first group of a name
    std::set<std::string> without_arrays;
    for (Group& group : weights.groups()) {
        if (group.names.empty()) {
            without_arrays.insert(group.layer);
        } else {
            named.emplace(group.layer, groups.size());
            groups.push_back(std::move(group));
        }
    }
    const bool by_name =
        std::all_of(model.parts.begin(), model.parts.end(), [&](const Layer& layer) {
            return !has_regularized(layer) || named.count(layer.name) > 0;
        });
    std::set<std::string> others; // that have arrays and no layer of their name
    for (const Group& group : groups) {
        others.insert(group.layer);
    }
    for (const Layer& layer : model.parts) {
        others.erase(layer.name);
    }
    std::vector<Layer*> layers;
    for (Layer& layer : model.parts) {
        // A layer of a class of the program's own that is not in the file has no variables.
        if (without_arrays.count(layer.name) > 0 ||
            (by_name && others.empty() && named.count(layer.name) == 0)) {
            settle(layer);
        }
        if (has_variables(layer)) {
            layers.push_back(&layer);
        }
    }
    if (!by_name && layers.size() != groups.size()) {
        throw LoadError("the file has weights of " + std::to_string(groups.size()) +
                        " layers, where the architecture has " + std::to_string(layers.size()));
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const auto found = named.find(layers[i]->name);
        if (has_regularized(*layers[i]) ||
            (has_custom(*layers[i]) && (!by_name || found != named.end()))) {
            place_in_group(*layers[i], groups[by_name ? found->second : i]);
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
            place_by_name(in_order(model), group, true);
        }
    }
}

} // namespace l1l2::keras
