/// How long it takes to find the arrays of many layers, without a file.
#include "catch.hpp"

#include <places.hpp>

#include <ctime>

namespace {

using namespace l1l2::keras;

constexpr std::size_t layers = 80000;

std::string layer_name(std::size_t i) {
    return "dense_" + std::to_string(i);
}

/// A model of layers with one regularized variable each.
Layer many_layers() {
    Layer model;
    for (std::size_t i = 0; i < layers; ++i) {
        Layer layer;
        layer.name = layer_name(i);
        layer.attributes = {"layers/" + layer.name};
        layer.variables.push_back({"kernel", "l2", std::nullopt});
        model.parts.push_back(std::move(layer));
    }
    return model;
}

/// Their arrays, by place or by layer, of which a file has no elements.
class ManyArrays : public Weights {
  public:
    explicit ManyArrays(Naming naming) : naming_(naming) {}

    Naming naming() const override { return naming_; }
    std::vector<Group> groups() const override {
        std::vector<Group> groups;
        for (std::size_t i = 0; i < layers; ++i) {
            groups.push_back({layer_name(i), {layer_name(i) + "/kernel:0"}});
            groups.push_back({layer_name(i) + "_activation", {}});
        }
        return groups;
    }
    std::optional<std::size_t> variables_at(const std::string& /*path*/) const override {
        return 1;
    }
    bool has_group(const std::string& /*path*/) const override { return true; }
    std::vector<std::string> arrays_below(const std::string& /*path*/) const override {
        std::vector<std::string> arrays;
        for (std::size_t i = 0; i < layers; ++i) {
            arrays.push_back("layers/" + layer_name(i) + "/vars/0");
        }
        return arrays;
    }
    ArrayInfo info(const std::string& /*group*/, const std::string& /*name*/) const override {
        return {};
    }
    Array read(const std::string& /*group*/, const std::string& /*name*/,
               const Check& /*check*/) const override {
        return {};
    }

  private:
    Naming naming_;
};

/// Finds the places of all variables; the processor's seconds that it takes.
double seconds(Layer& model, Naming naming) {
    const ManyArrays weights(naming);
    const std::clock_t begin = std::clock();
    find_places(model, weights);
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

} // namespace

TEST_CASE("the arrays of many layers are found at once, by place or by layer") {
    Layer by_place = many_layers();
    CHECK(seconds(by_place, Naming::paths) < 5.0);
    CHECK(by_place.parts.back().variables[0].stored_as == "layers/dense_79999/vars/0");
    Layer by_layer = many_layers();
    CHECK(seconds(by_layer, Naming::layers) < 5.0);
    CHECK(by_layer.parts.back().variables[0].stored_as == "dense_79999/kernel:0");
}

TEST_CASE("the arrays of many layers of a custom model are found at once, and all are its own") {
    Layer model = many_layers();
    model.custom = true;
    model.known = false;
    CHECK(seconds(model, Naming::paths) < 5.0);
    CHECK(model.known);
    CHECK(model.parts.back().variables[0].stored_as == "layers/dense_79999/vars/0");
    model.known = false;
    model.parts.pop_back();
    CHECK(seconds(model, Naming::paths) < 5.0);
    CHECK_FALSE(model.known);
}

TEST_CASE("which of many custom layers have no arrays is found at once") {
    Layer model = many_layers();
    for (Layer& layer : model.parts) {
        layer.custom = true;
        layer.known = false;
        layer.variables.clear();
        layer.name += "_activation";
    }
    CHECK(seconds(model, Naming::layers) < 5.0);
    CHECK(model.parts.back().known);
}
