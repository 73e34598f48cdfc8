/// What real Keras computes, writes, reads and refuses, as recorded in tests/golden/README.md.
#include "catch.hpp"
#include "config.hpp"
#include "data.hpp"
#include "decimal.hpp"
#include "regularizer.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

using l1l2::core::Config;
using l1l2::core::Dtype;
using l1l2::core::JsonStyle;
using l1l2::core::JsonText;
using l1l2::core::Regularizer;
using Json = nlohmann::json;

namespace {

constexpr const char* recordings[] = {"keras3", "tf_keras", "keras212"};

const Json& recording(const char* name) {
    static std::map<std::string, Json> files;
    Json& file = files[name];
    if (file.is_null()) {
        std::ifstream in(std::string(L1L2_GOLDEN_DIR "/") + name + ".json");
        REQUIRE(in);
        file = Json::parse(in);
    }
    return file;
}

double from_bits(const Json& hex) {
    const std::uint64_t pattern = std::stoull(hex.get<std::string>(), nullptr, 16);
    double value;
    std::memcpy(&value, &pattern, sizeof value);
    return value;
}

float from_bits32(const Json& hex) {
    const auto pattern =
        static_cast<std::uint32_t>(std::stoul(hex.get<std::string>(), nullptr, 16));
    float value;
    std::memcpy(&value, &pattern, sizeof value);
    return value;
}

template <class T>
std::vector<T> elements(const Json& array) {
    if (array.contains("formula")) {
        std::size_t n = 1;
        for (const Json& extent : array["shape"]) {
            n *= extent.get<std::size_t>();
        }
        return ramp_vector<T>(n);
    }
    std::vector<T> x;
    for (const Json& hex : array["bits"]) {
        x.push_back(static_cast<T>(sizeof(T) == 4 ? static_cast<double>(from_bits32(hex))
                                                  : from_bits(hex)));
    }
    return x;
}

/// The penalty, and whether squares overflow or underflow, where the bound does not hold.
struct Computed {
    double penalty;
    std::size_t n;
    bool overflows;
    bool underflows;
};

template <class T>
Computed compute(const Regularizer& regularizer, const Json& array) {
    const std::vector<T> x = elements<T>(array);
    const auto square_is = [&x](auto condition) {
        return std::any_of(x.begin(), x.end(), [condition](T value) {
            return condition(static_cast<double>(value) * static_cast<double>(value), value);
        });
    };
    return {penalty_of(regularizer, *l1l2::kernels::runnable_tables().table[0], core_dtype<T>,
                       x.data(), x.size()),
            x.size(), square_is([](double square, T value) {
                return std::isinf(square) && std::isfinite(value);
            }),
            square_is([](double square, T value) { return square < 0x1p-1022 && value != 0; })};
}

/// Keras 2 stores coefficients as float32, Keras 3 that of L1.
bool same_but_for_float32(double a, double b) {
    return to_bits(a) == to_bits(b) || static_cast<float>(a) == static_cast<float>(b);
}

std::optional<Regularizer> read(const std::string& json) {
    const Config config = l1l2::core::parse_config(json);
    const auto* const regularizer = std::get_if<Regularizer>(&config);
    return regularizer != nullptr ? std::optional(*regularizer) : std::nullopt;
}

} // namespace

TEST_CASE("penalties equal those of Keras", "[golden]") {
    for (const char* name : recordings) {
        std::map<std::string, Json> arrays;
        for (const Json& array : recording(name)["arrays"]) {
            arrays[array["name"]] = array;
        }
        std::size_t compared = 0;
        for (const Json& entry : recording(name)["penalties"]) {
            const double l1 = from_bits(entry["stored_l1"]);
            const double l2 = from_bits(entry["stored_l2"]);
            if (!std::isfinite(l1) || !std::isfinite(l2)) {
                continue; // Keras 2 stores 1e39 as an infinity
            }
            const Json& array = arrays.at(entry["array"]);
            const Regularizer regularizer(l1, l2);
            const Computed ours = array["dtype"] == "float32" ? compute<float>(regularizer, array)
                                                              : compute<double>(regularizer, array);
            INFO(name << ": " << entry.dump());
            const double exact = from_bits(entry["exact"]);
            const double keras = from_bits(entry["penalty"]);
            const double bound = 184 * 0x1p-53 * exact;
            if (!std::isfinite(exact)) {
                CHECK(to_bits(ours.penalty) == to_bits(exact));
            } else if (ours.overflows && l2 != 0.0) {
                CHECK(std::isinf(ours.penalty));
            } else if (ours.underflows) {
                const double underflow =
                    std::ldexp(static_cast<double>(ours.n) * (l2 + 1.0), -1074);
                CHECK(std::fabs(ours.penalty - exact) <= bound + underflow);
            } else {
                CHECK(std::fabs(ours.penalty - exact) <= bound);
            }
            if (!entry.contains("differs")) {
                ++compared;
                if (std::isfinite(keras)) {
                    CHECK(std::fabs(ours.penalty - keras) <= 1e-5 * ours.penalty);
                } else {
                    CHECK(to_bits(ours.penalty) == to_bits(keras));
                }
            }
        }
        CHECK(compared > 300);
    }
}

