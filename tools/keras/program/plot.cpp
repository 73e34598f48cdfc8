// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace program {
namespace {

using l1l2::keras::Status;
using l1l2::keras::Term;

/// Bins of half a power of ten, from 10^-8 to 10^2; what is smaller or larger is in the outer ones.
constexpr int lowest = -8, highest = 2, bins_of_power = 2;
constexpr std::size_t bins = std::size_t{highest - lowest} * bins_of_power;

struct Histogram {
    std::array<std::size_t, bins> counts = {};
    std::size_t zeros = 0;
};

Histogram histogram(const Term& term) {
    Histogram histogram;
    for (std::size_t i = 0; i < term.count(); ++i) {
        const double x = magnitude(term, i);
        if (x == 0.0) {
            ++histogram.zeros;
        } else if (std::isfinite(x)) {
            const double bin = (std::log10(x) - lowest) * bins_of_power;
            ++histogram.counts[static_cast<std::size_t>(std::clamp(bin, 0.0, bins - 1.0))];
        }
    }
    return histogram;
}

std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
        case '&': result += "&amp;"; break;
        case '<': result += "&lt;"; break;
        case '>': result += "&gt;"; break;
        default: result += c;
        }
    }
    return result;
}

std::string text(double x, double y, const std::string& words, const char* more = "") {
    return "<text x=\"" + number(x, 6) + "\" y=\"" + number(y, 6) + "\"" + more + ">" +
           escaped(printable(words)) + "</text>\n";
}

std::string rectangle(double x, double y, double width, double height, const char* color) {
    return "<rect x=\"" + number(x, 6) + "\" y=\"" + number(y, 6) + "\" width=\"" +
           number(width, 6) + "\" height=\"" + number(height, 6) + "\" fill=\"" + color + "\"/>\n";
}

// The columns, in pixels.
constexpr double names = 10, shares = 250, share_width = 200, values = 530, bin_width = 14;
constexpr double zero_column = values + bins * bin_width + 20;
constexpr double page_width = zero_column + 90;
constexpr double row_height = 36, top = 64;

constexpr char blue[] = "#4477aa", red[] = "#cc6677";

std::string draw(const Row& row, double y) {
    const Term& term = *row.term;
    std::string name = path_of(term);
    if (name.size() > 34) {
        std::size_t start = name.size() - 31;
        while (start < name.size() && (name[start] & 0xC0) == 0x80) {
            ++start; // inside of a character of UTF-8
        }
        name = "..." + name.substr(start);
    }
    std::string svg = text(names, y + 20, name);
    svg += rectangle(shares, y + 8, share_width * row.share, 16, blue);
    svg += text(shares + share_width * row.share + 4, y + 20, number(100 * row.share, 3) + "%");
    const Histogram counts = histogram(term);
    const std::size_t most =
        std::max(counts.zeros, *std::max_element(counts.counts.begin(), counts.counts.end()));
    if (most == 0) {
        return svg;
    }
    const auto bar = [&](double x, std::size_t count, const char* color) {
        const double height = 28.0 * static_cast<double>(count) / static_cast<double>(most);
        return rectangle(x, y + 32 - height, bin_width - 1, height, color);
    };
    for (std::size_t i = 0; i < bins; ++i) {
        svg += bar(values + static_cast<double>(i) * bin_width, counts.counts[i], blue);
    }
    svg += bar(zero_column, counts.zeros, red);
    const double zeros =
        100.0 * static_cast<double>(counts.zeros) / static_cast<double>(term.count());
    return svg + text(zero_column + bin_width + 4, y + 28, number(zeros, 3) + "%");
}

} // namespace

std::string plot(const Report& report, const std::string& title) {
    std::string body;
    double y = top;
    for (const Row& row : report.rows) {
        if (row.term->status == Status::counted) {
            body += draw(row, y);
            y += row_height;
        }
    }
    std::string svg = R"(<svg xmlns="http://www.w3.org/2000/svg" width=")" + number(page_width, 6) +
                      "\" height=\"" + number(y + 24, 8) +
                      "\" font-family=\"sans-serif\" font-size=\"12\">\n" +
                      rectangle(0, 0, page_width, y + 24, "white");
    svg += text(names, 20,
                title + ": " + (report.model->complete() ? "" : "partial ") +
                    "regularization loss " + number(report.total, 6),
                R"( font-weight="bold")");
    svg += text(shares, 48, "share of the total") + text(values, 48, "weights by log10 |x|") +
           text(zero_column, 48, "exact zeros");
    for (int power = lowest; power <= highest; power += 2) {
        svg += text(values + (power - lowest) * bins_of_power * bin_width - 6, y + 16,
                    std::to_string(power));
    }
    return svg + body + "</svg>\n";
}

} // namespace program
