// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// What l1l2-keras prints.
#pragma once

#include <l1l2_keras.hpp>

#include <optional>
#include <string>
#include <vector>

namespace program {

/// A term with what was computed of it.
struct Row {
    const l1l2::keras::Term* term;
    double penalty = 0.0; ///< 0 unless it is counted or frozen
    double share = 0.0;   ///< of the total, if it is counted and the total finite
    std::optional<double> gradient_norm;
    std::optional<double> keras; ///< Keras's own penalty
};

struct Report {
    const l1l2::keras::Model* model;
    std::vector<Row> rows;
    double total = 0.0;
    std::optional<double> keras_total;
    bool compared = false; ///< whether Keras's figures were given
};

/// Computes penalties and shares, and gradients if they are wanted.
Report make_report(const l1l2::keras::Model& model, bool gradient_norms);

std::string table(const Report& report);
std::string json(const Report& report, const std::string& file);
std::string csv(const Report& report);

/// A text with '?' for characters that a terminal would obey.
std::string printable(const std::string& text);
/// The path of a term's variable, printable.
std::string path_of(const l1l2::keras::Term& term);
/// The absolute value of an element.
double magnitude(const l1l2::keras::Term& term, std::size_t i);
/// "3x3x8", "scalar", or "" without a variable.
std::string shape_text(const l1l2::keras::Term& term);
std::string dtype_text(const l1l2::keras::Term& term);
/// As printf's %.*g prints it.
std::string number(double value, int digits);
/// With as few digits, from 15, as give the same number back.
std::string shortest(double value);

} // namespace program