TEST_CASE("every text that Keras writes gives the same coefficients", "[golden]") {
    for (const char* name : recordings) {
        for (const Json& entry : recording(name)["serialized"]) {
            INFO(name << ": " << entry.dump());
            const std::optional<Regularizer> regularizer = read(entry["json"]);
            REQUIRE(regularizer);
            CHECK(to_bits(regularizer->l1()) == to_bits(std::fabs(from_bits(entry["l1"]))));
            CHECK(to_bits(regularizer->l2()) == to_bits(std::fabs(from_bits(entry["l2"]))));
        }
    }
}

TEST_CASE("JSON is written byte for byte as Keras writes it", "[golden]") {
    const std::map<std::string, JsonStyle> styles = {{"config", JsonStyle::config},
                                                     {"keras2", JsonStyle::keras2},
                                                     {"keras3", JsonStyle::keras3}};
    std::map<std::string, int> compared;
    for (const char* name : recordings) {
        for (const Json& entry : recording(name)["serialized"]) {
            const auto style = styles.find(entry["form"]);
            const double l1 = from_bits(entry["l1"]);
            const double l2 = from_bits(entry["l2"]);
            if (entry["class"] != "L1L2" || style == styles.end() || std::signbit(l1) ||
                std::signbit(l2)) {
                continue; // -0.0 is written as 0.0 here
            }
            INFO(name << ": " << entry.dump());
            const JsonText text = write_config(Regularizer(l1, l2), style->second);
            CHECK(std::string(text.data, text.length) == entry["json"].get<std::string>());
            ++compared[style->first];
        }
    }
    CHECK(compared["config"] > 30);
    CHECK(compared["keras2"] > 30);
    CHECK(compared["keras3"] > 30);
}

TEST_CASE("numbers are written as Python writes them and read back", "[golden]") {
    const Json& numbers = recording("keras3")["numbers"];
    REQUIRE(numbers.size() > 1000);
    for (const Json& number : numbers) {
        char text[l1l2::core::decimal_capacity];
        const std::string written(text, l1l2::core::write_decimal(from_bits(number[0]), text));
        CHECK(written == number[1].get<std::string>());
        CHECK(to_bits(l1l2::core::parse_decimal(written)) == to_bits(from_bits(number[0])));
    }
}

TEST_CASE("an identifier means what it means to Keras", "[golden]") {
    for (const char* name : recordings) {
        for (const Json& entry : recording(name)["identifiers"]) {
            INFO(name << ": " << entry.dump());
            const std::string identifier = entry["identifier"];
            const std::optional<Regularizer> regularizer = read(Json(identifier).dump());
            if (entry.contains("l1")) {
                REQUIRE(regularizer);
                CHECK(same_but_for_float32(regularizer->l1(), from_bits(entry["l1"])));
                CHECK(same_but_for_float32(regularizer->l2(), from_bits(entry["l2"])));
            } else if (identifier != "l1_l2" && identifier != "l1l2") {
                // Only Keras 2 knows "l1_l2", only Keras 3 "l1l2"; both are accepted.
                CHECK_FALSE(regularizer);
            }
        }
    }
}

