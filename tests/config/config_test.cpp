/// JSON in and out, beyond what Keras itself writes (tests/golden/golden_test.cpp).
#include "catch.hpp"
#include "config.hpp"
#include "data.hpp"
#include "l1l2.h"

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include <locale.h>

using l1l2::core::ConfigError;
using l1l2::core::JsonStyle;
using l1l2::core::JsonText;
using l1l2::core::max_json_length;
using l1l2::core::parse_config;
using l1l2::core::Regularizer;
using Fault = l1l2::core::ConfigError::Fault;

namespace {

struct Coefficients {
    double l1;
    double l2;
    bool operator==(const Coefficients& other) const {
        return to_bits(l1) == to_bits(other.l1) && to_bits(l2) == to_bits(other.l2);
    }
};

std::ostream& operator<<(std::ostream& out, const Coefficients& c) {
    return out << "{" << c.l1 << ", " << c.l2 << "}";
}

Coefficients read(std::string_view json) {
    const auto regularizer = std::get<Regularizer>(parse_config(json));
    return {regularizer.l1(), regularizer.l2()};
}

ConfigError failure(std::string_view json) {
    INFO(json);
    return std::get<ConfigError>(parse_config(json));
}

void check_fault(std::string_view json, Fault fault, std::string_view part_of_message) {
    const ConfigError found = failure(json);
    INFO(json << " -> " << found.message);
    CHECK(found.fault == fault);
    CHECK(found.message.find(part_of_message) != std::string::npos);
    // As l1l2.h has it: ASCII, and 256 bytes are enough with the NUL.
    CHECK(found.message.size() < 256);
    CHECK(std::all_of(found.message.begin(), found.message.end(),
                      [](char c) { return c >= ' ' && c <= '~'; }));
}

std::string written(double l1, double l2, JsonStyle style) {
    const JsonText text = write_config({l1, l2}, style);
    return {text.data, text.length};
}

/// What the C functions say, in the bits of their numbers, and whether the thread's own locale is
/// none afterwards.
std::vector<std::string> results_of_c() {
    const std::string json = R"({"l1": 0.015625, "l2": 1234567.5e-3})";
    const double x[] = {0.5, -1.25, 3.0};
    double gradient[] = {0.1, 0.2, 0.3};
    double out[3];
    double penalty = 0.0;
    std::vector<std::string> results;
    l1l2_regularizer* regularizer = nullptr;
    char text[256];
    std::size_t length = 0;
    results.push_back(
        std::to_string(l1l2_from_json(json.data(), json.size(), &regularizer, text, sizeof text)));
    l1l2_to_json(regularizer, L1L2_JSON_KERAS3, text, sizeof text, &length);
    results.emplace_back(text, length);
    l1l2_penalty(regularizer, L1L2_FLOAT64, x, 3, &penalty);
    l1l2_add_gradient(regularizer, L1L2_FLOAT64, x, 3, 0.7, gradient, nullptr);
    l1l2_prox(regularizer, L1L2_FLOAT64, x, 3, 0.7, out);
    l1l2_destroy(regularizer);
    for (const double number :
         {penalty, gradient[0], gradient[1], gradient[2], out[0], out[1], out[2]}) {
        results.push_back(std::to_string(to_bits(number)));
    }
    l1l2_from_json("{\"l1\": 1.5.", 11, &regularizer, text, sizeof text);
    results.emplace_back(text);
    results.emplace_back(l1l2_status_string(L1L2_ERROR_OVERLAP));
    const bool none = uselocale(nullptr) == LC_GLOBAL_LOCALE;
    results.emplace_back(none ? "the process's locale" : "a locale of the thread's own");
    return results;
}

} // namespace

TEST_CASE("the bare configuration is read", "[config]") {
    CHECK(read(R"({"l1": 0.01, "l2": 0.02})") == Coefficients{0.01, 0.02});
    CHECK(read(R"({"l2": 0.02})") == Coefficients{0.0, 0.02});
    CHECK(read("{}") == Coefficients{0.0, 0.0});
    CHECK(read(R"({"l1": null, "l2": 1})") == Coefficients{0.0, 1.0});
    CHECK(read(" \t\r\n{\"l1\":-0.0,\"l2\":-0}\n") == Coefficients{0.0, 0.0});
    CHECK(read(R"({"l1": 18446744073709551616, "l2": 9007199254740993})") ==
          Coefficients{18446744073709551616.0, 9007199254740992.0});
    CHECK(read(R"({"l1": 1e-400, "l2": 0.009999999776482582})") ==
          Coefficients{0.0, 0.009999999776482582});
}

