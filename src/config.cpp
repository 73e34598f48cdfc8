#include "config.hpp"

#include "decimal.hpp"

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

// nlohmann_json asserts that strtod has read the whole number, which is false in a locale whose
// decimal point has several bytes. The value is not used (decimal.hpp), and a library must not
// abort its host.
#define JSON_ASSERT(condition) static_cast<void>(condition)
// From version 3.11 on in a namespace of its own, so that a program that links the static library
// and uses nlohmann_json with other macros keeps its copy of the inline functions apart from this
// one.
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

struct Member;

/// A JSON value as far as a configuration can matter: arrays, and objects below `max_depth`, are
/// known by their kind only.
struct Value {
    enum class Kind { null, boolean, number, string, array, object };

    Kind kind = Kind::null;
    double number = 0.0;
    std::string text;
    std::vector<Member> members;

    const Value* find(std::string_view key) const;
};

struct Member {
    std::string key;
    Value value;
};

const Value* Value::find(std::string_view key) const {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [key](const Member& member) { return member.key == key; });
    return found == members.end() ? nullptr : &found->value;
}

/// `text` in quotes, with everything but printable ASCII escaped, cut to a length that leaves a
/// message readable.
std::string quote(std::string_view text) {
    constexpr std::size_t longest = 80;
    std::string shown =
        nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    if (shown.size() > longest) {
        shown.resize(longest);
        shown += "...\"";
    }
    return shown;
}

// nlohmann_json takes a number beyond double for an error wherever it stands, even if it is in a
// key that says nothing or is given again, and even before it has seen whether the rest is JSON.
// Such a number is therefore replaced by a string of as many bytes, so that every offset stays
// right.
constexpr char infinite_digit = '\x7f';

bool is_infinite_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of(infinite_digit) == std::string_view::npos;
}

/// Whether the text is a number as JSON has it.
bool is_json_number(std::string_view text) {
    const auto skip_digits = [&text] {
        const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(digits);
        return digits;
    };
    const auto skip = [&text](std::string_view any_of) {
        const bool found = !text.empty() && any_of.find(text.front()) != std::string_view::npos;
        text.remove_prefix(found ? 1 : 0);
        return found;
    };
    skip("-");
    const bool leading_zero = skip("0");
    if (!leading_zero && skip_digits() == 0) {
        return false;
    }
    if (skip(".") && skip_digits() == 0) {
        return false;
    }
    if (skip("eE")) {
        skip("+-");
        if (skip_digits() == 0) {
            return false;
        }
    }
    return text.empty();
}

std::string replace_infinite_numbers(std::string_view json) {
    std::string replaced(json);
    bool in_string = false;
    for (std::size_t i = 0; i < json.size();) {
        if (in_string || json[i] == '"') {
            // A backslash takes the next byte with it.
            const bool escape = in_string && json[i] == '\\';
            in_string = in_string != (json[i] == '"');
            i += escape ? 2 : 1;
            continue;
        }
        const std::size_t end = std::min(json.find_first_not_of("0123456789+-.eE", i), json.size());
        const std::string_view token = json.substr(i, end - i);
        // Before a colon it is no value, which the parser sees and tells.
        const std::size_t next = std::min(json.find_first_not_of(" \t\r\n", end), json.size());
        const bool is_key = next < json.size() && json[next] == ':';
        if (!is_key && is_json_number(token) && std::isinf(parse_decimal(token))) {
            replaced.replace(i, token.size(), token.size(), infinite_digit);
            replaced[i] = replaced[end - 1] = '"';
        }
        i = std::max(end, i + 1);
    }
    return replaced;
}

/**
 * Builds the Value from nlohmann_json's events. Nothing here or there recurses, so that no nesting
 * exhausts a stack.
 *
 * The parser's own tree is not used because it keeps its own reading of a number, made by strtod
 * and so dependent on the locale.
 */
class ValueBuilder {
  public:
    using Json = nlohmann::json;

    ValueBuilder(std::string_view json, Value& root) : json_(json), root_(root) {}

    bool null() { return place({}); }
    bool boolean(bool /*value*/) { return place_kind(Value::Kind::boolean); }
    bool number_integer(Json::number_integer_t value) {
        return place_number(static_cast<double>(value));
    }
    bool number_unsigned(Json::number_unsigned_t value) {
        return place_number(static_cast<double>(value));
    }
    bool number_float(Json::number_float_t /*value*/, const Json::string_t& token) {
        return place_number(parse_decimal(token));
    }
    bool string(Json::string_t& value) {
        if (is_infinite_number(value)) {
            return place_number(std::numeric_limits<double>::infinity());
        }
        Value string;
        string.kind = Value::Kind::string;
        string.text = std::move(value);
        return place(std::move(string));
    }
    static bool binary(Json::binary_t& /*value*/) { return false; } // not in JSON text
    bool start_object(std::size_t /*size*/) {
        place_kind(Value::Kind::object);
        return open(open_.size() < max_depth);
    }
    bool key(Json::string_t& value) {
        if (ignored_depth_ == 0) {
            key_ = std::move(value);
        }
        return true;
    }
    bool end_object() { return close(); }
    bool start_array(std::size_t /*size*/) {
        place_kind(Value::Kind::array);
        return open(false);
    }
    bool end_array() { return close(); }

