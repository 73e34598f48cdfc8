// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The layers of an architecture, with the variables and regularizers that Keras gives them.
#pragma once

#include "l1l2_keras.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace l1l2::keras {

/// The extents of a variable that the architecture fixes; -1 for one that it does not.
using Pattern = std::vector<std::int64_t>;

struct Variable {
    std::string name;               ///< Keras's own: "kernel"
    nlohmann::json regularizer;     ///< null without one
    std::optional<Pattern> pattern; ///< none if not even the rank is known
    bool trains = true;             ///< false for the moving mean of a normalization
    bool factor = false;   ///< of LoRA: a file of paths has the factors merged into the kernel
    bool prefixed = false; ///< of Keras 1: its array is called "LAYER_VARIABLE"
    std::string group = {},
                stored_as = {}; ///< where it is in the file of weights; "" if it is not sought
};

/// A regularizer without a variable: a row that is shown and has no elements.
struct Remark {
    std::string variable;
    Status status;
    nlohmann::json regularizer; ///< null without one
    std::string class_name;     ///< of the layer or the regularizer, if there is no JSON of it
    std::string reason;
};

struct Layer {
    std::string class_name;
    std::string name; ///< "" for a part that the architecture does not name
    /// The path of this layer below its parent in a file of paths: "layers/dense_1". Versions of
    /// Keras differ; a file has one of these.
    std::vector<std::string> attributes;
    bool trains = true;       ///< whether its own variables are trained when Keras has loaded it
    bool trained_then = true; ///< whether they were when it was saved: `trainable` of the file
    bool known = true;        ///< whether `variables` and `parts` are all that it has
    /// A class of the program that wrote the model: what else it has shows in the arrays alone.
    bool custom = false;
    std::size_t aliases = 0; ///< arrays of its group in a file of paths that its parts have, too
    std::vector<Variable> variables; ///< in Keras's order
    std::vector<Remark> remarks;
    std::vector<Layer> parts; ///< in Keras's order
};

/// Which Keras an architecture is of.
enum class Generation { keras1, keras2, keras3 };

/// Reads the JSON of a model. Throws LoadError.
Layer read_architecture(const nlohmann::json& model, Generation generation);

/// The name that Keras 3 gives a class in a path: "Conv2DTranspose" is conv2d_transpose.
std::string snake_case(const std::string& class_name);

} // namespace l1l2::keras
