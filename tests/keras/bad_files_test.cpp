/// Truncated, hostile and huge files are refused by a sentence, in bounded memory, and lead to no
/// other file.
#include "catch.hpp"
#include "made_files.hpp"

#include <l1l2_keras.hpp>

#include <cstdint>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>

namespace {

using l1l2::keras::load;
using l1l2::keras::LoadError;
namespace fs = std::filesystem;

const fs::path models = L1L2_KERAS_MODELS;

std::string bytes_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// What load() says of a file that it refuses.
std::string refusal(const fs::path& model, const fs::path& weights = {}) {
    try {
        load(model, weights);
    } catch (const LoadError& error) {
        return error.what();
    }
    return "no refusal";
}

bool says(const std::string& sentence, const std::string& words) {
    return sentence.find(words) != std::string::npos;
}

/// The most memory that this process has used, in bytes.
std::size_t peak_memory() {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

} // namespace

TEST_CASE("a recorded model that is cut off is refused, at every length") {
    for (const char* name :
         {"keras3/dense.keras", "keras3/dense.h5", "tf_keras/nested_three_deep.h5"}) {
        const std::string whole = bytes_of(models / name);
        INFO(name);
        const std::size_t step = whole.size() > 20000 ? 97 : 7;
        for (std::size_t n = 0; n < whole.size(); n += step) {
            CHECK_THROWS_AS(load(whole.data(), n), LoadError);
        }
    }
}

TEST_CASE("an archive with a damaged byte is read or refused") {
    for (const char* name : {"keras3/dense.keras", "keras3/dense_stored.keras"}) {
        std::string bytes = bytes_of(models / name);
        for (std::size_t i = 0; i < bytes.size(); i += 3) {
            const char was = bytes[i];
            bytes[i] = static_cast<char>(~was);
            try {
                load(bytes.data(), bytes.size());
            } catch (const LoadError&) { // as it should be
            }
            bytes[i] = was;
        }
    }
    SUCCEED();
}

TEST_CASE("what is no model is refused with what was expected") {
    CHECK(says(refusal(made::file("note.txt", "Dear reader")),
               "note.txt: is none of a .keras archive"));
    CHECK(says(refusal(made::file("empty", "")), "is none of a .keras archive"));
    CHECK(says(refusal(made::file("list.json", "[1, 2]")), "is none of a .keras archive"));
    CHECK(says(refusal(made::file("object.json", "{\"a\": 1}")), "no class_name"));
    CHECK(says(refusal(made::file("no_layers.json",
                                  R"({"class_name": "Sequential", "config": {"name": "a"}})"),
                       made::folder("no_weights")),
               "its config has no layers"));
    CHECK(says(refusal(made::file("broken.json", "{\"class_name\": ")), "broken JSON at byte "));
    CHECK(says(refusal(made::file("layers.json",
                                  R"({"class_name": "Sequential", "config": {"layers": [3]}})"),
                       made::folder("no_weights")),
               "a layer without class_name and config"));
    CHECK(says(refusal(made::file("types.json", R"({"class_name": "Sequential", "config": {"layers":
        [{"class_name": "Dense", "config": {"name": "a", "use_bias": 3}}]}})"),
                       made::folder("no_weights")),
               "use_bias is neither true nor false"));
    CHECK(says(refusal("/nowhere/model.keras"), "cannot be opened: No such file"));
    CHECK(says(refusal(made::zip("other.zip", {{"a", "b"}})), "without config.json"));
    CHECK(says(refusal(models / "keras3/dense.weights.h5"), "weights without an architecture"));
    CHECK(says(refusal(models / "keras3/dense.json"), "an architecture without weights"));
    CHECK(says(refusal(models / "keras3/dense.json", made::file("w.txt", "no weights at all")),
               "w.txt: its header is cut off"));
    CHECK(refusal(models / "keras3/dense.json", "/nowhere/w.h5")
              .rfind("/nowhere/w.h5: cannot be opened", 0) == 0);
    CHECK(refusal(models / "keras3/dense.json", models / "keras3/dense.json")
              .rfind((models / "keras3/dense.json").string() + ": is none of an HDF5 file, an .npz",
                     0) == 0);
    CHECK(says(refusal(models / "keras3/dense.keras", models / "keras3/dense.weights.h5"),
               "dense.keras: has weights of its own"));
    CHECK(says(refusal(made::file("keras1.json", R"({"class_name": "Sequential", "config": [],
                                                     "keras_version": "1.1.2"})"),
                       made::folder("no_weights")),
               "was written by Keras 1.1.2; Keras 1.2, Keras 2,"));
    CHECK(says(refusal(made::file("nested.json", R"({"class_name": "Sequential", "config": [
        {"class_name": "TimeDistributed", "config": {"name": "each", "layer":
            {"class_name": "Sequential", "config": [
                {"class_name": "Dense", "config": {"name": "a", "W_regularizer": null}}]}}}],
                                                     "keras_version": "1.2.2"})"),
                       made::folder("no_weights")),
               "a model within a model"));
}

