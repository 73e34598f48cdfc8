// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace program {
namespace {

using l1l2::keras::Status;
using l1l2::keras::Term;

bool has_elements(const Term& term) {
    return term.regularizer && term.dtype != 0;
}

/// The norm of the gradient of a term's penalty. The gradient is made in the term's element type.
double gradient_norm(const Term& term) {
    std::vector<std::byte> gradient(term.data.size());
    l1l2::detail::check(l1l2_add_gradient(term.regularizer->get(), term.dtype, term.data.data(),
                                          term.count(), 1.0, gradient.data(), nullptr));
    l1l2::ExactSums sums;
    l1l2::detail::check(
        l1l2_exact_sums_add(sums.data(), term.dtype, gradient.data(), term.count()));
    return sums.norm();
}

std::string quoted(const std::string& field) {
    if (field.find_first_of("\",\r\n") == std::string::npos) {
        return field;
    }
    std::string text = "\"";
    for (const char c : field) {
        text += c == '"' ? "\"\"" : std::string(1, c);
    }
    return text + "\"";
}

nlohmann::ordered_json json_of(const Row& row) {
    const Term& term = *row.term;
    nlohmann::ordered_json object;
    object["layer"] = term.layer;
    object["variable"] = term.variable;
    object["status"] = l1l2::keras::status_name(term.status);
    if (!term.class_name.empty()) {
        object["class"] = term.class_name;
    }
    if (!term.reason.empty()) {
        object["reason"] = term.reason;
    }
    if (term.regularizer) {
        object["l1"] = term.regularizer->l1();
        object["l2"] = term.regularizer->l2();
    }
    if (term.dtype != 0) {
        object["shape"] = term.shape;
        object["dtype"] = dtype_text(term);
        object["stored_as"] = term.stored_as;
    }
    if (has_elements(term)) {
        object["penalty"] = row.penalty;
    }
    if (term.status == Status::counted) {
        object["share"] = row.share;
    }
    if (row.gradient_norm) {
        object["gradient_norm"] = *row.gradient_norm;
    }
    if (row.keras) {
        object["keras"] = *row.keras;
    }
    return object;
}

} // namespace

Report make_report(const l1l2::keras::Model& model, bool gradient_norms) {
    Report report;
    report.model = &model;
    report.total = l1l2::keras::total(model);
    for (const Term& term : model.terms) {
        Row row;
        row.term = &term;
        row.penalty = l1l2::keras::penalty(term);
        if (term.status == Status::counted && report.total > 0.0) {
            row.share = row.penalty / report.total;
        }
        if (gradient_norms && has_elements(term)) {
            row.gradient_norm = gradient_norm(term);
        }
        report.rows.push_back(row);
    }
    return report;
}

std::string path_of(const Term& term) {
    std::string path = term.layer;
    if (!term.variable.empty()) {
        path += (path.empty() ? "" : "/") + term.variable;
    }
    for (char& c : path) {
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
            c = '?';
        }
    }
    return path;
}

std::string shape_text(const Term& term) {
    std::string text;
    for (const std::size_t extent : term.shape) {
        text += (text.empty() ? "" : "x") + std::to_string(extent);
    }
    return text.empty() && term.dtype != 0 ? "scalar" : text;
}

std::string dtype_text(const Term& term) {
    switch (term.dtype) {
    case L1L2_FLOAT16: return "float16";
    case L1L2_BFLOAT16: return "bfloat16";
    case L1L2_FLOAT32: return "float32";
    case L1L2_FLOAT64: return "float64";
    default: return "";
    }
}

std::string number(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    return text;
}

std::string shortest(double value) {
    int digits = 15;
    while (digits < 17 && std::strtod(number(value, digits).c_str(), nullptr) != value) {
        ++digits;
    }
    return number(value, digits);
}

std::string json(const Report& report, const std::string& file) {
    nlohmann::ordered_json object;
    object["file"] = file;
    object["writer"] = report.model->writer;
    object["format"] = report.model->format;
    object["complete"] = report.model->complete();
    object["total"] = report.total;
    if (report.keras_total) {
        object["keras_total"] = *report.keras_total;
    }
    object["terms"] = nlohmann::ordered_json::array();
    for (const Row& row : report.rows) {
        object["terms"].push_back(json_of(row));
    }
    return object.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string csv(const Report& report) {
    std::string text =
        "layer,variable,status,class,shape,dtype,l1,l2,penalty,share,gradient_norm,stored_as\n";
    for (const Row& row : report.rows) {
        const Term& term = *row.term;
        const bool computed = has_elements(term);
        text += quoted(term.layer) + "," + quoted(term.variable) + "," +
                l1l2::keras::status_name(term.status) + "," + quoted(term.class_name) + "," +
                shape_text(term) + "," + dtype_text(term) + "," +
                (term.regularizer ? shortest(term.regularizer->l1()) : "") + "," +
                (term.regularizer ? shortest(term.regularizer->l2()) : "") + "," +
                (computed ? shortest(row.penalty) : "") + "," +
                (term.status == Status::counted ? number(row.share, 6) : "") + "," +
                (row.gradient_norm ? shortest(*row.gradient_norm) : "") + "," +
                quoted(term.stored_as) + "\n";
    }
    return text;
}

} // namespace program
