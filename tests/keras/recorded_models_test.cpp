/// Every recorded model has the rows and the total that Keras has, or says that it has not all.
#include "catch.hpp"

#include <l1l2_keras.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace {

using l1l2::keras::Model;
using l1l2::keras::Status;
using l1l2::keras::Term;
using nlohmann::json;
namespace fs = std::filesystem;

const fs::path models = L1L2_KERAS_MODELS;
const char* const writers[] = {"keras3",   "keras33",  "tf_keras", "keras212",
                               "keras224", "keras122", "tfjs"};

json expected(const std::string& writer) {
    std::ifstream file(models / writer / "expected.json");
    REQUIRE(file);
    return json::parse(file);
}

Model load(const std::string& writer, const json& entry) {
    const fs::path folder = models / writer;
    const fs::path weights = entry.at("weights").is_null()
                                 ? fs::path()
                                 : folder / entry.at("weights").get<std::string>();
    return l1l2::keras::load(folder / entry.at("file").get<std::string>(), weights);
}

double from_hex(const json& hex) {
    const std::uint64_t bits = std::stoull(hex.get<std::string>(), nullptr, 16);
    double value = 0.0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/// What this library knows of a row that has a variable: a text that can be compared.
std::string row_text(const std::string& variable, const std::string& status,
                     const std::vector<std::size_t>& shape, const std::string& dtype,
                     double penalty) {
    std::string text = variable + " " + status + " " + dtype;
    for (const std::size_t extent : shape) {
        text += " " + std::to_string(extent);
    }
    char digits[32];
    std::snprintf(digits, sizeof digits, " %.17g", penalty);
    return text + digits;
}

std::string dtype_name(l1l2_dtype dtype) {
    return dtype == L1L2_FLOAT16    ? "float16"
           : dtype == L1L2_BFLOAT16 ? "bfloat16"
           : dtype == L1L2_FLOAT64  ? "float64"
                                    : "float32";
}

std::vector<std::string> our_rows(const Model& model) {
    std::vector<std::string> rows;
    for (const Term& term : model.terms) {
        if (term.status == Status::counted || term.status == Status::frozen ||
            term.status == Status::not_l1l2) {
            rows.push_back(row_text(term.variable, l1l2::keras::status_name(term.status),
                                    term.shape, dtype_name(term.dtype),
                                    l1l2::keras::penalty(term)));
        }
    }
    return rows;
}

std::vector<std::string> their_rows(const json& entry) {
    std::vector<std::string> rows;
    for (const json& row : entry.at("rows")) {
        const std::string status = row.at("status");
        if (status == "counted" || status == "frozen" || status == "not_l1l2") {
            rows.push_back(row_text(row.at("variable"), status == "not_l1l2" ? "not L1L2" : status,
                                    row.at("shape").get<std::vector<std::size_t>>(),
                                    row.at("dtype"),
                                    row.contains("exact") ? from_hex(row["exact"]) : 0.0));
        }
    }
    return rows;
}

/// The kinds of rows that have no elements; how many there are of one kind is not compared, as
/// Keras keeps copies of such a regularizer.
std::set<std::string> our_remarks(const Model& model) {
    std::set<std::string> remarks;
    for (const Term& term : model.terms) {
        if (term.status == Status::activity) {
            remarks.insert("activity");
        } else if (term.status == Status::no_variable) {
            remarks.insert("no_variable " + term.variable);
        } else if (term.status == Status::unknown) {
            remarks.insert("not_in_file");
        }
    }
    return remarks;
}

std::set<std::string> their_remarks(const json& entry) {
    std::set<std::string> remarks;
    for (const json& row : entry.at("rows")) {
        const std::string status = row.at("status");
        if (status == "no_variable") {
            remarks.insert("no_variable " + row.at("variable").get<std::string>());
        } else if (status == "activity" || status == "not_in_file") {
            remarks.insert(status);
        }
    }
    return remarks;
}

/// Models whose total is partial here although Keras knows all of it: the coefficient is negative,
/// or only the program's own class says which variable it regularizes.
bool is_partial_here(const std::string& writer, const std::string& file) {
    const std::string name = file.substr(0, file.find('.'));
    return name == "negative_coefficient" || name == "custom_layer" ||
           (name == "subclassed" && writer == "tf_keras");
}

/// Models that are refused although Keras reads them: quantized ones of TensorFlow.js.
bool is_refused_here(const std::string& file) {
    return file == "dense_float16/model.json" || file == "dense_uint8/model.json";
}

/// Keras's own sum is of roundings in the variables' type.
bool agrees_with_keras(double total, double keras, const Model& model) {
    const bool narrow = std::any_of(model.terms.begin(), model.terms.end(), [](const Term& term) {
        return term.dtype == L1L2_FLOAT16 || term.dtype == L1L2_BFLOAT16;
    });
    return std::fabs(total - keras) <= (narrow ? 0.05 : 2e-6) * std::fabs(keras);
}

/// Keras's objects also name the cell that a layer hides, and what else the file does not have.
void check_names(const Model& model, const json& entry) {
    for (const Term& term : model.terms) {
        if (term.status != Status::counted && term.status != Status::frozen) {
            continue;
        }
        const json& rows = entry.at("rows");
        INFO(term.layer << " " << term.variable << " " << term.class_name);
        CHECK(std::any_of(rows.begin(), rows.end(), [&](const json& row) {
            const std::string layer = row.at("layer");
            return row.at("variable") == term.variable &&
                   (layer == term.layer || layer.rfind(term.layer + "/", 0) == 0);
        }));
    }
}

void check_entry(const std::string& writer, const json& entry) {
    const std::string file = entry.at("file");
    INFO(writer << "/" << file << ": " << entry.at("feature").get<std::string>());
    if (is_refused_here(file)) {
        CHECK_THROWS_AS(load(writer, entry), l1l2::keras::LoadError);
        return;
    }
    const Model model = load(writer, entry);
    if (is_partial_here(writer, file)) {
        CHECK_FALSE(model.complete());
        return;
    }
    CHECK(model.complete() == entry.at("complete").get<bool>());
    std::vector<std::string> ours = our_rows(model), theirs = their_rows(entry);
    if (file.rfind("subclassed", 0) == 0) { // whose order is in the program
        std::sort(ours.begin(), ours.end());
        std::sort(theirs.begin(), theirs.end());
    }
    CHECK(ours == theirs);
    CHECK(our_remarks(model) == their_remarks(entry));
    check_names(model, entry);
    const double total = l1l2::keras::total(model);
    const double exact = from_hex(entry.at("exact_total"));
    CHECK(std::fabs(total - exact) <= 4e-16 * exact);
    if (!entry.contains("described") && model.complete()) {
        CHECK(agrees_with_keras(total, entry.at("keras_total"), model));
    }
}

} // namespace