TEST_CASE("JSON that is nested without end is refused") {
    const std::string deep(1000000, '[');
    CHECK(says(refusal(made::file("deep.json", "{\"class_name\": " + deep)), "200 levels deep"));
    CHECK(says(refusal(made::zip("deep.keras", {{"config.json", deep}})), "200 levels deep"));
}

TEST_CASE("an archive that unpacks without end is refused in bounded memory") {
    const std::size_t before = peak_memory();
    const fs::path bomb = made::zip_of_zeros("bomb.keras", "config.json", std::size_t{1} << 30);
    CHECK(fs::file_size(bomb) < std::size_t{4} << 20);
    CHECK(says(refusal(bomb), "unpacks to more than 33554432 bytes"));
    CHECK(peak_memory() - before < std::size_t{900} << 20);
    try {
        load(models / "keras3/dense.keras", {}, {100});
        FAIL("a smaller limit is kept");
    } catch (const LoadError& error) {
        CHECK(says(error.what(), "unpacks to more than 100 bytes"));
    }
}

TEST_CASE("weights of another shape than the architecture says are refused") {
    const fs::path json = made::file("dense.json", made::dense_json());
    CHECK(says(refusal(json, made::weights("shape.h5", {4, 5})),
               "its shape is 4x5, where the architecture says ?x3"));
    CHECK(says(refusal(json, made::weights("rank.h5", {4})), "its shape is 4,"));
    const fs::path good = made::weights("good.h5", {4, 3});
    CHECK(says(refusal(json, good), "no refusal"));
}

TEST_CASE("an HDF5 array that promises more than it stores is refused in bounded memory") {
    const fs::path json = made::file("dense.json", made::dense_json());
    CHECK(says(refusal(json, made::unwritten_weights("unwritten.h5", {hsize_t{1} << 40, 3})),
               "of which 0 are stored"));
    CHECK(says(refusal(json, made::unwritten_weights("overflow.h5", {hsize_t{1} << 62, 3})),
               "more elements than memory"));
}

TEST_CASE("an HDF5 array that claims to store more than the file is long is refused") {
    const fs::path json = made::file("dense.json", made::dense_json());
    std::string bytes = bytes_of(made::weights("claim.h5", {12345, 3}));
    const auto claim = [&](std::uint64_t from, std::uint64_t to) {
        const std::string was(reinterpret_cast<const char*>(&from), sizeof from);
        for (std::size_t at = 0; (at = bytes.find(was, at)) != std::string::npos; at += 8) {
            std::memcpy(&bytes[at], &to, sizeof to);
        }
    };
    claim(12345, 400'000'000);
    claim(12345 * 12, 4'800'000'000);
    CHECK(says(refusal(json, made::file("claim.h5", bytes)), "its shape takes 4800000000 bytes"));
}

TEST_CASE("arrays that are the same bytes do not multiply") {
    std::string layers = made::dense_json();
    const std::size_t start = layers.find("{\"module\": \"keras.layers\"");
    const std::size_t end = layers.find("]}, \"registered_name\": null}", start);
    std::string other = layers.substr(start, end - start);
    other.replace(other.find("\"d\""), 3, "\"e\"");
    layers.insert(start, other + ", ");
    const fs::path json = made::file("two.json", layers);
    const std::string array =
        R"(/kernel": {"dtype": "F32", "shape": [4000, 3], "data_offsets": [0, 48000]})";
    CHECK(says(refusal(json, made::safetensors("same.safetensors",
                                               R"({"d)" + array + R"(, "e)" + array + "}", 48000)),
               "the variables take more than"));
}

