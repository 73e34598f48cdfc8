/// Each case of the file L1L2_VECTORS through the C++ API, to the bit, on four threads at once.
#include "catch.hpp"
#include "conformance_sums.hpp"
#include "vectors.hpp"

#include <array>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

using l1l2::Regularizer;

bool has_config(const Regularizer& regularizer, const Case& c) {
    return is(regularizer.l1(), c.output[0]) && is(regularizer.l2(), c.output[1]);
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