TEST_CASE("every recorded model has Keras's rows and Keras's total") {
    std::size_t checked = 0;
    for (const std::string writer : writers) {
        const json recorded = expected(writer);
        for (const json& entry : recorded.at("models")) {
            if (!entry.contains("refused")) {
                check_entry(writer, entry);
                ++checked;
            }
        }
    }
    CHECK(checked >= 400);
}

TEST_CASE("a recorded model whose file does not say what Keras computes is never complete") {
    for (const std::string writer : writers) {
        const json recorded = expected(writer);
        for (const json& entry : recorded.at("models")) {
            if (entry.contains("refused")) {
                INFO(writer << "/" << entry.at("file"));
                try {
                    const Model model = load(writer, entry);
                    CHECK_FALSE(model.complete());
                } catch (const l1l2::keras::LoadError& error) {
                    CHECK(std::string(error.what()).size() > 20);
                }
            }
        }
    }
}

TEST_CASE("a model file says which Keras wrote it") {
    const auto writer_of = [](const char* path) { return l1l2::keras::load(models / path).writer; };
    CHECK(writer_of("keras3/dense.keras") == "Keras 3.15.1");
    CHECK(writer_of("keras33/dense.keras") == "Keras 3.3.3");
    CHECK(writer_of("tf_keras/dense.h5") == "Keras or tf_keras 2.21.0");
    CHECK(writer_of("keras212/dense.h5") == "Keras or tf_keras 2.12.0");
    CHECK(writer_of("keras122/keras1_dense.h5") == "Keras 1.2.2");
    CHECK(writer_of("tfjs/dense/model.json") == "Keras or tf_keras 2.19.0");
}

TEST_CASE("a model in memory is read like its file") {
    for (const char* name :
         {"keras3/dense.keras", "keras3/dense_stored.keras", "tf_keras/dense.h5"}) {
        std::ifstream file(models / name, std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        const Model model = l1l2::keras::load(bytes.data(), bytes.size());
        CHECK(our_rows(model) == our_rows(l1l2::keras::load(models / name)));
    }
}

TEST_CASE("several threads may load at once") {
    const auto rows = our_rows(l1l2::keras::load(models / "tf_keras/dense.h5"));
    std::array<bool, 4> same = {};
    std::vector<std::thread> threads;
    for (bool& one : same) {
        threads.emplace_back([&] {
            one = true;
            for (int i = 0; i < 20; ++i) {
                one = one && our_rows(l1l2::keras::load(models / "tf_keras/dense.h5")) == rows;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(std::all_of(same.begin(), same.end(), [](bool one) { return one; }));
}

TEST_CASE("the counted terms give the total and gradients") {
    const Model model = l1l2::keras::load(models / "keras3/frozen_layer.keras");
    std::vector<l1l2_term> terms = l1l2::keras::counted_terms(model);
    REQUIRE(terms.size() == 2); // of three, one is frozen
    CHECK(l1l2::penalty_terms(terms) == Approx(l1l2::keras::total(model)).epsilon(1e-14));
    std::vector<float> gradient(terms[1].n);
    terms[1].gradient = gradient.data();
    l1l2::add_gradient_terms(terms);
    float weight = 0.0F;
    std::memcpy(&weight, terms[1].x, sizeof weight);
    CHECK(gradient[0] == Approx(2 * 0.03 * weight));
}
