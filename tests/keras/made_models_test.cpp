/// Models that no recorded one shows: custom classes, frozen models, names and orders of arrays.
#include "catch.hpp"
#include "made_files.hpp"
#include "refusal.hpp"

#include <l1l2_keras.hpp>

#include <fstream>

namespace {

using l1l2::keras::load;
namespace fs = std::filesystem;

} // namespace

TEST_CASE("the array of another layer is not taken") {
    const fs::path json = made::file("dense.json", made::dense_json());
    const fs::path folder = made::folder("other_layer");
    made::npy(folder / "e.kernel.npy",
              "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }", 48);
    CHECK(says(refusal(json, folder), "s/d/kernel is not among the weights"));
    // Nor that of another layer in the same model within the model.
    const fs::path nested = made::file("nested.json", R"({"class_name": "Sequential", "config": {
        "name": "s", "layers": [{"class_name": "Sequential", "config": {"name": "left", "layers": [
            {"class_name": "Dense", "config": {"name": "bar", "units": 3, "use_bias": false,
             "kernel_regularizer": "l2"}}]}}]}})");
    const auto with = [&](const std::string& name) {
        return refusal(nested,
                       made::safetensors("nested.safetensors", "{\"" + name + R"(": {"dtype": "F32",
                                                 "shape": [4, 3], "data_offsets": [0, 48]}})",
                                         48));
    };
    CHECK(with("left/bar/kernel") == "no refusal");
    CHECK(says(with("left/foo/kernel"), "is not among the weights"));
}

