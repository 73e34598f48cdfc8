/// Fuzzes the reader of architectures with any JSON, over files of weights that exist only here.
///
/// The input is a byte that chooses the file of weights, a byte for its answers, the JSON, and
/// after a NUL the names of arrays, one a line.
#include "input.hpp"
#include "json_text.hpp"
#include "layers.hpp"
#include "model_terms.hpp"
#include "places.hpp"

#include <algorithm>
#include <string>

namespace {

using fuzz::check;
using nlohmann::json;
namespace keras = l1l2::keras;

/// Has every array that it is asked for, small and of ones.
class AnyWeights : public keras::Weights {
  public:
    AnyWeights(keras::Naming naming, std::uint8_t answers, std::vector<std::string> names)
        : naming_(naming), answers_(answers), names_(std::move(names)) {}

    keras::Naming naming() const override { return naming_; }
    std::vector<keras::Group> groups() const override {
        if (naming_ == keras::Naming::names) {
            return {{"", names_}};
        }
        // A line "dense kernel:0 bias:0" is a group.
        std::vector<keras::Group> groups;
        for (const std::string& line : names_) {
            keras::Group group;
            group.layer = line.substr(0, line.find(' '));
            for (std::size_t at = line.find(' '); at != std::string::npos;) {
                const std::size_t end = line.find(' ', at + 1);
                group.names.push_back(line.substr(at + 1, end - at - 1));
                at = end;
            }
            groups.push_back(group);
        }
        return groups;
    }
    std::optional<std::size_t> variables_at(const std::string& path) const override {
        return (path.size() + answers_) % 4 + 1;
    }
    bool has_group(const std::string& path) const override { return path.size() < 60; }
    std::vector<std::string> arrays_below(const std::string& path) const override {
        return answers_ % 2 == 0 ? std::vector<std::string>{path + "/a/vars/0"}
                                 : std::vector<std::string>();
    }
    keras::ArrayInfo info(const std::string& /*group*/, const std::string& name) const override {
        return {std::vector<std::size_t>((name.size() + answers_) % 5, 2), L1L2_FLOAT32};
    }
    keras::Array read(const std::string& group, const std::string& name,
                      const keras::Check& check_info) const override {
        const keras::ArrayInfo array = info(group, name);
        check_info(array);
        return {array, std::vector<std::byte>(keras::byte_count(array), std::byte{0x3f})};
    }

  private:
    keras::Naming naming_;
    std::uint8_t answers_;
    std::vector<std::string> names_;
};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines(1);
    for (const char c : text) {
        if (c == '\n') {
            lines.emplace_back();
        } else {
            lines.back() += c;
        }
    }
    return lines;
}

/// Whether a class of the program's own is somewhere, which may have regularizers and no variables.
/// Those of its outputs count all the same.
bool has_custom(const keras::Layer& layer) {
    return layer.custom || std::any_of(layer.parts.begin(), layer.parts.end(), has_custom);
}

/// Whether the config of a layer of the outermost model has a regularizer of some kind.
bool has_regularizer(const json& model, const std::string& kind) {
    const json& config = model["config"];
    const json& layers = config.is_array() ? config : config.value("layers", json::array());
    return std::any_of(layers.begin(), layers.end(), [&](const json& layer) {
        const json& values = layer["config"];
        return values.is_object() &&
               std::any_of(values.items().begin(), values.items().end(), [&](const auto& item) {
                   return item.key().find(kind) != std::string::npos && !item.value().is_null();
               });
    });
}

void check_terms(const std::vector<keras::Term>& terms) {
    keras::Model model;
    for (const keras::Term& term : terms) {
        check(term.status != keras::Status::counted || term.regularizer.has_value(),
              "a counted term has a regularizer");
        check(term.data.empty() || term.dtype != 0, "elements have a type");
        check(term.status != keras::Status::unknown || !term.reason.empty(),
              "what is unknown has a reason");
        check(!(keras::penalty(term) < 0.0), "a penalty is not negative");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    constexpr keras::Naming namings[] = {keras::Naming::paths, keras::Naming::layers,
                                         keras::Naming::names};
    const std::uint8_t choice = input.byte();
    const std::uint8_t answers = input.byte();
    const std::string rest(size > 2 ? reinterpret_cast<const char*>(data) + 2 : "",
                           size > 2 ? size - 2 : 0);
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const AnyWeights weights(namings[choice % 3], answers,
                             lines_of(end < rest.size() ? rest.substr(end + 1) : ""));
    const auto generation = choice & 8   ? keras::Generation::keras1
                            : choice & 4 ? keras::Generation::keras2
                                         : keras::Generation::keras3;
    try {
        const json model = keras::parse_json(rest.substr(0, end));
        keras::Layer root = keras::read_architecture(model, generation);
        keras::find_places(root, weights);
        const std::vector<keras::Term> terms = keras::terms_of(root, weights);
        check_terms(terms);
        check(!terms.empty() || !has_regularizer(model, has_custom(root) ? "activity_regularizer"
                                                                         : "regularizer"),
              "no regularizer is passed over in silence");
    } catch (const keras::LoadError& error) {
        check(error.what()[0] != '\0', "a refusal has a sentence");
    } catch (const json::exception&) { // which load() turns into a sentence
    }
    return 0;
}
