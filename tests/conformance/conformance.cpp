/// Each case of the file L1L2_VECTORS through the C++ API, to the bit, on four threads at once.
#include "vectors.h"

#include "catch.hpp"

#include <l1l2.hpp>

#include <array>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

using l1l2::ExactSums;
using l1l2::Regularizer;

/// Whether the call throws the case's status or, if that is 0, returns.
template <class Call>
bool has_status(const Case& c, Call&& call) {
    try {
        call();
        return c.status == L1L2_OK;
    } catch (const l1l2::Error& error) {
        return error.status() == c.status && std::string(error.what()) != "";
    }
}

bool has_config(const Regularizer& regularizer, const Case& c) {
    return is(regularizer.l1(), c.output[0]) && is(regularizer.l2(), c.output[1]);
}

Regularizer make(const Case& c, int field) {
    return Regularizer(number(c.field[field]), number(c.field[field + 1]));
}

template <class T>
std::vector<T> elements(Case& c, const char* dtype, const char* text) {
    const Array a = array(&c, dtype, text);
    const T* const data = static_cast<const T*>(a.data);
    return {data, data + a.n};
}

template <class T>
bool equal(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && same(a.data(), b.data(), a.size() * sizeof(T));
}

template <class T>
bool check_arrays(Case& c) {
    const std::string operation = c.field[0];
    const bool ok = c.status == L1L2_OK;
    const Regularizer regularizer = make(c, 2);
    const auto values = [&](const char* text) { return elements<T>(c, c.field[1], text); };
    if (operation == "penalty") {
        return is(regularizer(values(c.field[4])), c.output[0]);
    }
    const double factor = number(c.field[4]);
    auto x = values(c.field[5]);
    if (operation == "prox") {
        const auto filled = std::vector<T>(x.size(), T{});
        auto out = filled;
        const auto in_place = ok ? values(c.output[0]) : x;
        return has_status(c, [&] { regularizer.prox(x, factor, out); }) &&
               equal(out, ok ? in_place : filled) &&
               has_status(c, [&] { regularizer.prox(x, factor); }) && equal(x, in_place);
    }
    auto gradient = values(c.field[6]);
    auto alone = gradient;
    const auto after = ok ? values(c.output[0]) : gradient;
    double penalty = 0.0;
    return has_status(
               c, [&] { penalty = regularizer.penalty_and_add_gradient(x, gradient, factor); }) &&
           has_status(c, [&] { regularizer.add_gradient(x, alone, factor); }) &&
           (!ok || is(penalty, c.output[1])) && equal(gradient, after) && equal(alone, after);
}

/// Adds a part of exact sums; a failure leaves the sums as they were.
void add_part(Case& c, const std::string& part, ExactSums& sums) {
    const ExactSums before = sums;
    const char* const content = part.c_str() + part.find(':') + 1;
    Sums numbers;
    try {
        switch (part[0]) {
        case 's': parse_sums(content, numbers), sums += ExactSums(numbers); break;
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

bool has_results(const Case& c, const Regularizer& regularizer, const ExactSums& sums) {
    ExactSums taken, merged = sums, added = sums;
    Sums expected;
    double penalty = 0.0, absolute = 0.0, square = 0.0;
    std::int64_t count = 0;
    const bool statuses = has_status(c, [&] { penalty = regularizer(sums); }) &&
                          has_status(c, [&] { absolute = sums.absolute(); }) &&
                          has_status(c, [&] { square = sums.square(); }) &&
                          has_status(c, [&] { count = sums.count(); }) &&
                          has_status(c, [&] { taken = ExactSums(sums.data()); }) &&
                          has_status(c, [&] { merged += ExactSums(); }) &&
                          has_status(c, [&] { added.add(std::vector<float>()); });
    if (!statuses || c.status != L1L2_OK) return statuses;
    parse_sums(c.output[4], expected);
    const auto right = [&](const ExactSums& s) {
        return same(s.data(), expected, sizeof expected);
    };
    return is(penalty, c.output[0]) && is(absolute, c.output[1]) && is(square, c.output[2]) &&
           std::to_string(count) == c.output[3] && right(taken) && right(merged) && right(added);
}

/// All parts in one accumulator; each in its own, merged backwards; all numbers added up.
bool check_exact_sums(Case& c) {
    const Regularizer regularizer = make(c, 1);
    char* part[max_fields];
    const std::vector<std::string> parts(part, part + split_parts(c.field[3], part));
    ExactSums in_order, merged, added;
    const auto add_backwards = [&] {
        for (auto last = parts.rbegin(); last != parts.rend(); ++last) {
            ExactSums one;
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
        ExactSums one;
        text[0] == 's' ? parse_sums(text.c_str() + 5, one.data()) : add_part(c, text, one);
        add_numbers(added.data(), one.data());
    }
    return statuses && has_status(c, add_backwards) && has_results(c, regularizer, added) &&
           (c.status != L1L2_OK ||
            (has_results(c, regularizer, in_order) && has_results(c, regularizer, merged)));
}

bool check(Case& c) {
    const std::string operation = c.field[0];
    const std::string dtype = c.field[1];
    Regularizer made;
    if (operation == "create") {
        return has_status(c, [&] { made = make(c, 1); }) &&
               (c.status != L1L2_OK || has_config(made, c));
    }
    if (operation == "from_json" || operation == "to_json") {
        std::string text(line_size, '\0');
        text.resize(parse_text(operation == "to_json" ? c.output[0] : c.field[1], text.data()));
        if (operation == "to_json") {
            return make(c, 2).to_json(static_cast<l1l2::JsonStyle>(std::stoi(dtype))) == text;
        }
        return has_status(c, [&] { made = Regularizer::from_json(text); }) &&
               (c.status != L1L2_OK || has_config(made, c));
    }
    return operation == "exact_sums" ? check_exact_sums(c)
           : dtype == "float32"      ? check_arrays<float>(c)
           : dtype == "float64"      ? check_arrays<double>(c)
           : dtype == "float16"      ? check_arrays<l1l2::Float16>(c)
                                     : check_arrays<l1l2::BFloat16>(c);
}

/// The lines that differ, and the number of cases.
std::pair<std::set<long>, long> check_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "r"),
                                                               std::fclose);
    const auto c = std::make_unique<Case>();
    std::set<long> differ;
    long cases = 0;
    for (long line = 0; file && next_case(file.get(), c.get(), &line); ++cases) {
        if (!check(*c)) differ.insert(line);
    }
    return {differ, cases};
}

} // namespace

TEST_CASE("every vector through the C++ API, on four threads at once") {
    const char* const vectors = std::getenv("L1L2_VECTORS");
    REQUIRE(vectors != nullptr);
    const std::string path = vectors;
    std::array<std::future<std::pair<std::set<long>, long>>, 4> threads;
    for (auto& thread : threads) {
        thread = std::async(std::launch::async, check_file, std::cref(path));
    }
    for (auto& thread : threads) {
        const auto [differ, cases] = thread.get();
        for (const long line : differ) {
            std::cerr << path << ':' << line << " differs\n";
        }
        CHECK(differ.empty());
        CHECK(cases > 0);
    }
}