TEST_CASE("arrays that differ in a number alone are in the order of the numbers") {
    const std::string end = GENERATE("", ":0"); // as TensorFlow names variables
    std::string layers;
    std::string header;
    for (int i = 0; i < 12; ++i) {
        const std::string units = std::to_string(i + 1);
        const std::string comma = i == 0 ? "" : ", ";
        layers += comma + R"({"class_name": "Sequential", "config": {"name": "m", "layers": [
            {"class_name": "Dense", "config": {"name": "d", "use_bias": false,
             "kernel_regularizer": "l2", "units": )" +
                  units + "}}]}}";
        header += comma + "\"d/kernel" + (i == 0 ? "" : "_" + std::to_string(i)) + end +
                  R"(": {"dtype": "F32", "data_offsets": [0, )" + std::to_string(4 * (i + 1)) +
                  R"(], "shape": [1, )" + units + "]}";
    }
    const fs::path json = made::file(
        "twelve.json",
        R"({"class_name": "Sequential", "config": {"name": "s", "layers": [)" + layers + "]}}");
    CHECK(load(json, made::safetensors("twelve.safetensors", "{" + header + "}", 400))
              .terms.back()
              .stored_as == "d/kernel_11" + end);
}

TEST_CASE(
    "a model of the program's own class is partial if it has more than the layers in its config") {
    std::string net = made::dense_json();
    net.replace(net.find("\"keras\""), 7, "\"mine\"");
    net.replace(net.find("Sequential"), 10, "Net");
    net.replace(net.find("\"layers\""), 8, "\"input_layers\": [], \"layers\"");
    const fs::path json = made::file("net.json", net);
    const fs::path weights = made::weights("net.h5", {4, 3});
    CHECK(load(json, weights).complete());
    made::add_array(weights, "optimizer/vars/0");
    CHECK(load(json, weights).complete());
    made::add_array(weights, "head/vars/0");
    CHECK_FALSE(load(json, weights).complete());
    // Keras writes the class without a module into HDF5.
    std::string bare = made::dense_json();
    bare.replace(bare.find("Sequential"), 10, "Net");
    bare.erase(bare.find("\"module\""), 19);
    const fs::path groups =
        made::model("bare.h5", bare, "2.12.0", {{"d", {{"d/kernel:0", {4, 3}, 1}}}});
    for (const auto& model : {load(made::file("bare.json", bare), weights), load(groups)}) {
        CHECK_FALSE(model.complete());
        CHECK(l1l2::keras::counted_terms(model).size() == 1);
    }
    // A file of names does not say whose they are.
    const fs::path folder = made::folder("net");
    made::npy(folder / "d.kernel.npy",
              "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }", 48);
    CHECK_FALSE(load(json, folder).complete());
}

TEST_CASE(
    "a class that Keras does not have is the program's own, also where no module is written") {
    // A Dense(1) with L2 and one more layer.
    const auto with = [](const std::string& other, std::vector<made::Array> arrays) {
        const std::string config = R"({"class_name": "Sequential", "config": {"name": "s",
            "layers": [{"class_name": "Dense", "config": {"name": "d", "units": 1,
            "kernel_regularizer": "l2"}}, {"class_name": ")" +
                                   other + R"(", "config": {"name": "o", "trainable": true}}]}})";
        return load(made::model(
            "other.h5", config, "2.12.0",
            {{"d", {{"d/kernel:0", {4, 1}, 1}, {"d/bias:0", {1}, 1}}}, {"o", std::move(arrays)}}));
    };
    CHECK_FALSE(with("Scale", {{"o/w:0", {4}, 3}}).complete());
    CHECK(with("Scale", {}).complete());
    // The list of layers need not have an operation of Keras 3. With another name in the list, that
    // may be the layer's.
    const auto listed = [](const std::string& group) {
        const std::string config = R"({"class_name": "Functional", "config": {"name": "f",
            "layers": [{"class_name": "Dense", "config": {"name": "d", "units": 1, "use_bias":
            false, "kernel_regularizer": "l2"}}, {"class_name": "GetItem", "config":
            {"name": "get_item"}}]}})";
        std::vector<made::Group> groups = {{"d", {{"kernel", {4, 1}, 1}}}};
        if (!group.empty()) {
            groups.push_back({group, {{"w", {4}, 1}}});
        }
        return load(made::model("listed.h5", config, "3.3.3", groups)).complete();
    };
    CHECK(listed(""));
    CHECK_FALSE(listed("get_item_1"));
    // In a model within the model it has no arrays if all are those of other layers.
    const auto nested = [](std::vector<made::Array> arrays) {
        const std::string config = R"({"class_name": "Functional", "config": {"name": "f",
            "layers": [{"class_name": "Functional", "config": {"name": "m", "layers": [
            {"class_name": "Dense", "config": {"name": "d", "units": 1, "use_bias": false}},
            {"class_name": "GetItem", "config": {"name": "get_item"}}]}}]}})";
        return load(made::model("nested.h5", config, "3.3.3", {{"m", std::move(arrays)}}))
            .complete();
    };
    CHECK(nested({}));
    CHECK(nested({{"kernel", {4, 1}, 1}}));
    CHECK_FALSE(nested({{"kernel", {4, 1}, 1}, {"w", {4}, 1}}));
    CHECK(with("RandomFourierFeatures", {{"o/kernel:0", {4}, 3}}).complete());
    CHECK(with("Attention", {{"o/scale:0", {}, 3}}).complete());
    // Keras 1 has other layers.
    const auto keras1 = [](const std::string& other) {
        const std::string config = R"({"class_name": "Sequential", "config": [
            {"class_name": ")" + other +
                                   R"(", "config": {"name": "o", "trainable": true}}]})";
        return load(made::model("keras1.h5", config, "1.2.2", {{"o", {{"o_W", {4}, 3}}}}));
    };
    CHECK(keras1("SReLU").complete());
    CHECK_FALSE(keras1("Attention").complete());
}

