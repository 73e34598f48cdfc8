// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The variables of each class of layers that has regularizers in Keras.
#pragma once

#include "layer_config.hpp"
#include "layers.hpp"

namespace l1l2::keras {

/// Whether one of Keras's own layers is called so: in Keras 2 or 3; in Keras 1.2.
bool is_class_of_keras(const std::string& name);
bool is_class_of_keras1(const std::string& name);

/// Adds the regularizer of a layer's outputs, if there is one.
void add_activity(Config& config, Layer& layer);

/// The same of a class of the program's own: whatever in its config is called so.
void add_custom_activity(const Config& config, Layer& layer);

/// Adds the variables of a layer of Keras's own, in the order in which Keras makes them; the
/// trained ones first. A class that is not listed has no variable with a regularizer.
void add_variables(Config& config, Generation generation, Layer& layer);

/// The same of Keras 1.2.
void add_keras1_variables(Config& config, Layer& layer);

/// Adds a remark for each regularizer that none of the layer's variables has.
void add_rest(const Config& config, Layer& layer);

} // namespace l1l2::keras
