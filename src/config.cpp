// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include "decimal.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// nlohmann_json asserts that strtod has read the whole number. That is false in a locale whose
// decimal point has several bytes, and a library must not abort its host. The value is not used.
#define JSON_ASSERT(condition) static_cast<void>(condition)
// A namespace of its own (from version 3.11 on). A program that links the static library and uses
// nlohmann_json with other macros then keeps its copy of the inline functions.
#define NLOHMANN_JSON_NAMESPACE nlohmann::l1l2_private
#define NLOHMANN_JSON_NAMESPACE_BEGIN                                                              \
    namespace nlohmann {                                                                           \
    inline namespace l1l2_private {
#define NLOHMANN_JSON_NAMESPACE_END                                                                \
    }                                                                                              \
    }
#include <nlohmann/json.hpp>

namespace l1l2::core {

namespace {

using Fault = ConfigError::Fault;

// What the text says ------------------------------------------------------------------------------

using Json = nlohmann::json;

/// Its values have no members: to destroy a Json that has, nlohmann_json allocates, and without
/// memory ends the process.
using Object = std::vector<std::pair<std::string, Json>>;

/// All of a text that can matter.
// NOLINTNEXTLINE(bugprone-exception-escape): moving a Json throws nothing.
struct Document {
    Json root;
    Object members; ///< of the root
    Object config;  ///< of the root's last member that is called "config" and is an object
    std::optional<ConfigError> error; ///< why the text is refused; then the rest does not count
};

/// The value of `key`, or NULL. Of a repeated key the last value counts, as in Python.
const Json* find(const Object& object, std::string_view key) {
    const auto found = std::find_if(object.rbegin(), object.rend(),
                                    [key](const auto& member) { return member.first == key; });
    return found == object.rend() ? nullptr : &found->second;
}

/// A copy of a value's text, "" if it has none.
std::string text(const Json* value) {
    return value != nullptr && value->is_string() ? value->get_ref<const std::string&>() : "";
}

/// `text` in quotes and in ASCII, cut to a length that leaves a message readable.
std::string quote(std::string_view text) {
    constexpr std::size_t longest = 80;
    std::string shown =
        Json(text.substr(0, 2 * longest)).dump(-1, ' ', true, Json::error_handler_t::replace);
    if (shown.size() > longest) {
        shown.resize(longest);
        shown += "...\"";
    }
    return shown;
}

/// The longest number that is read; Python writes 24 characters at most. So short a number is
/// finite even where strtod sees no more of it than what stands before the decimal point.
constexpr std::size_t max_number_length = 300;

/// Builds a Document from nlohmann_json's events. The parser's own tree would not do: its numbers
/// depend on the locale.
class DocumentBuilder {
  public:
    DocumentBuilder(std::string_view json, Document& document) : json_(json), document_(document) {}

    bool null() { return place(nullptr); }
    bool boolean(bool value) { return place(value); }
    bool number_integer(std::int64_t value) { return place(static_cast<double>(value)); }
    bool number_unsigned(std::uint64_t value) { return place(static_cast<double>(value)); }
    bool number_float(double /*in the locale*/, const std::string& token) {
        const double value = parse_decimal(token);
        return token.size() > max_number_length || !std::isfinite(value) ? refuse_number()
                                                                         : place(value);
    }
    bool string(std::string& value) { return place(std::move(value)); }
    static bool binary(Json::binary_t& /*value*/) { return false; } // is not in JSON text
    bool start_object(std::size_t /*size*/) {
        place(Json::value_t::object);
        return open(key_ == "config");
    }
    bool key(std::string& value) {
        key_ = std::move(value);
        return true;
    }
    bool end_object() { return close(); }
    bool start_array(std::size_t /*size*/) {
        place(Json::value_t::array);
        return open(false);
    }
    bool end_array() { return close(); }

    /// nlohmann_json throws nothing where a builder is told of an error.
    bool parse_error(std::size_t position, const std::string& last_token,
                     const Json::exception& error) {
        constexpr int number_overflow = 406; // out_of_range.406 of nlohmann_json
        if (error.id == number_overflow) {
            return refuse_number();
        }
        const std::size_t offset = position - 1;
        return refuse(
            Fault::malformed_json,
            "malformed JSON at byte " + std::to_string(offset) + ", where " +
                (offset >= json_.size() ? "the text ends too early" : quote(last_token) + " ends"));
    }