TEST_CASE("the regularizer of a custom layer's outputs is never passed over") {
    const fs::path weights = made::weights("outputs.h5", {4, 3});
    const auto statuses = [&](const std::string& config, const std::string& build_config) {
        std::string model = made::dense_json();
        model.replace(model.rfind("]}"), 1,
                      R"(, {"module": null, "class_name": "Plain",
            "config": )" + config +
                          R"(, "registered_name": "my>Plain")" + build_config + "}]");
        std::vector<std::string> all;
        for (const l1l2::keras::Term& term :
             load(made::file("outputs.json", model), weights).terms) {
            all.push_back(l1l2::keras::status_name(term.status));
        }
        return all;
    };
    const std::vector<std::string> all = {"counted", "activity"};
    CHECK(statuses(R"({"name": "p"})", "").size() == 1);
    CHECK(statuses(R"({"name": "p", "activity_regularizer": "l2"})", "") == all);
    const std::string held = R"({"name": "p", "act": {"module": "keras.layers",
        "class_name": "Activation", "config": {"name": "a", "activity_regularizer": "l2"})";
    CHECK(statuses(held + "}}", "") == all);
    CHECK(statuses(held + R"(, "build_config": {}}})", "") == all);
    // In the group of the layer there is none of the layer that it holds.
    const hid_t file = H5Fopen(weights.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "layers/plain", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    CHECK(statuses(held + R"(, "build_config": {}}})", "") == all);
    CHECK(statuses(R"({"name": "p", "layers": [], "build_input_shape": [], "activity_regularizer":
                       "l2"})",
                   "") == all);
}

TEST_CASE("a subclassed model of Keras 3 that is not trained has no complete loss") {
    const std::string start = R"({"module": null, "class_name": "Net", "registered_name": "my>Net",
        "config": {"name": "net", "trainable": )";
    const std::string layer = R"(, "layers": [{"module": "keras.layers", "class_name": "Dense",
        "config": {"name": "d", "units": 3, "use_bias": false, "kernel_regularizer": "l2"},
        "registered_name": null, "build_config": {}}]}, "build_config": {}})";
    const fs::path weights = made::weights("frozen_net.h5", {4, 3});
    const auto model = load(made::file("net.json", start + "true" + layer), weights);
    CHECK(model.complete());
    CHECK(l1l2::keras::counted_terms(model).size() == 1);
    const auto frozen = load(made::file("net.json", start + "false" + layer), weights);
    CHECK_FALSE(frozen.complete());
    CHECK(l1l2::keras::counted_terms(frozen).empty());
    std::string all = start + "false" + layer; // its layer is not trained either
    all.insert(all.find("\"units\""), "\"trainable\": false, ");
    CHECK(load(made::file("net.json", all), weights).complete());
    // A subclass of Sequential does not read it.
    std::string sequential = start + "false" + layer;
    sequential.insert(sequential.find("\"layers\""), "\"build_input_shape\": [null, 4], ");
    const auto counted = load(made::file("net.json", sequential), weights);
    CHECK(counted.complete());
    CHECK(l1l2::keras::counted_terms(counted).size() == 1);
}