TEST_CASE("the class form is read, with the defaults of its class", "[config]") {
    for (const char* name : {"L1L2", "l1_l2", "l1l2"}) {
        const std::string head = R"({"class_name": ")" + std::string(name) + "\"";
        CHECK(read(head + R"(, "config": {"l1": 1.0, "l2": 2.0}})") == Coefficients{1.0, 2.0});
        CHECK(read(head + R"(, "config": {"l1": 1.0}})") == Coefficients{1.0, 0.0});
        CHECK(read(head + R"(, "config": {}})") == Coefficients{0.0, 0.0});
        CHECK(read(head + R"(, "config": null})") == Coefficients{0.0, 0.0});
        CHECK(read(head + "}") == Coefficients{0.0, 0.0});
    }
    for (const char* name : {"L1", "l1"}) {
        const std::string head = R"({"class_name": ")" + std::string(name) + "\"";
        CHECK(read(head + R"(, "config": {"l1": 1.0}})") == Coefficients{1.0, 0.0});
        CHECK(read(head + R"(, "config": {"l": 3.0}})") == Coefficients{3.0, 0.0});
        CHECK(read(head + R"(, "config": {"l1": 1.0, "l": 3.0}})") == Coefficients{3.0, 0.0});
        CHECK(read(head + R"(, "config": {"l1": -1.0, "l": 3.0}})") == Coefficients{3.0, 0.0});
        CHECK(read(head + R"(, "config": {"l1": 1.0, "l": null}})") == Coefficients{0.01, 0.0});
        CHECK(read(head + R"(, "config": {"l1": null}})") == Coefficients{0.01, 0.0});
        CHECK(read(head + "}") == Coefficients{0.01, 0.0});
    }
    for (const char* name : {"L2", "l2"}) {
        const std::string head = R"({"class_name": ")" + std::string(name) + "\"";
        CHECK(read(head + R"(, "config": {"l2": 1.0}})") == Coefficients{0.0, 1.0});
        CHECK(read(head + R"(, "config": {"l": 3.0}})") == Coefficients{0.0, 3.0});
        CHECK(read(head + R"(, "config": {"l2": 1.0, "l": 3.0}})") == Coefficients{0.0, 3.0});
        CHECK(read(head + R"(, "config": {}})") == Coefficients{0.0, 0.01});
    }
}

TEST_CASE("what else stands beside class_name and config says nothing", "[config]") {
    CHECK(read(R"({"module": "keras.regularizers", "class_name": "L1L2",
                   "config": {"l1": 1.0, "l2": 2.0}, "registered_name": null})") ==
          Coefficients{1.0, 2.0});
    CHECK(read(R"({"registered_name": [{"a": {}}], "shared_object_id": {"x": [1]},
                   "config": {"l2": 2.0}, "class_name": "L1L2"})") == Coefficients{0.0, 2.0});
    CHECK(read(R"({"class_name": "L1L2", "config": {"l1": 1.0}, "l1": -5, "foo": "bar",
                   "build_config": {"input_shape": [1, 2]}, "name": 7})") ==
          Coefficients{1.0, 0.0});
}