    [[noreturn]] bool parse_error(std::size_t position, const std::string& last_token,
                                  const Json::exception& /*error*/) {
        const std::size_t offset = position - 1;
        const std::string where = "byte " + std::to_string(offset);
        throw ConfigError(
            Fault::malformed_json,
            "malformed JSON at " + where + ", where " +
                (offset >= json_.size() ? "the text ends too early" : quote(last_token) + " ends"));
    }

  private:
    static constexpr std::size_t max_depth = 2; ///< the object and its "config"

    /// The Value for what comes next, or NULL below what is kept.
    Value* slot() {
        if (ignored_depth_ > 0) {
            return nullptr;
        }
        if (open_.empty()) {
            return &root_;
        }
        std::vector<Member>& members = open_.back()->members;
        const auto same_key = [this](const Member& member) { return member.key == key_; };
        // Of a key that is given twice the last counts, as in Python.
        members.erase(std::remove_if(members.begin(), members.end(), same_key), members.end());
        members.push_back({std::move(key_), {}});
        return &members.back().value;
    }

    bool place(Value value) {
        last_ = slot();
        if (last_ != nullptr) {
            *last_ = std::move(value);
        }
        return true;
    }
    bool place_kind(Value::Kind kind) {
        Value value;
        value.kind = kind;
        return place(std::move(value));
    }
    bool place_number(double number) {
        Value value;
        value.kind = Value::Kind::number;
        value.number = number;
        return place(std::move(value));
    }

    /// Enters the container that was placed last. A pointer in open_ stays valid: its parent gets
    /// no other member before it is closed.
    bool open(bool kept) {
        if (ignored_depth_ > 0 || !kept) {
            ++ignored_depth_;
        } else {
            open_.push_back(last_);
        }
        return true;
    }
    bool close() {
        if (ignored_depth_ > 0) {
            --ignored_depth_;
        } else {
            open_.pop_back();
        }
        return true;
    }

    std::string_view json_;
    Value& root_;
    std::vector<Value*> open_;
    std::size_t ignored_depth_ = 0;
    std::string key_;
    Value* last_ = nullptr;
};

/**
 * While an object of this class lives, C's library rounds to nearest, too.
 *
 * nlohmann_json refuses a number that strtod takes for infinite, as 1.7976931348623158e308 is when
 * it is rounded upwards. On x86-64 glibc's strtod asks the x87 unit how to round, which
 * FloatEnvironment leaves alone there, as nothing else looks at it.
 */
class RoundingToNearest {
  public:
    RoundingToNearest() : saved_() {
        std::fegetenv(&saved_);
        std::fesetround(FE_TONEAREST);
    }
    ~RoundingToNearest() { std::fesetenv(&saved_); }
    RoundingToNearest(const RoundingToNearest&) = delete;
    RoundingToNearest& operator=(const RoundingToNearest&) = delete;

  private:
    std::fenv_t saved_;
};

Value parse_json(std::string_view json) {
    // nlohmann_json takes a NUL for the end of the text and skips a byte order mark; Python
    // refuses.
    const std::size_t nul = json.find('\0');
    if (nul != std::string_view::npos) {
        throw ConfigError(Fault::malformed_json,
                          "malformed JSON at byte " + std::to_string(nul) + ", a NUL");
    }
    if (json.substr(0, 3) == "\xEF\xBB\xBF") {
        throw ConfigError(Fault::malformed_json, "malformed JSON at byte 0, a byte order mark");
    }
    Value root;
    ValueBuilder builder(json, root);
    const RoundingToNearest rounding;
    nlohmann::json::sax_parse(replace_infinite_numbers(json), &builder);
    return root;
}

// What it means -----------------------------------------------------------------------------------

/// A class of Keras: which coefficients its configuration has, and their default.
struct RegularizerClass {
    bool l1;
    bool l2;
    double default_coefficient;
};

constexpr RegularizerClass l1l2_class = {true, true, 0.0};
constexpr RegularizerClass l1_class = {true, false, 0.01};
constexpr RegularizerClass l2_class = {false, true, 0.01};

std::optional<RegularizerClass> find_class(std::string_view name) {
    if (name == "L1L2" || name == "l1_l2" || name == "l1l2") {
        return l1l2_class;
    }
    if (name == "L1" || name == "l1") {
        return l1_class;
    }
    if (name == "L2" || name == "l2") {
        return l2_class;
    }
    return std::nullopt;
}

[[noreturn]] void unknown_class(std::string_view name) {
    throw ConfigError(Fault::unknown_config, "no L1L2 regularizer: class " + quote(name));
}

bool is_null(const Value* value) {
    return value == nullptr || value->kind == Value::Kind::null;
}