TEST_CASE("a layer that was set trainable again in a frozen model has its own weights") {
    // Keras 2 lists it first, Keras 3 in its place.
    const auto dense = [](const std::string& name, const std::string& rest) {
        return R"({"class_name": "Dense", "config": {"name": ")" + name +
               R"(", "units": 3, "use_bias": false)" + rest + "}}";
    };
    const std::string config =
        R"({"class_name": "Functional", "config": {"name": "m", "layers": [
        {"class_name": "Functional", "config": {"name": "base", "trainable": false, "layers": [)" +
        dense("frozen", R"(, "trainable": false, "kernel_regularizer": "l2")") + ", " +
        dense("thawed", "") + "]}}]}}";
    const auto with = [&](const std::string& frozen, const std::string& thawed, bool first) {
        std::vector<made::Array> arrays = {{frozen, {3, 3}, 1}, {thawed, {3, 3}, 2}};
        if (first) {
            std::swap(arrays[0], arrays[1]);
        }
        return made::model("thawed.h5", config, "2.12.0", {{"base", arrays}});
    };
    for (const bool first : {true, false}) {
        CHECK(l1l2::keras::total(load(with("frozen/kernel:0", "thawed/kernel:0", first))) ==
              Approx(0.01 * 9));
        CHECK(says(refusal(with("a/kernel:0", "b/kernel:0", first)), "could be several"));
    }
}

TEST_CASE("layers whose names have other numbers in the file of weights are read in order") {
    const auto dense = [](const char* name) {
        return R"({"class_name": "Dense", "config": {"units": 3, "use_bias": false,
            "kernel_regularizer": "l2", "name": ")" +
               std::string(name) + "\"}}";
    };
    const std::string config =
        R"({"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "Sequential", "config": {"name": "base", "layers": [)" +
        dense("dense_2") + ", " + dense("dense_3") + "]}}]}}";
    const auto model = load(made::model(
        "renamed.h5", config, "2.12.0",
        {{"base", {{"dense_1/kernel:0", {3, 3}, 1}, {"dense_2/kernel:0", {3, 3}, 2}}}}));
    REQUIRE(model.terms.size() == 2);
    CHECK(model.terms[0].stored_as == "dense_1/kernel:0");
    CHECK(model.terms[1].stored_as == "dense_2/kernel:0");
}

TEST_CASE("a wrapper that is not trained, whose cells are, has its arrays in order") {
    const std::string cell = R"({"class_name": "LSTMCell", "config": {"units": 1,
        "kernel_regularizer": "l2"}})";
    const std::string config = R"({"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "RNN", "config": {"name": "r", "trainable": false, "cell":
         {"class_name": "StackedRNNCells", "config": {"cells": [)" +
                               cell + ", " + cell + "]}}}}]}}";
    std::vector<made::Array> arrays;
    for (const std::string end : {"", "_1"}) {
        for (const std::string name : {"kernel", "recurrent_kernel", "bias"}) {
            arrays.push_back({"q/" + name + end + ":0",
                              name == "bias" ? std::vector<hsize_t>{4} : std::vector<hsize_t>{1, 4},
                              1});
        }
    }
    const auto model = load(made::model("cells.h5", config, "2.2.4", {{"r", arrays}}));
    REQUIRE(model.terms.size() == 2);
    CHECK(model.terms[1].stored_as == "q/kernel_1:0");
}

TEST_CASE("the classes of other versions of Keras have their variables") {
    const auto counted = [](const std::string& other, const std::string& regularizer,
                            const std::vector<std::string>& names) {
        std::vector<made::Array> arrays;
        for (const std::string& name : names) {
            arrays.push_back({"o/" + name + ":0", {2}, 1});
        }
        const std::string config = R"({"class_name": "Sequential", "config": {"name": "s",
            "layers": [{"class_name": ")" +
                                   other + R"(", "config": {"name": "o", ")" + regularizer +
                                   R"(": "l2"}}]}})";
        const auto model = load(made::model("class.h5", config, "2.12.0", {{"o", arrays}}));
        INFO(other);
        CHECK(model.complete());
        return l1l2::keras::counted_terms(model).size();
    };
    for (const char* name : {"CuDNNGRU", "CuDNNLSTM"}) {
        CHECK(counted(name, "recurrent_regularizer", {"kernel", "recurrent_kernel", "bias"}) == 1);
    }
    for (const char* name :
         {"BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization"}) {
        CHECK(counted(name, "beta_regularizer",
                      {"gamma", "beta", "moving_mean", "moving_variance"}) == 1);
    }
    std::vector<std::string> names;
    for (const std::string part : {"query", "key", "value", "attention_output"}) {
        names.insert(names.end(), {part + "/kernel", part + "/bias"});
    }
    CHECK(counted("GroupedQueryAttention", "kernel_regularizer", names) == 4);
}