TEST_CASE("a class of another module is a custom one, whatever its name", "[config]") {
    const auto of = [](const std::string& beside) {
        return R"({"class_name": "L2", "config": {"l2": 2.0}, )" + beside + "}";
    };
    for (const char* module :
         {"keras.regularizers", "keras", "keras.src.regularizers.regularizers", "builtins",
          "tf_keras", "tf_keras.src.regularizers", "keras_core", "keras_core.regularizers",
          "tensorflow.keras", "tensorflow.keras.regularizers", "tensorflow.python.keras",
          "tensorflow.python.keras.regularizers"}) {
        const std::string key = R"("module": ")" + std::string(module) + "\"";
        CHECK(read(of(key)) == Coefficients{0.0, 2.0});
        CHECK(read(of(key + R"(, "registered_name": "L2")")) == Coefficients{0.0, 2.0});
        check_fault(of(key + R"(, "registered_name": "my>L2")"), Fault::unknown_config,
                    R"(class "my>L2")");
    }
    for (const char* module : {"my.losses", "keras_nlp.layers", "my.keras.regularizers", "KERAS",
                               "kera", "tensorflow", "tensorflow.kerasx"}) {
        check_fault(of(R"("module": ")" + std::string(module) + "\""), Fault::unknown_config,
                    R"(class "L2" of module ")" + std::string(module) + "\"");
    }
    for (const char* none : {"null", "\"\"", "7", "true", "[]", "{}"}) {
        check_fault(of(R"("module": )" + std::string(none)), Fault::unknown_config,
                    R"(class "L2" of no module)");
    }
    // Without a module, as Keras wrote before 2.13, the name alone says it.
    CHECK(read(of(R"("registered_name": "my>L2")")) == Coefficients{0.0, 2.0});
    check_fault(R"({"class_name": "my>L2", "config": {"l2": 2.0}})", Fault::unknown_config,
                R"(class "my>L2")");
    // The last of a repeated key counts here too, and only beside "class_name".
    CHECK(read(of(R"("module": null, "module": "keras")")) == Coefficients{0.0, 2.0});
    CHECK(read(of(R"("x": {"module": null}, "y": [{"registered_name": "a>b"}])")) ==
          Coefficients{0.0, 2.0});
    // The class is told before its coefficients, as that of another name is.
    check_fault(R"({"module": null, "class_name": "L1", "config": {"l1": -1}})",
                Fault::unknown_config, "no module");
    const std::string quotes(600, '\'');
    check_fault(of(R"("module": ")" + quotes + "\""), Fault::unknown_config, "'...\"");
    check_fault(of(R"("module": "keras", "registered_name": ">)" + quotes + "\""),
                Fault::unknown_config, "'...\"");
}

TEST_CASE("only the members of the configuration itself are read", "[config]") {
    CHECK(read(R"({"class_name": "L2", "config": {"l2": 2.0}, "build_config": {"l2": 3.0},
                   "x": [{"config": {"l2": 4.0}}], "y": {"config": {"l2": 5.0}}})") ==
          Coefficients{0.0, 2.0});
    check_fault(R"({"class_name": "L2", "config": {"l2": {"l2": 2.0}}})",
                Fault::invalid_coefficient, "\"l2\" is not a number");
    check_fault(R"({"class_name": "L2", "config": {"l2": [2.0]}})", Fault::invalid_coefficient,
                "\"l2\" is not a number");
}

TEST_CASE("the form of Keras 1 is read", "[config]") {
    CHECK(read(R"({"name": "WeightRegularizer", "l1": 0.0, "l2": 0.0005})") ==
          Coefficients{0.0, 0.0005});
    CHECK(read(R"({"l1": 0.5, "name": "L1L2Regularizer"})") == Coefficients{0.5, 0.0});
    check_fault(R"({"name": "EigenvalueRegularizer", "k": 1})", Fault::unknown_config,
                "EigenvalueRegularizer");
    check_fault(R"({"name": 1})", Fault::unknown_config, "name");
    check_fault(R"({"name": "WeightRegularizer", "l": 1})", Fault::unknown_config, "\"l\"");
    CHECK(read(R"({"name": "WeightRegularizer"})") == Coefficients{0.0, 0.0});
}

TEST_CASE("an identifier is read", "[config]") {
    CHECK(read(R"("l1")") == Coefficients{0.01, 0.0});
    CHECK(read(R"("L1")") == Coefficients{0.01, 0.0});
    CHECK(read(R"("l2")") == Coefficients{0.0, 0.01});
    CHECK(read(R"("L2")") == Coefficients{0.0, 0.01});
    CHECK(read(R"("l1_l2")") == Coefficients{0.01, 0.01});
    CHECK(read(R"("l1l2")") == Coefficients{0.0, 0.0});
    CHECK(read(R"("L1L2")") == Coefficients{0.0, 0.0});
    CHECK(read(R"("\u006c1")") == Coefficients{0.01, 0.0});
    check_fault(R"("l3")", Fault::unknown_config, "\"l3\"");
    check_fault(R"("")", Fault::unknown_config, "\"\"");
    check_fault(R"("l1 ")", Fault::unknown_config, "\"l1 \"");
}

TEST_CASE("of a key that is given twice the last counts", "[config]") {
    CHECK(read(R"({"l1": 1, "l1": 2})") == Coefficients{2.0, 0.0});
    CHECK(read(R"({"l1": "no", "l1": 2})") == Coefficients{2.0, 0.0});
    CHECK(read(R"({"class_name": "L1L2", "config": {"l1": 1, "l2": 1}, "config": {"l1": 3}})") ==
          Coefficients{3.0, 0.0});
    CHECK(read(R"({"class_name": "Other", "class_name": "L1L2"})") == Coefficients{0.0, 0.0});
    check_fault(R"({"l1": 1, "l1": -2})", Fault::invalid_coefficient, "\"l1\"");
}

