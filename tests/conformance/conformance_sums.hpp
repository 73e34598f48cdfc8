/// The cases of exact sums through the C++ API.
#pragma once

#include "vectors.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

/// Adds a part of exact sums; a failure leaves the sums as they were.
inline void add_part(Case& c, const std::string& part, l1l2::ExactSums& sums) {
    const l1l2::ExactSums before = sums;
    const char* const content = part.c_str() + part.find(':') + 1;
    Sums numbers;
    try {
        switch (part[0]) {
        case 's': parse_sums(content, numbers), sums += l1l2::ExactSums(numbers); break;
        case 'b': sums.add(elements<l1l2::BFloat16>(c, "bfloat16", content)); break;
        default:
            if (part[5] == '3') sums.add(elements<float>(c, "float32", content));
            if (part[5] == '6') sums.add(elements<double>(c, "float64", content));
            if (part[5] == '1') sums.add(elements<l1l2::Float16>(c, "float16", content));
        }
    } catch (const l1l2::Error&) {
        if (sums != before) throw std::logic_error("sums that fail have changed");
        throw;
    }
}

inline bool has_results(const Case& c, const l1l2::Regularizer& regularizer,
                        const l1l2::ExactSums& sums) {
    l1l2::ExactSums taken, merged = sums, added = sums;
    Sums expected;
    double penalty = 0.0, absolute = 0.0, square = 0.0;
    std::int64_t count = 0;
    const bool statuses = has_status(c, [&] { penalty = regularizer(sums); }) &&
                          has_status(c, [&] { absolute = sums.absolute(); }) &&
                          has_status(c, [&] { square = sums.square(); }) &&
                          has_status(c, [&] { count = sums.count(); }) &&
                          has_status(c, [&] { taken = l1l2::ExactSums(sums.data()); }) &&
                          has_status(c, [&] { merged += l1l2::ExactSums(); }) &&
                          has_status(c, [&] { added.add(std::vector<float>()); });
    if (!statuses || c.status != L1L2_OK) return statuses;
    parse_sums(c.output[4], expected);
    const auto right = [&](const l1l2::ExactSums& s) {
        return same(s.data(), expected, sizeof expected);
    };
    return is(penalty, c.output[0]) && is(absolute, c.output[1]) && is(square, c.output[2]) &&
           std::to_string(count) == c.output[3] && right(taken) && right(merged) && right(added);
}

/// All parts in one accumulator; each in its own, merged backwards; all numbers added up.
inline bool check_exact_sums(Case& c) {
    const l1l2::Regularizer regularizer = make(c, 1);
    char* part[max_fields];
    const std::vector<std::string> parts(part, part + split_parts(c.field[3], part));
    l1l2::ExactSums in_order, merged, added;
    const auto add_backwards = [&] {
        for (auto last = parts.rbegin(); last != parts.rend(); ++last) {
            l1l2::ExactSums one;
            add_part(c, *last, one);
            merged += one;
        }
    };
    const bool statuses = has_status(c, [&] {
        for (const auto& text : parts) {
            add_part(c, text, in_order);
        }
    });
    for (const auto& text : parts) {
        l1l2::ExactSums one;
        text[0] == 's' ? parse_sums(text.c_str() + 5, one.data()) : add_part(c, text, one);
        add_numbers(added.data(), one.data());
    }
    return statuses && has_status(c, add_backwards) && has_results(c, regularizer, added) &&
           (c.status != L1L2_OK ||
            (has_results(c, regularizer, in_order) && has_results(c, regularizer, merged)));
}