TEST_CASE("lists of layers and weights may be in several attributes") {
    const std::string config = R"({"class_name": "Sequential", "config": {"name": "s",
        "layers": [{"class_name": "Dense", "config": {"name": "d", "units": 3,
        "kernel_regularizer": "l2"}}]}})";
    const fs::path path = made::model("parts.h5", config, "2.12.0",
                                      {{"d", {{"kernel:0", {4, 3}, 1}, {"bias:0", {3}, 1}}}});
    made::set_texts(path, "model_weights/d", "weight_names", {"bias:0"});
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Arename_by_name(file, "model_weights", "layer_names", "layer_names0", H5P_DEFAULT);
    H5Arename_by_name(file, "model_weights/d", "weight_names", "weight_names1", H5P_DEFAULT);
    H5Fclose(file);
    CHECK(says(refusal(path), "weights of 0 layers")); // the list begins with weight_names0
    made::set_texts(path, "model_weights/d", "weight_names0", {"kernel:0"});
    CHECK(load(path).terms.front().stored_as == "kernel:0");
}

TEST_CASE("other weights take the place of those of an HDF5 file") {
    const auto file = [](const std::string& name, float value) {
        return made::model(name, made::dense_json(), "3.0.0", {{"d", {{"kernel", {4, 3}, value}}}});
    };
    const fs::path one = file("one.h5", 1);
    CHECK(l1l2::keras::total(load(one)) == 6.0);
    CHECK(l1l2::keras::total(load(one, file("two.h5", 2))) == 24.0);
}

TEST_CASE("elements are read in the byte order of the file") {
    const fs::path json = made::file("dense.json", made::dense_json());
    const fs::path folder = made::folder("orders");
    const auto total_of = [&](const std::string& descr, const std::string& one) {
        std::string elements;
        for (int i = 0; i < 12; ++i) {
            elements += one;
        }
        made::npy(folder / "d.kernel.npy",
                  "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (4, 3), }", 0);
        std::ofstream(folder / "d.kernel.npy", std::ios::binary | std::ios::app) << elements;
        return l1l2::keras::total(load(json, folder));
    };
    CHECK(total_of("<f4", {"\0\0\x80\x3f", 4}) == 6.0);
    CHECK(total_of(">f4", {"\x3f\x80\0\0", 4}) == 6.0);
    CHECK(total_of("<f2", {"\0\x3c", 2}) == 6.0);
    CHECK(total_of(">f8", {"\x3f\xf0\0\0\0\0\0\0", 8}) == 6.0);
    CHECK(total_of("|V2", {"\x80\x3f", 2}) == 6.0);
    const fs::path weights = made::model("big.h5", "", "", {});
    const hid_t file = H5Fopen(weights.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, "model_weights", H5P_DEFAULT);
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    const hsize_t shape[] = {4, 3};
    const hid_t space = H5Screate_simple(2, shape, nullptr);
    const hid_t array = H5Dcreate2(file, "layers/dense/vars/0", H5T_IEEE_F32BE, space, links,
                                   H5P_DEFAULT, H5P_DEFAULT);
    const std::vector<float> ones(12, 1.0F);
    H5Dwrite(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, ones.data());
    H5Dclose(array);
    H5Sclose(space);
    H5Pclose(links);
    H5Fclose(file);
    CHECK(l1l2::keras::total(load(json, weights)) == 6.0);
}

TEST_CASE("a negative or infinite coefficient is unknown, with a reason") {
    const fs::path weights = made::weights("coefficient.h5", {4, 3});
    for (const char* l2 : {"-0.5", "Infinity", "NaN"}) {
        std::string json = made::dense_json();
        json.replace(json.find("0.5"), 3, l2);
        const auto model = load(made::file("coefficient.json", json), weights);
        CHECK_FALSE(model.complete());
        CHECK(model.terms.front().status == l1l2::keras::Status::unknown);
        CHECK_FALSE(model.terms.front().reason.empty());
    }
}
