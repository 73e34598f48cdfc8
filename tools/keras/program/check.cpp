// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace program {

using l1l2::keras::Status;

double relative_difference(double penalty, double keras) {
    return penalty == keras ? 0.0 : std::fabs(penalty / keras - 1.0);
}

void read_losses(const std::string& path, Report& report) {
    std::ifstream file(path);
    if (!file) {
        throw l1l2::keras::LoadError(path + ": cannot be opened");
    }
    try {
        const nlohmann::json losses = nlohmann::json::parse(file);
        report.compared = true;
        report.keras_total = losses.at("total").get<double>();
        for (const nlohmann::json& loss : losses.at("regularized")) {
            const auto found =
                std::find_if(report.rows.begin(), report.rows.end(), [&](const Row& row) {
                    return row.term->layer == loss.at("layer") &&
                           row.term->variable == loss.at("variable");
                });
            if (found == report.rows.end()) {
                throw l1l2::keras::LoadError(path + ": has a penalty of " +
                                             loss.at("layer").get<std::string>() + "/" +
                                             loss.at("variable").get<std::string>() +
                                             ", which the model does not regularize");
            }
            found->keras = loss.at("penalty").get<double>();
        }
    } catch (const nlohmann::json::exception&) {
        throw l1l2::keras::LoadError(path + ": is no JSON with a total and a list regularized");
    }
}

bool agrees(const Report& report) {
    constexpr double agreement = 1e-6;
    const auto close = [](double penalty, const std::optional<double>& keras) {
        return keras && relative_difference(penalty, *keras) <= agreement;
    };
    return close(report.total, report.keras_total) &&
           std::all_of(report.rows.begin(), report.rows.end(), [&](const Row& row) {
               return row.term->status != Status::counted || close(row.penalty, row.keras);
           });
}

} // namespace program