TEST_CASE("a bad coefficient is reported with its key", "[config]") {
    for (const char* value : {"-1", "-1e-300", "true", "\"0.1\"", "[1]", "{}"}) {
        check_fault(R"({"l1": 0.1, "l2": )" + std::string(value) + "}", Fault::invalid_coefficient,
                    "\"l2\"");
        check_fault(R"({"class_name": "L1", "config": {"l1": )" + std::string(value) + "}}",
                    Fault::invalid_coefficient, "\"l1\"");
        check_fault(R"({"class_name": "L2", "config": {"l": )" + std::string(value) + "}}",
                    Fault::invalid_coefficient, "\"l\"");
    }
    check_fault(R"({"l1": 1e400})", Fault::invalid_coefficient, "\"l1\" must be finite");
    check_fault(R"({"l2": 1)" + std::string(400, '0') + "}", Fault::invalid_coefficient,
                "\"l2\" must be finite");
}

TEST_CASE("a number beyond double is refused wherever it stands, by the key before it",
          "[config]") {
    const auto refused = [](std::string_view json, std::string_view key) {
        check_fault(json, Fault::invalid_coefficient, std::string(key) + " must be finite");
    };
    refused(R"({"l1": 1.5e999, "l1": 0.1})", "\"l1\"");
    refused(R"({"class_name": "L1L2", "shared_object_id": -1.5e999})", "\"shared_object_id\"");
    refused(R"({"class_name": "L1L2", "a\"": [1e999]})", R"("a\"")");
    refused(R"({"class_name": "Orthogonal", "config": {"factor": 1e400}})", "\"factor\"");
    refused("1e999", "a number");
    refused("[1.5e999]", "a number");
    refused(R"({"class_name": 1e999})", "\"class_name\"");
    refused(R"({"l1": 1e999)", "\"l1\"");
    // What is no number is malformed all the same.
    check_fault(R"({1e999: 1})", Fault::malformed_json, R"(byte 5, where "1e999" ends)");
    for (const char* almost : {"[01e999]", "[1.e999]", "[+1e999]", "[-]", "[.1e999]"}) {
        check_fault(almost, Fault::malformed_json, "byte");
    }
    // What looks like one in a string is none.
    check_fault(R"("1e999")", Fault::unknown_config, "\"1e999\"");
    check_fault(R"("\"1e999")", Fault::unknown_config, "1e999");
}

TEST_CASE("a number of more than 300 characters is refused wherever it stands", "[config]") {
    const std::string zeros(400, '0');
    for (const std::string& number :
         {"0." + zeros, "1" + zeros + "e-400", "-0." + zeros + "1", "1e" + zeros + "1"}) {
        check_fault(R"({"l1": )" + number + "}", Fault::invalid_coefficient, "\"l1\"");
        check_fault(R"({"class_name": "L1", "id": )" + number + "}", Fault::invalid_coefficient,
                    "300 characters");
    }
    const std::string decimals(298, '3');
    CHECK(read(R"({"l1": 0.)" + decimals + "}") == Coefficients{1.0 / 3.0, 0.0});
    check_fault(R"({"l1": 0.3)" + decimals + "}", Fault::invalid_coefficient, "300 characters");
}

TEST_CASE("another class or key is reported with its name", "[config]") {
    check_fault(R"({"class_name": "OrthogonalRegularizer", "config": {"factor": 0.01}})",
                Fault::unknown_config, "\"OrthogonalRegularizer\"");
    check_fault(R"({"class_name": "L1L2", "config": {"l3": 1}})", Fault::unknown_config, "\"l3\"");
    check_fault(R"({"class_name": "L1", "config": {"l2": 1}})", Fault::unknown_config, "\"l2\"");
    check_fault(R"({"class_name": "L2", "config": {"l1": 1}})", Fault::unknown_config, "\"l1\"");
    check_fault(R"({"class_name": "L1L2", "config": {"l": 1}})", Fault::unknown_config, "\"l\"");
    check_fault(R"({"l1": 1, "l": 1})", Fault::unknown_config, "\"l\"");
    check_fault(R"({"class_name": null})", Fault::unknown_config, "class_name");
    check_fault(R"({"class_name": "L1L2", "config": [1]})", Fault::unknown_config, "config");
    check_fault(R"({"config": {"l1": 1}})", Fault::unknown_config, "\"config\"");
    for (const char* other : {"null", "true", "1", "-0.5", "[]", R"([{"l1": 1}])"}) {
        check_fault(other, Fault::unknown_config, "neither an object nor a string");
    }
}