  private:
    /// The parser stops where an event returns false.
    bool refuse(Fault fault, std::string message) {
        document_.error = {fault, std::move(message)};
        return false;
    }
    bool refuse_number() {
        return refuse(Fault::invalid_coefficient,
                      (key_.empty() ? "a number" : quote(key_)) + " must be finite and have " +
                          std::to_string(max_number_length) + " characters at most");
    }

    template <class T>
    bool place(T&& value) {
        if (depth_ == 0) {
            document_.root = Json(std::forward<T>(value));
        } else if (depth_ == 1) {
            document_.members.emplace_back(key_, std::forward<T>(value));
        } else if (depth_ == 2 && in_config_) {
            document_.config.emplace_back(key_, std::forward<T>(value));
        }
        return true;
    }
    bool open(bool is_config) {
        in_config_ = ++depth_ == 2 ? is_config : in_config_;
        if (depth_ == 2 && is_config) {
            document_.config.clear();
        }
        return true;
    }
    bool close() {
        --depth_;
        return true;
    }

    std::string_view json_;
    Document& document_;
    std::size_t depth_ = 0; ///< objects and arrays that have begun
    bool in_config_ = false;
    std::string key_; ///< the last one
};

Document parse_json(std::string_view json) {
    Document document;
    // nlohmann_json takes a NUL for the end of the text and skips a byte order mark.
    const bool has_mark = json.substr(0, 3) == "\xEF\xBB\xBF";
    const std::size_t refused = has_mark ? 0 : json.find('\0');
    if (refused != std::string_view::npos) {
        document.error = {Fault::malformed_json,
                          "malformed JSON at byte " + std::to_string(refused) +
                              (has_mark ? ", a byte order mark" : ", a NUL")};
        return document;
    }
    DocumentBuilder builder(json, document);
    const RoundingToNearest rounding;
    Json::sax_parse(json.begin(), json.end(), &builder);
    return document;
}

// What it means -----------------------------------------------------------------------------------

/// A class of Keras: which coefficients it has, and their default.
struct RegularizerClass {
    bool has_l1;
    bool has_l2;
    double default_coefficient;
};

constexpr RegularizerClass l1l2_class = {true, true, 0.0};

std::optional<RegularizerClass> find_class(std::string_view name) {
    if (name == "L1L2" || name == "l1_l2" || name == "l1l2") {
        return l1l2_class;
    }
    if (name == "L1" || name == "l1") {
        return RegularizerClass{true, false, 0.01};
    }
    if (name == "L2" || name == "l2") {
        return RegularizerClass{false, true, 0.01};
    }
    return std::nullopt;
}

ConfigError unknown_class(std::string_view name, const std::string& origin = "") {
    return {Fault::unknown_config, "no L1L2 regularizer: class " + quote(name) + origin};
}

/// Sets the error if the value is no coefficient.
double coefficient(std::string_view key, const Json* value, double default_coefficient,
                   std::optional<ConfigError>& error) {
    if (value == nullptr || value->is_null()) {
        return default_coefficient;
    }
    const bool is_number = value->is_number();
    const double number = is_number ? value->get<double>() : 0.0;
    if (!is_number || !Regularizer::valid_coefficient(number)) {
        error = {Fault::invalid_coefficient,
                 quote(key) + (is_number ? " must be finite and >= 0" : " is not a number")};
    }
    return number;
}

Config from_config(const RegularizerClass& cls, const Object& config) {
    const bool takes_l = !cls.has_l1 || !cls.has_l2;
    for (const auto& [key, value] : config) {
        if (!(cls.has_l1 && key == "l1") && !(cls.has_l2 && key == "l2") &&
            !(takes_l && key == "l")) {
            return ConfigError{Fault::unknown_config, "unknown key " + quote(key)};
        }
    }
    const Json* const l = find(config, "l"); // of Keras 2; it wins
    std::optional<ConfigError> error;
    const auto read = [&](bool has, std::string_view key) {
        if (!has || error) {
            return 0.0;
        }
        return l != nullptr ? coefficient("l", l, cls.default_coefficient, error)
                            : coefficient(key, find(config, key), cls.default_coefficient, error);
    };
    const double l1 = read(cls.has_l1, "l1");
    const double l2 = read(cls.has_l2, "l2");
    if (error) {
        return *std::move(error);
    }
    return Regularizer(l1, l2);
}

Config from_identifier(std::string_view identifier) {
    if (identifier == "l1_l2") { // the defaults of this function in Keras 1 and 2, not of the class
        return Regularizer(0.01, 0.01);
    }
    const auto cls = find_class(identifier);
    return cls ? from_config(*cls, {}) : unknown_class(identifier);
}

/// The error of what a program calls L1L2, L1 or L2 itself: beside it Keras writes null or the
/// program's module, or "package>class" as the registered name; beside its own classes a module of
/// Keras.
std::optional<ConfigError> custom_class(const Object& members, std::string_view class_name) {
    constexpr std::string_view packages[] = {
        "keras.",   "tf_keras.", "keras_core.", "tensorflow.keras.", "tensorflow.python.keras.",
        "builtins."};
    const Json* const module = find(members, "module");
    if (module == nullptr) {
        return std::nullopt; // written by Keras before 2.13, which marks them in the class name
    }
    const std::string name = text(module);
    const auto holds = [&](std::string_view package) {
        return (name + ".").rfind(package, 0) == 0;
    };
    if (std::none_of(std::begin(packages), std::end(packages), holds)) {
        return unknown_class(class_name,
                             name.empty() ? " of no module" : " of module " + quote(name));
    }
    const std::string registered = text(find(members, "registered_name"));
    if (registered.find('>') != std::string::npos) {
        return unknown_class(registered);
    }
    return std::nullopt;
}

/// {"class_name": ..., "config": ...} of Keras 2 and 3. As in every version of Keras, other keys
/// ("shared_object_id", "build_config") may say anything.
Config from_class(const Document& document, const Json& class_name) {
    if (!class_name.is_string()) {
        return ConfigError{Fault::unknown_config, "\"class_name\" is not a string"};
    }
    const std::string name = text(&class_name);
    const auto cls = find_class(name);
    if (!cls) {
        return unknown_class(name);
    }
    if (auto error = custom_class(document.members, name)) {
        return *std::move(error);
    }
    const Json* const config = find(document.members, "config");
    if (config == nullptr || config->is_null()) {
        return from_config(*cls, {});
    }
    if (!config->is_object()) {
        return ConfigError{Fault::unknown_config, "\"config\" is not an object"};
    }
    return from_config(*cls, document.config);
}

/// {"name": ..., "l1": ..., "l2": ...} of Keras 1.
Config from_keras1(Object members, const Json& name) {
    if (!name.is_string()) {
        return ConfigError{Fault::unknown_config, "\"name\" is not a string"};
    }
    const std::string cls = text(&name);
    if (cls != "WeightRegularizer" && cls != "L1L2Regularizer") {
        return unknown_class(cls);
    }
    const auto is_name = [](const auto& member) { return member.first == "name"; };
    members.erase(std::remove_if(members.begin(), members.end(), is_name), members.end());
    return from_config(l1l2_class, members);
}

} // namespace

Config parse_config(std::string_view json) {
    if (json.size() > max_json_length) {
        return ConfigError{Fault::unknown_config, "longer than " + std::to_string(max_json_length) +
                                                      " bytes: no configuration"};
    }
    Document document = parse_json(json);
    if (document.error) {
        return *std::move(document.error);
    }
    if (document.root.is_string()) {
        return from_identifier(text(&document.root));
    }
    if (!document.root.is_object()) {
        return ConfigError{Fault::unknown_config, "neither an object nor a string"};
    }
    if (const Json* const class_name = find(document.members, "class_name")) {
        return from_class(document, *class_name);
    }
    if (const Json* const name = find(document.members, "name")) {
        return from_keras1(document.members, *name);
    }
    return from_config(l1l2_class, document.members);
}

JsonText write_config(const Regularizer& regularizer, JsonStyle style) {
    // What stands before and after the configuration in each style.
    constexpr std::string_view frames[][2] = {
        {"", ""},
        {R"({"class_name": "L1L2", "config": )", "}"},
        {R"({"module": "keras.regularizers", "class_name": "L1L2", "config": )",
         R"(, "registered_name": null})"}};
    const auto& [before, after] = frames[static_cast<std::size_t>(style)];
    JsonText json;
    char* out = json.data;
    const auto append = [&out](std::string_view text) {
        out = std::copy(text.begin(), text.end(), out);
    };
    append(before);
    append(R"({"l1": )");
    out = write_decimal(regularizer.l1(), out);
    append(R"(, "l2": )");
    out = write_decimal(regularizer.l2(), out);
    append("}");
    append(after);
    json.length = static_cast<std::size_t>(out - json.data);
    return json;
}

} // namespace l1l2::core