/// The coefficient under `key`, or its default.
double coefficient(const Value& config, std::string_view key, double otherwise) {
    const Value* value = config.find(key);
    if (is_null(value)) {
        return otherwise;
    }
    if (value->kind != Value::Kind::number) {
        throw ConfigError(Fault::invalid_coefficient, quote(key) + " is not a number");
    }
    if (!Regularizer::valid_coefficient(value->number)) {
        throw ConfigError(Fault::invalid_coefficient, quote(key) + " must be finite and >= 0");
    }
    return value->number;
}

void allow_keys(const Value& object, const std::vector<std::string_view>& keys) {
    for (const Member& member : object.members) {
        if (std::find(keys.begin(), keys.end(), member.key) == keys.end()) {
            throw ConfigError(Fault::unknown_config, "unknown key " + quote(member.key));
        }
    }
}

/// The configuration of a class with one coefficient, under its own or the old key.
double single_coefficient(const Value& config, std::string_view key, double otherwise) {
    allow_keys(config, {key, "l"});
    return coefficient(config, config.find("l") != nullptr ? "l" : key, otherwise);
}

Regularizer from_config(const RegularizerClass& cls, const Value& config) {
    const double otherwise = cls.default_coefficient;
    if (cls.l1 && cls.l2) {
        allow_keys(config, {"l1", "l2"});
        return {coefficient(config, "l1", otherwise), coefficient(config, "l2", otherwise)};
    }
    if (cls.l1) {
        return {single_coefficient(config, "l1", otherwise), 0.0};
    }
    return {0.0, single_coefficient(config, "l2", otherwise)};
}

Regularizer from_identifier(std::string_view identifier) {
    if (identifier == "l1_l2") {
        return {0.01, 0.01}; // the function's defaults in Keras 1 and 2, not those of the class
    }
    const std::optional<RegularizerClass> cls = find_class(identifier);
    if (!cls) {
        unknown_class(identifier);
    }
    return from_config(*cls, {});
}

/// {"class_name": ..., "config": ...} of Keras 2 and 3. Like every version of Keras it reads no
/// other key: "module", "registered_name", "shared_object_id", "build_config" and the like may say
/// anything.
Regularizer from_class_object(const Value& object, const Value& class_name) {
    if (class_name.kind != Value::Kind::string) {
        throw ConfigError(Fault::unknown_config, "\"class_name\" is not a string");
    }
    const std::optional<RegularizerClass> cls = find_class(class_name.text);
    if (!cls) {
        unknown_class(class_name.text);
    }
    const Value* config = object.find("config");
    if (is_null(config)) {
        return from_config(*cls, {});
    }
    if (config->kind != Value::Kind::object) {
        throw ConfigError(Fault::unknown_config, "\"config\" is not an object");
    }
    return from_config(*cls, *config);
}

/// {"name": ..., "l1": ..., "l2": ...} of Keras 1.
Regularizer from_keras1(const Value& object, const Value& name) {
    if (name.kind != Value::Kind::string) {
        throw ConfigError(Fault::unknown_config, "\"name\" is not a string");
    }
    if (name.text != "WeightRegularizer" && name.text != "L1L2Regularizer") {
        unknown_class(name.text);
    }
    allow_keys(object, {"name", "l1", "l2"});
    return {coefficient(object, "l1", 0.0), coefficient(object, "l2", 0.0)};
}

} // namespace

Regularizer parse_config(std::string_view json) {
    if (json.size() > max_json_length) {
        throw ConfigError(Fault::unknown_config, "longer than " + std::to_string(max_json_length) +
                                                     " bytes: no configuration");
    }
    const Value root = parse_json(json);
    if (root.kind == Value::Kind::string) {
        return from_identifier(root.text);
    }
    if (root.kind != Value::Kind::object) {
        throw ConfigError(Fault::unknown_config, "neither an object nor a string");
    }
    if (const Value* class_name = root.find("class_name")) {
        return from_class_object(root, *class_name);
    }
    if (const Value* name = root.find("name")) {
        return from_keras1(root, *name);
    }
    return from_config(l1l2_class, root);
}

JsonText write_config(const Regularizer& regularizer, JsonStyle style) {
    JsonText json;
    char* out = json.data;
    const auto append = [&out](std::string_view text) {
        out = std::copy(text.begin(), text.end(), out);
    };
    if (style == JsonStyle::keras3) {
        append(R"({"module": "keras.regularizers", "class_name": "L1L2", "config": )");
    } else if (style == JsonStyle::keras2) {
        append(R"({"class_name": "L1L2", "config": )");
    }
    append(R"({"l1": )");
    out = write_decimal(regularizer.l1(), out);
    append(R"(, "l2": )");
    out = write_decimal(regularizer.l2(), out);
    append("}");
    if (style == JsonStyle::keras3) {
        append(R"(, "registered_name": null})");
    } else if (style == JsonStyle::keras2) {
        append("}");
    }
    json.length = static_cast<std::size_t>(out - json.data);
    return json;
}

} // namespace l1l2::core