TEST_CASE("a name in a message is escaped and cut", "[config]") {
    check_fault("{\"\\u00e9\\n\\u0000\": 1}", Fault::unknown_config, R"("\u00e9\n\u0000")");
    const std::string longest(78, 'k');
    const auto message_of = [](const std::string& key) {
        return failure("{\"" + key + "\": 1}").message;
    };
    CHECK(message_of(longest) == "unknown key \"" + longest + "\"");
    CHECK(message_of(longest + "k") == "unknown key \"" + longest + "k...\"");
    CHECK(message_of(std::string(1000, 'k')) == "unknown key \"" + longest + "k...\"");
    // Each of these takes more room in the message than in the text, or is no text.
    std::string quotes;
    std::string controls;
    for (int i = 0; i < 1000; ++i) {
        quotes += "\\\"";
        controls += "\\u0001";
    }
    for (const std::string& name : {quotes, controls}) {
        check_fault("{\"class_name\": \"" + name + "\"}", Fault::unknown_config, "class");
        check_fault("{\"" + name + "\": 1}", Fault::unknown_config, "unknown key");
        check_fault("{\"l1\": \"" + name + "\"}", Fault::invalid_coefficient, "\"l1\"");
        check_fault("{} \"" + name + "\"", Fault::malformed_json, "byte");
        check_fault("{} \"" + name, Fault::malformed_json, "byte");
    }
    check_fault("{" + std::string(1000, '\xFF'), Fault::malformed_json, "byte 1");
    check_fault("{\"" + std::string(1000, '\xFF'), Fault::malformed_json, "byte 2");
    check_fault("{\"" + std::string(1000, 'k') + "\xFF\"}", Fault::malformed_json, "byte 1002");
    // Of four bytes in UTF-8.
    check_fault("{\"\xF0\x9F\x98\x80\": 1}", Fault::unknown_config, R"("\ud83d\ude00")");
}

TEST_CASE("malformed JSON is reported with its byte offset", "[config]") {
    struct Malformed {
        std::string json;
        const char* offset;
    };
    const Malformed corpus[] = {
        {"", "byte 0, where the text ends"},
        {" ", "byte 1, where the text ends"},
        {"{", "byte 1, where the text ends"},
        {R"({"l1": 0.1)", "byte 10, where the text ends"},
        {R"({"l1": 0.1,})", "byte 11"},
        {R"({"l1" 0.1})", R"(byte 8, where "0.1" ends)"},
        {R"({l1: 0.1})", "byte 1"},
        {R"({'l1': 0.1})", "byte 1"},
        {R"({"l1": .1})", "byte 7"},
        {R"({"l1": 01})", "byte 8"},
        {R"({"l1": 1.})", "byte 9"},
        {R"({"l1": +1})", "byte 7"},
        {R"({"l1": 1e})", "byte 9"},
        {R"({"l1": 0x10})", "byte 8"},
        {R"({"l1": NaN})", "byte 7"},
        {R"({"l1": Infinity})", "byte 7"},
        {R"({"l1": -Infinity})", "byte 8"},
        {R"({"l1": 1} x)", "byte 10"},
        {R"({"l1": 1}{})", "byte 9"},
        {R"({"l1": 1} // no)", "byte 10"},
        {R"("l1" "l2")", R"(byte 8, where "\"l2\"" ends)"},
        {R"("l1)", "byte 3, where the text ends"},
        {"\"l1\n\"", "byte 3"},
        {R"("\x")", "byte 2"},
        {R"("\ud800")", "byte 7"},
        {R"("\ud800\u0041")", "byte 12"},
        {R"("\udc00")", "byte 6"},
        {"\"\xFF\"", "byte 1"},
        {"\"\xC0\x80\"", "byte 1"},         // overlong
        {"\"\xE2\x82\"", "byte 3"},         // cut short
        {"\"\xE2\x82", "byte 3"},           // and the text with it
        {"\"\xED\xA0\x80\"", "byte 2"},     // a surrogate
        {"\"\xF4\x90\x80\x80\"", "byte 2"}, // above U+10FFFF
        {"\"\xF8\x88\x80\x80\x80\"", "byte 1"},
        {std::string("{\"l1\": 1}\0", 10), "byte 9, a NUL"},
        {std::string("\0", 1), "byte 0, a NUL"},
        {"\xEF\xBB\xBF{}", "byte 0, a byte order mark"},
        {"nul", "byte 3, where the text ends"},
        {"[1, 2", "byte 5, where the text ends"},
        {"[1}", "byte 2"},
    };
    for (const Malformed& text : corpus) {
        check_fault(text.json, Fault::malformed_json, text.offset);
    }
}

