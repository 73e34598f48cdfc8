/// Truncated, hostile and huge files are refused by a sentence, in bounded memory, and lead to no
/// other file.
#include "catch.hpp"
#include "made_files.hpp"
#include "refusal.hpp"

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
    CHECK(
        says(refusal(models / "keras3/dense.keras", {}, {100}), "unpacks to more than 100 bytes"));
    const fs::path json = made::file("dense.json", made::dense_json());
    const fs::path npz = made::zip_of_zeros("bomb.npz", "d.kernel.npy", std::size_t{4} << 20);
    CHECK(says(refusal(json, npz, {1000000}), "d.kernel.npy unpacks to more than 1000000 bytes"));
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
    const auto nested = [](int levels) {
        std::string layer = R"({"class_name": "LSTM", "config": {"name": "l", "units": 1}})";
        for (int i = 0; i < levels; ++i) {
            layer = R"({"class_name": "Bidirectional", "config": {"name": "b", "layer": )" + layer +
                    "}}";
        }
        return refusal(
            made::file("twice.json", R"({"class_name": "Sequential", "config": [)" + layer + "]}"),
            made::folder("no_weights"));
    };
    const std::string sentence = "more than 3 Bidirectional layers within each other";
    CHECK_FALSE(says(nested(3), sentence));
    CHECK(says(nested(4), sentence));
    CHECK(says(nested(30), sentence));
}

TEST_CASE("names that a small file repeats are refused in bounded memory") {
    const std::size_t before = peak_memory();
    const fs::path file =
        made::model("names.h5", made::dense_json(), "3.0.0", {{"d", {{"k", {4, 3}, 1}}}});
    made::set_texts(file, "model_weights/d", "weight_names", std::vector<std::string>(3000, "k"));
    made::set_texts(file, "model_weights", "layer_names", {"d", "d"});
    CHECK(says(refusal(file), "names the layer d twice"));
    std::vector<std::string> layers;
    const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    for (int i = 0; i < 3000; ++i) {
        layers.push_back(std::to_string(i));
        H5Lcreate_hard(opened, "model_weights/d", opened,
                       ("model_weights/" + layers.back()).c_str(), H5P_DEFAULT, H5P_DEFAULT);
    }
    H5Fclose(opened);
    made::set_texts(file, "model_weights", "layer_names", layers);
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
    // The folder may be given by a link.
    const fs::path given = made::folder("elsewhere") / "link";
    fs::create_directory_symlink(made::folder("tfjs/inner"), given);
    with(R"(["a.bin", "b.bin"])", kernel);
    CHECK(refusal(given / ".." / "model.json") == "no refusal");
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