TEST_CASE("a zip archive with two members of one name is refused") {
    std::string bytes =
        bytes_of(made::zip("twice.keras", {{"config.json", "{}"}, {"confix.json", "{}"}}));
    for (std::size_t at = 0; (at = bytes.find("confix")) != std::string::npos;) {
        bytes[at + 5] = 'g';
    }
    CHECK(says(refusal(made::file("twice.keras", bytes)), "has two members config.json"));
}

TEST_CASE("a file is read in time in proportion to its layers") {
    // Models of layers called NAME0, NAME1 ..., or all NAME, and their kernels.
    const auto seconds = [](std::size_t layers, bool numbered) {
        std::string model = R"({"class_name": "Sequential", "config": {"name": "s", "layers": [)";
        std::string header = "{";
        for (std::size_t i = 0; i < layers; ++i) {
            const std::string number = std::to_string(i);
            const std::string comma = i == 0 ? "" : ", ";
            model += comma + R"({"class_name": "Dense", "config": {"units": 1, "use_bias": false,
                "kernel_regularizer": "l2", "name": "d)" +
                     (numbered ? number : "") + "\"}}";
            header += comma + "\"" + (numbered ? "d" + number + "/kernel" : "d/kernel_" + number) +
                      R"(": {"dtype": "F32", "shape": [1, 1], "data_offsets": [)" +
                      std::to_string(4 * i) + ", " + std::to_string(4 * i + 4) + "]}";
        }
        const fs::path json = made::file("many.json", model + "]}}");
        const fs::path weights = made::safetensors("many.safetensors", header + "}", 4 * layers);
        const std::clock_t begin = std::clock();
        const auto terms = load(json, weights).terms;
        CHECK(terms.size() == layers);
        return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    };
    for (const bool numbered : {true, false}) {
        CAPTURE(numbered);
        CHECK(seconds(16000, numbered) < 10.0 * seconds(4000, numbered) + 0.5);
    }
}

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
    std::string layers;
    std::string header;
    for (int i = 0; i < 12; ++i) {
        const std::string units = std::to_string(i + 1);
        const std::string comma = i == 0 ? "" : ", ";
        layers += comma + R"({"class_name": "Sequential", "config": {"name": "m", "layers": [
            {"class_name": "Dense", "config": {"name": "d", "use_bias": false,
             "kernel_regularizer": "l2", "units": )" +
                  units + "}}]}}";
        header += comma + "\"d/kernel" + (i == 0 ? "" : "_" + std::to_string(i)) +
                  R"(": {"dtype": "F32", "data_offsets": [0, )" + std::to_string(4 * (i + 1)) +
                  R"(], "shape": [1, )" + units + "]}";
    }
    const fs::path json = made::file(
        "twelve.json",
        R"({"class_name": "Sequential", "config": {"name": "s", "layers": [)" + layers + "]}}");
    CHECK(load(json, made::safetensors("twelve.safetensors", "{" + header + "}", 400))
              .terms.back()
              .stored_as == "d/kernel_11");
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
    CHECK_FALSE(load(made::file("bare.json", bare), weights).complete());
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

TEST_CASE("filters of HDF5 that could run other code are refused") {
    const fs::path json = made::file("dense.json", made::dense_json());
    for (const H5Z_filter_t filter :
         {H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32}) {
        CHECK(refusal(json, made::filtered_weights("filter.h5", {4, 3}, filter)) == "no refusal");
    }
    CHECK(says(refusal(json, made::filtered_weights("filter.h5", {4, 3}, H5Z_FILTER_NBIT)),
               "compressed with HDF5's filter 5; gzip, shuffle"));
}

TEST_CASE("variables take no more memory than the file is long and the limit") {
    const fs::path json = made::file("dense.json", made::dense_json());
    const fs::path packed = made::filtered_weights("packed.h5", {40000, 3}, H5Z_FILTER_DEFLATE);
    CHECK(fs::file_size(packed) < 10000);
    CHECK(load(json, packed, {480000}).complete());
    CHECK_THROWS_AS(load(json, packed, {400000}), LoadError);
    CHECK(load(json, packed, {UINT64_MAX}).complete()); // the sum does not wrap
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

TEST_CASE("links and external storage in HDF5 lead nowhere") {
    const fs::path json = made::file("dense.json", made::dense_json());
    const fs::path good = made::weights("target.h5", {4, 3});
    CHECK(says(refusal(json, made::linked_weights("soft.h5", "/elsewhere", "")),
               "links are not followed"));
    CHECK(says(refusal(json, made::linked_weights("external.h5", "/layers", good.string())),
               "links are not followed"));
    CHECK(says(refusal(json, made::external_weights("storage.h5",
                                                    made::file("raw", std::string(48, 'a')))),
               "other files are not opened"));
    CHECK(says(refusal(json, made::virtual_weights("virtual.h5", good)),
               "other files are not opened"));
    CHECK(says(refusal(json, made::cyclic_weights("cycle.h5")), "no weights of it"));
}

TEST_CASE("an HDF5 file of groups in a circle, or on more and more ways, ends") {
    const fs::path json = made::file("custom.json", R"({"module": "mine", "class_name": "Net",
        "config": {}, "registered_name": "my>Net", "build_config": {}})");
    CHECK(says(refusal(json, made::cyclic_weights("cycle.h5")), "its groups have no end"));
    const std::clock_t begin = std::clock();
    CHECK(says(refusal(json, made::doubling_weights("ways.h5", 60)), "its groups have no end"));
    CHECK(std::clock() - begin < 20 * CLOCKS_PER_SEC);
}

TEST_CASE("layers that are nested in a way that would double with each level are refused") {
    std::string layer = R"({"class_name": "LSTM", "config": {"name": "l", "units": 1}})";
    for (int i = 0; i < 30; ++i) {
        layer =
            R"({"class_name": "Bidirectional", "config": {"name": "b", "layer": )" + layer + "}}";
    }
    CHECK(says(refusal(made::file("twice.json",
                                  R"({"class_name": "Sequential", "config": [)" + layer + "]}"),
                       made::folder("no_weights")),
               "a Bidirectional layer within another"));
}

TEST_CASE("names that a small file repeats are refused in bounded memory") {
    const std::size_t before = peak_memory();
    const fs::path file =
        made::model("names.h5", made::dense_json(), "3.0.0", {{"d", {{"k", {4, 3}, 1}}}});
    made::set_texts(file, "model_weights/d", "weight_names", std::vector<std::string>(3000, "k"));
    made::set_texts(file, "model_weights", "layer_names", std::vector<std::string>(3000, "d"));
    CHECK(says(refusal(file), "its names take more than"));
    std::string path;
    for (int i = 0; i < 10000; ++i) {
        path += std::to_string(i) + "/";
    }
    CHECK(says(refusal(made::file("dense.json", made::dense_json()),
                       made::safetensors("names.safetensors",
                                         "{\"" + path + std::string(40000, 'k') + "\": {}}", 0)),
               "its names take more than"));
    CHECK(peak_memory() - before < std::size_t{400} << 20);
}

TEST_CASE("a damaged .npy is refused") {
    const fs::path json = made::file("dense.json", made::dense_json());
    const auto with = [&](const std::string& header, std::size_t bytes) {
        const fs::path folder = made::folder("npy");
        made::npy(folder / "d.kernel.npy", header, bytes);
        return refusal(json, folder);
    };
    const std::string start = "{'descr': '<f4', 'fortran_order': False, 'shape': ";
    CHECK(with(start + "(4, 3), }", 48) == "no refusal");
    CHECK(says(with(start + "(4, 3), }", 47), "not as many bytes"));
    CHECK(says(with(start + "(4, 5), }", 80), "where the architecture says ?x3"));
    CHECK(says(with(start + "(6148914691236517206, 3), }", 48), "more elements than memory"));
    CHECK(says(with(start + "(99999999999999999999, 3), }", 48), "no shape"));
    CHECK(says(with(start + "4}", 48), "no shape"));
    CHECK(says(with("{'descr': '<i8', 'fortran_order': False, 'shape': (4, 3), }", 96),
               "its elements are '<i8'"));
    CHECK(says(with("{'descr': '<f4', 'fortran_order': True, 'shape': (4, 3), }", 48), "Fortran"));
    CHECK(says(with("{}", 48), "no 'descr'"));
    // Its shape is refused before its elements are read.
    const fs::path folder = made::folder("large_npy");
    made::npy(folder / "d.kernel.npy", start + "(4, 5), }", 0);
    fs::resize_file(folder / "d.kernel.npy", std::uintmax_t{1} << 30);
    const std::size_t before = peak_memory();
    CHECK(says(refusal(json, folder), "where the architecture says ?x3"));
    CHECK(peak_memory() - before < std::size_t{100} << 20);
}

TEST_CASE("a damaged .safetensors is refused") {
    const fs::path json = made::file("dense.json", made::dense_json());
    const auto with = [&](const std::string& header, std::size_t bytes) {
        return refusal(json, made::safetensors("w.safetensors", header, bytes));
    };
    const std::string start = R"({"d/kernel": {"dtype": "F32", "shape": [4, 3], )";
    const std::string good = start + R"("data_offsets": [0, 48]}})";
    CHECK(with(good, 48) == "no refusal");
    for (const std::size_t length : {123, 31520}) { // which begin with '{' and ' ', in bytes
        CHECK(with(good + std::string(length - good.size(), ' '), 48) == "no refusal");
    }
    CHECK(says(with(good, 47), "do not fit"));
    CHECK(says(with(start + R"("data_offsets": [48, 0]}})", 48), "do not fit"));
    CHECK(says(with(start + R"("data_offsets": [18446744073709551615, 47]}})", 48), "do not fit"));
    CHECK(says(with(start + R"("data_offsets": "0"}})", 48), "a shape is no array"));
    CHECK(says(with(R"({"d/kernel": {"dtype": "I8", "shape": [4, 3]}})", 48), "elements are I8"));
    CHECK(says(with(R"({"d/kernel": 3})", 48), "no dtype and shape"));
    CHECK(says(with("[]", 48), "no JSON object"));
}

TEST_CASE("a model.json of TensorFlow.js reads its own folder alone") {
    const auto with = [&](const std::string& paths, const std::string& weight) {
        const std::string model = R"({"modelTopology": {"keras_version": "tfjs-layers 4.22.0",
            "model_config": )" + made::dense_json() +
                                  R"(}, "weightsManifest": [{"paths": )" + paths +
                                  R"(, "weights": [)" + weight + "]}]}";
        return refusal(made::file("tfjs/model.json", model));
    };
    made::file("tfjs/a.bin", std::string(20, '\0'));
    made::file("tfjs/b.bin", std::string(28, '\0'));
    const std::string kernel = R"({"name": "d/kernel", "shape": [4, 3], "dtype": "float32"})";
    CHECK(with(R"(["a.bin", "b.bin"])", kernel) == "no refusal");
    CHECK(says(with(R"(["a.bin"])", kernel), "its files are too short"));
    CHECK(says(with(R"(["../a.bin"])", kernel), "outside of its folder"));
    CHECK(says(with(R"(["/etc/passwd"])", kernel), "outside of its folder"));
    CHECK(says(with("[3]", kernel), "outside of its folder"));
    CHECK(says(with(R"(["a.bin", "./a.bin", "b.bin"])", kernel), "names a file twice"));
    CHECK(says(with(R"(["c.bin"])", kernel), "c.bin cannot be read: No such file"));
    // Together 2^64 bytes: the kernel would be at the start again.
    std::string before;
    for (const char* name : {"p", "q", "r", "s"}) {
        before += R"({"name": ")" + std::string(name) +
                  R"(", "shape": [1152921504606846975], "dtype": "float32"}, )";
    }
    before += R"({"name": "t", "shape": [4], "dtype": "float32"}, )";
    CHECK(says(with(R"(["a.bin", "b.bin"])", before + kernel), "more bytes than memory"));
    CHECK(says(with(R"(["a.bin", "b.bin"])", kernel + ", " + kernel), "two weights d/kernel"));
    CHECK(says(with(R"(["a.bin"])", R"({"name": "d/kernel", "shape": [4, 3], "dtype": "float32",
        "quantization": {"dtype": "uint8", "min": 0, "scale": 1}})"),
               "quantized to uint8"));
}