TEST_CASE("no depth of nesting and no length is too much", "[config]") {
    const std::string brackets(max_json_length, '[');
    check_fault(brackets, Fault::malformed_json, "byte 65536, where the text ends");
    const std::size_t half = max_json_length / 2;
    check_fault(std::string(half, '[') + std::string(half, ']'), Fault::unknown_config, "neither");
    std::string objects = R"({"config": )";
    while (objects.size() < max_json_length / 2) {
        objects += R"({"config": )";
    }
    check_fault(objects, Fault::malformed_json, "the text ends");
    check_fault(std::string(max_json_length + 1, ' '), Fault::unknown_config, "65536");
    const std::string padded = R"({"l1": 1})" + std::string(max_json_length - 9, ' ');
    CHECK(read(padded) == Coefficients{1.0, 0.0});
    std::string many = "{";
    while (many.size() < max_json_length - 20) {
        many += R"("l1": 1, )";
    }
    CHECK(read(many + R"("l1": 2})") == Coefficients{2.0, 0.0});
}

TEST_CASE("the three styles are written as json.dumps does", "[config]") {
    CHECK(written(0.01, 0.02, JsonStyle::config) == R"({"l1": 0.01, "l2": 0.02})");
    CHECK(written(0.0, 1e-5, JsonStyle::keras2) ==
          R"({"class_name": "L1L2", "config": {"l1": 0.0, "l2": 1e-05}})");
    CHECK(
        written(1e16, 1.0, JsonStyle::keras3) ==
        R"({"module": "keras.regularizers", "class_name": "L1L2", "config": {"l1": 1e+16, "l2": 1.0}, "registered_name": null})");
}

TEST_CASE("the longest text fits with room to spare", "[config]") {
    const double longest = 2.2250738585072014e-308;
    CHECK(written(longest, longest, JsonStyle::keras3).size() < sizeof(JsonText::data) - 64);
}

TEST_CASE("the locale changes nothing", "[config][locale]") {
    // One process for each locale: tests/CMakeLists.txt.
    const char* const name = std::getenv("L1L2_TEST_LOCALE");
    REQUIRE(name != nullptr);
    const std::string before = std::setlocale(LC_ALL, nullptr);
    const std::vector<std::string> expected = results_of_c();
    if (std::setlocale(LC_ALL, name) == nullptr) {
        WARN("this locale is not there");
        return;
    }
    const std::string within = std::setlocale(LC_ALL, nullptr);
    const std::string decimal_point = std::localeconv()->decimal_point;
    const Coefficients found = read(R"({"l1": 0.015625, "l2": 1234567.5e-3})");
    const Coefficients long_whole = read(R"({"l1": 1)" + std::string(290, '0') + ".5e-290}");
    const std::string text = written(1234.5, 1.5e-7, JsonStyle::config);
    const ConfigError overflow = failure(R"({"l1": 1.5e400})");
    const ConfigError ignored_overflow = failure(R"({"class_name": "L1", "id": 1.5e400})");
    const ConfigError too_long = failure(R"({"l1": 1)" + std::string(400, '0') + ".5e-400}");
    const std::vector<std::string> results = results_of_c();
    const std::string after = std::setlocale(LC_ALL, nullptr);
    std::setlocale(LC_ALL, before.c_str());
    CHECK(decimal_point != ".");
    CHECK(after == within);
    CHECK(results == expected);
    CHECK(found == Coefficients{0.015625, 1234.5675});
    CHECK(long_whole == Coefficients{1.0, 0.0});
    CHECK(text == R"({"l1": 1234.5, "l2": 1.5e-07})");
    for (const ConfigError& refused : {overflow, ignored_overflow, too_long}) {
        CHECK(refused.fault == Fault::invalid_coefficient);
    }
}