TEST_CASE("JSON is accepted and refused as Keras does", "[golden]") {
    // Accepted here although no recorded version does: the form of Keras 1, and bare
    // configurations, which from_config of L1L2 accepts. A function's name as class_name has the
    // defaults of the class, not those of the function in Keras 2.
    const std::vector<std::string> read_here = {
        R"({"l1": 0.25, "l2": 0.5})",
        R"({"l1": 0.25})",
        R"({"l2": 0.5})",
        R"({})",
        R"({"name": "WeightRegularizer", "l1": 0.25, "l2": 0.5})",
        R"({"name": "L1L2Regularizer", "l1": 0.25, "l2": 0.5})",
        R"({"class_name": "l1_l2"})",
        R"({"class_name": "l1_l2", "config": {}})",
        R"({"class_name": "l1_l2", "config": null})",
        R"({"class_name": "l1_l2", "config": {"l1": 0.25}})",
        R"({"class_name": "l1_l2", "config": {"l1": null}})",
        R"({"module": "keras.regularizers", "class_name": "l1_l2", "config": {}, "registered_name": null})",
    };
    // Refused here although a version accepts them: negative coefficients (Keras 2), booleans as
    // numbers (all before 3.16), a config that is no object (tf_keras), and custom classes, which
    // versions before 3.16 take for their own.
    const std::vector<std::string> refused_here = {": -0.01}",
                                                   ": -1}",
                                                   ": true}",
                                                   ": false}",
                                                   R"("config": [])",
                                                   R"("config": "")",
                                                   R"("config": 0})",
                                                   R"("config": false})",
                                                   R"("module": null)",
                                                   R"("module": 3)",
                                                   R"("module": "")",
                                                   R"("module": [])",
                                                   R"("module": "nowhere")",
                                                   R"("registered_name": "Custom>L1L2")"};
    std::map<std::string, std::vector<Json>> outcomes;
    for (const char* name : {"keras316", "keras3", "tf_keras", "keras212"}) {
        for (const Json& entry : recording(name)["reads"]) {
            outcomes[entry["json"]].push_back(entry);
            if (entry.contains("deserialize")) {
                outcomes[entry["json"]].push_back(entry["deserialize"]);
            }
        }
    }
    REQUIRE(outcomes.size() > 200);
    for (const auto& outcome : outcomes) {
        const std::string& json = outcome.first;
        const std::vector<Json>& entries = outcome.second;
        INFO(json);
        const auto reads = [](const Json& entry) { return entry.contains("l1"); };
        const bool keras_reads = std::any_of(entries.begin(), entries.end(), reads);
        const std::optional<Regularizer> regularizer = read(json);
        if (!regularizer) {
            const bool expected =
                !keras_reads ||
                std::any_of(refused_here.begin(), refused_here.end(), [&](const std::string& part) {
                    return json.find(part) != std::string::npos;
                });
            CHECK(expected);
        } else if (std::find(read_here.begin(), read_here.end(), json) == read_here.end()) {
            const bool as_a_version =
                std::any_of(entries.begin(), entries.end(), [&](const Json& e) {
                    return e.contains("l1") &&
                           same_but_for_float32(regularizer->l1(), from_bits(e["l1"])) &&
                           same_but_for_float32(regularizer->l2(), from_bits(e["l2"]));
                });
            CHECK(as_a_version);
        }
    }
}

TEST_CASE("a class is a custom one where Keras 3.16 no longer takes it for its own", "[golden]") {
    std::size_t refused = 0;
    for (const Json& entry : recording("keras316")["reads"]) {
        const std::string json = entry["json"];
        // What it does not import any more, other versions have written.
        const bool is_of_keras = json.find(R"("module": "keras.)") != std::string::npos &&
                                 json.find('>') == std::string::npos;
        if (json.find("\"module\"") == std::string::npos || is_of_keras) {
            continue;
        }
        INFO(json);
        CHECK(read(json).has_value() == entry.contains("l1"));
        refused += entry.contains("error") ? 1 : 0;
    }
    CHECK(refused >= 7);
}

TEST_CASE("a number is accepted as a coefficient where Keras 3 accepts it", "[golden]") {
    std::size_t compared = 0;
    for (const Json& entry : recording("keras3")["coefficients"]) {
        if (entry["class"] != "L1L2") {
            continue; // L1 and L2 round to float32 before they check
        }
        const std::string literal = entry.contains("l1") ? entry["l1"] : entry["l2"];
        char* end = nullptr;
        const double value = std::strtod(literal.c_str(), &end);
        if (literal.empty() || *end != '\0') {
            continue; // no C caller can pass a string, a list or None
        }
        INFO(entry.dump());
        ++compared;
        CHECK(Regularizer::valid_coefficient(value) == !entry.contains("error"));
    }
    CHECK(compared >= 20);
}
