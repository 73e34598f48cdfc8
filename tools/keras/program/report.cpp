// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

namespace program {
namespace {

using l1l2::keras::Status;
using l1l2::keras::Term;

bool has_elements(const Term& term) {
    return term.regularizer && term.dtype != 0;
}

template <class T>
T read(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

double half(std::uint16_t bits) {
    const int exponent = bits >> 10 & 31;
    const double mantissa = bits & 1023;
    if (exponent == 31) {
        return mantissa == 0 ? INFINITY : NAN;
    }
    return exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
}

/// The norm of the gradient of a term's penalty, of gradients in double: in float16 small ones are
/// 0. The sign of an element does not change it.
double gradient_norm(const Term& term) {
    constexpr std::size_t block = 4096;
    l1l2::ExactSums sums;
    std::vector<double> x;
    for (std::size_t start = 0; start < term.count(); start += x.size()) {
        x.resize(std::min(block, term.count() - start));
        for (std::size_t i = 0; i < x.size(); ++i) {
            x[i] = magnitude(term, start + i);
        }
        std::vector<double> gradient(x.size());
        term.regularizer->add_gradient(x, gradient);
        sums.add(gradient);
    }
    return sums.norm();
}

std::string quoted(const std::string& text_of_file) {
    std::string field = printable(text_of_file);
    if (field.find_first_of("\",") == std::string::npos) {
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
        if (term.status == Status::counted && report.total > 0.0 && std::isfinite(report.total)) {
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
    return printable(path);
}

std::string printable(const std::string& text) {
    std::string safe;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const unsigned next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
        const bool two = c == 0xc2 && next >= 0x80 && next < 0xa0; // U+0080 to U+009F in UTF-8
        safe += c < ' ' || c == 0x7f || two ? '?' : text[i];
        i += two ? 1 : 0;
    }
    return safe;
}

double magnitude(const Term& term, std::size_t i) {
    const std::byte* x = term.data.data();
    switch (term.dtype) {
    case L1L2_FLOAT64: return std::fabs(read<double>(x + 8 * i));
    case L1L2_FLOAT32: return std::fabs(read<float>(x + 4 * i));
    case L1L2_FLOAT16: return half(read<std::uint16_t>(x + 2 * i));
    default: {
        const std::uint32_t bits = std::uint32_t{read<std::uint16_t>(x + 2 * i)} << 16;
        float value = 0.0F;
        std::memcpy(&value, &bits, sizeof value);
        return std::fabs(value);
    }
    }
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
