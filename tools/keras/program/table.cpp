// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The table of l1l2-keras.
#include "check.hpp"
#include "report.hpp"

#include <algorithm>

namespace program {
namespace {

using l1l2::keras::Status;
using l1l2::keras::Term;

using Cells = std::vector<std::string>;

/// The number of characters of UTF-8.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

/// Lines of cells in columns that are as wide as their widest cell; the first three to the left.
std::string aligned(const std::vector<Cells>& lines) {
    std::vector<std::size_t> widths(lines.front().size());
    for (const Cells& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            widths[i] = std::max(widths[i], width(line[i]));
        }
    }
    std::string text;
    for (const Cells& line : lines) {
        std::string one;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::string space(widths[i] - width(line[i]), ' ');
            one += (i > 0 ? "  " : "") + (i < 3 ? line[i] + space : space + line[i]);
        }
        one.erase(one.find_last_not_of(' ') + 1);
        text += one + "\n";
    }
    return text;
}

std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f%%", 100.0 * share);
    return text;
}

/// What stands in the place of the penalty of a term that is not counted.
std::string remark(const Term& term) {
    const std::string name = l1l2::keras::status_name(term.status);
    const bool named = term.status == Status::not_l1l2 || term.status == Status::unknown;
    return named && !term.class_name.empty() ? name + ": " + printable(term.class_name) : name;
}

Cells heading(const Report& report) {
    Cells cells = {"variable", "shape", "dtype", "l1", "l2", "penalty", "share"};
    if (!report.rows.empty() &&
        std::any_of(report.rows.begin(), report.rows.end(),
                    [](const Row& row) { return row.gradient_norm.has_value(); })) {
        cells.push_back("gradient norm");
    }
    if (report.compared) {
        cells.insert(cells.end(), {"Keras", "rel. diff"});
    }
    return cells;
}

void add_comparison(Cells& cells, double penalty, const std::optional<double>& keras) {
    cells.push_back(keras ? number(*keras, 8) : "-");
    cells.push_back(keras ? number(relative_difference(penalty, *keras), 2) : "-");
}

Cells line(const Row& row, const Cells& columns, bool compared) {
    const Term& term = *row.term;
    Cells cells = {path_of(term), shape_text(term), dtype_text(term)};
    cells.push_back(term.regularizer ? number(term.regularizer->l1(), 4) : "");
    cells.push_back(term.regularizer ? number(term.regularizer->l2(), 4) : "");
    const bool counted = term.status == Status::counted;
    cells.push_back(counted ? shortest(row.penalty) : remark(term));
    cells.push_back(counted ? percent(row.share) : "");
    if (std::find(columns.begin(), columns.end(), "gradient norm") != columns.end()) {
        cells.push_back(row.gradient_norm ? number(*row.gradient_norm, 6) : "");
    }
    if (compared) {
        add_comparison(cells, row.penalty, row.keras);
    }
    return cells;
}

Cells last_line(const Report& report, std::size_t columns) {
    Cells cells = {report.model->complete() ? "total" : "partial total",
                   "",
                   "",
                   "",
                   "",
                   shortest(report.total)};
    cells.resize(columns - (report.compared ? 2 : 0));
    if (report.compared) {
        add_comparison(cells, report.total, report.keras_total);
    }
    return cells;
}

/// A sentence for each status that occurs and is not plain.
std::string notes(const Report& report) {
    const auto occurs = [&](Status status) {
        return std::any_of(report.rows.begin(), report.rows.end(),
                           [&](const Row& row) { return row.term->status == status; });
    };
    std::string text;
    if (occurs(Status::frozen)) {
        text += "frozen: the variable is not trained, so Keras 3 leaves it out of the loss.\n";
    }
    if (occurs(Status::activity)) {
        text += "activity: the penalty of a layer's outputs, divided by the batch size; it is not "
                "known from the file.\n";
    }
    if (occurs(Status::not_l1l2)) {
        text += "not L1L2: a regularizer of another class; its loss is not computed.\n";
    }
    if (occurs(Status::no_variable)) {
        text +=
            "no variable: the layer does not have the variable; the regularizer adds nothing.\n";
    }
    for (const Row& row : report.rows) {
        if (row.term->status == Status::unknown || row.term->status == Status::counted) {
            text += row.term->reason.empty()
                        ? ""
                        : path_of(*row.term) + ": " + printable(row.term->reason) + ".\n";
        }
    }
    if (!report.model->complete()) {
        text += "The total is partial: Keras adds more to the loss.\n";
    }
    return text;
}

} // namespace

std::string table(const Report& report) {
    const Cells columns = heading(report);
    std::vector<Cells> lines = {columns};
    for (const Row& row : report.rows) {
        lines.push_back(line(row, columns, report.compared));
    }
    lines.push_back(last_line(report, columns.size()));
    return report.model->format + " of " + printable(report.model->writer) + "\n" + aligned(lines) +
           notes(report);
}

} // namespace program
