// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "hdf5_file.hpp"
#include "json_text.hpp"
#include "l1l2_keras.hpp"
#include "model_terms.hpp"
#include "places.hpp"
#include "zip_archive.hpp"

#include <algorithm>
#include <cstring>

namespace l1l2::keras {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// The longest JSON of an architecture, in bytes.
constexpr std::uint64_t longest_json = std::uint64_t{1} << 25;

enum class Kind { zip, hdf5, object, npy, other };

/// Recognises a format by the first bytes of a file.
Kind kind_of(const unsigned char* bytes, std::size_t n) {
    const auto starts_with = [&](const char* text, std::size_t length) {
        return n >= length && std::memcmp(bytes, text, length) == 0;
    };
    if (starts_with("PK\x03\x04", 4) || starts_with("PK\x05\x06", 4)) {
        return Kind::zip;
    }
    if (starts_with("\x89HDF\r\n\x1a\n", 8)) {
        return Kind::hdf5;
    }
    if (starts_with("\x93NUMPY", 6)) {
        return Kind::npy;
    }
    // Of a .safetensors the first bytes are a length, which may begin with the code of '{'.
    if (n > 0 && std::memchr(bytes, 0, std::min<std::size_t>(n, 8)) != nullptr) {
        return Kind::other;
    }
    const auto* first = std::find_if(bytes, bytes + n, [](unsigned char c) {
        return c != ' ' && c != '\n' && c != '\r' && c != '\t';
    });
    return first != bytes + n && *first == '{' ? Kind::object : Kind::other;
}

Kind kind_of(const fs::path& path) {
    std::error_code failed;
    const std::uintmax_t size = fs::file_size(path, failed);
    if (failed) {
        throw LoadError("cannot be opened: " + failed.message());
    }
    const Bytes start =
        read_part(path, 0, static_cast<std::size_t>(std::min<std::uintmax_t>(size, 64)));
    return kind_of(start.data(), start.size());
}

const char expected[] = "is none of a .keras archive, an HDF5 file of a model, the JSON of an "
                        "architecture and a model.json of TensorFlow.js";

json parse(const Bytes& text) {
    return parse_json({reinterpret_cast<const char*>(text.data()), text.size()});
}

std::string text_member(const json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() && found->is_string()
               ? found->get<std::string>()
               : "";
}

/// What the version of an architecture's writer says. Of Keras 3, an architecture alone has none.
Generation generation_of(const std::string& version, const json& architecture) {
    if (version.empty()) {
        return architecture.is_object() && architecture.contains("module") ? Generation::keras3
                                                                           : Generation::keras2;
    }
    if (version.rfind("1.2.", 0) == 0) {
        return Generation::keras1;
    }
    if (version.rfind("1.", 0) == 0 || version.rfind("0.", 0) == 0) {
        throw LoadError("was written by Keras " + version +
                        "; Keras 1.2, Keras 2, tf_keras, Keras 3 and TensorFlow.js are read");
    }
    const bool keras2 = version.rfind("2.", 0) == 0 || version.rfind("tfjs", 0) == 0;
    return keras2 ? Generation::keras2 : Generation::keras3;
}

std::string writer_of(const std::string& version, Generation generation) {
    if (version.rfind("tfjs", 0) == 0) {
        return "TensorFlow.js (" + version + ")";
    }
    const std::string name = generation == Generation::keras2 ? "Keras or tf_keras" : "Keras";
    return name + " " + (!version.empty() ? version : generation == Generation::keras3 ? "3" : "2");
}

Model read_model(const json& architecture, const std::string& version, const Weights& weights,
                 const char* format) {
    const Generation generation = generation_of(version, architecture);
    Layer root = read_architecture(architecture, generation);
    find_places(root, weights);
    return {writer_of(version, generation), format, terms_of(root, weights)};
}

Model read_keras(const ZipArchive& archive, const Limits& limits) {
    if (!archive.contains("config.json")) {
        throw LoadError("is a zip archive without config.json, so no .keras file");
    }
    const json architecture = parse(archive.read("config.json", longest_json));
    std::string version;
    if (archive.contains("metadata.json")) {
        version = text_member(parse(archive.read("metadata.json", longest_json)), "keras_version");
    }
    if (!archive.contains("model.weights.h5")) {
        throw LoadError("has no model.weights.h5; weights in shards or .npz are not read");
    }
    const Bytes image = archive.read("model.weights.h5");
    const Hdf5File weights(image.data(), image.size(), limits);
    return read_model(architecture, version, weights, "a .keras archive");
}

Model read_hdf5(const Hdf5File& file, const Weights& weights) {
    const std::optional<std::string> config = file.attribute("model_config");
    if (!config) {
        throw LoadError("holds weights without an architecture; name the JSON of the architecture "
                        "first and this file second");
    }
    if (config->size() > longest_json) {
        throw LoadError("has too long an architecture");
    }
    return read_model(parse_json(*config), file.attribute("keras_version").value_or(""), weights,
                      "an HDF5 file of a model");
}

/// An error whose sentence has the name of its file already.
struct NamedError : LoadError {
    using LoadError::LoadError;
};

/// Calls a function and turns what it throws into a LoadError with the file's name.
template <class Function>
auto named(const std::string& name, Function read) {
    const std::string prefix = name.empty() ? "" : name + ": ";
    try {
        return read();
    } catch (const NamedError&) {
        throw;
    } catch (const LoadError& error) {
        throw NamedError(prefix + error.what());
    } catch (const fs::filesystem_error& error) {
        const std::string file = error.path1().string();
        throw NamedError(prefix + (file == name ? "" : file + " ") +
                         "cannot be read: " + error.code().message());
    } catch (const json::exception&) {
        throw NamedError(prefix + "its JSON has values of other types than Keras writes");
    }
}

std::unique_ptr<Weights> open_unnamed(const fs::path& path, const Limits& limits) {
    if (fs::is_directory(path)) {
        return open_npy_folder(path);
    }
    switch (kind_of(path)) {
    case Kind::zip: return open_npz(path, limits);
    case Kind::hdf5: return std::make_unique<Hdf5File>(path, limits);
    case Kind::other: return open_safetensors(path);
    default:
        throw LoadError("is none of an HDF5 file, an .npz, a .safetensors and a folder of .npy");
    }
}

std::unique_ptr<Weights> open_weights(const fs::path& path, const Limits& limits) {
    return named(path.string(), [&] { return open_unnamed(path, limits); });
}

Model read_architecture_file(const fs::path& model, const fs::path& weights_path,
                             const Limits& limits) {
    if (fs::file_size(model) > longest_json) {
        throw LoadError("has too long an architecture");
    }
    const json file = parse(read_file(model));
    const bool tensorflow_js = file.contains("modelTopology");
    const json& topology = tensorflow_js ? file["modelTopology"] : file;
    const bool wrapped = topology.is_object() && topology.contains("model_config");
    const json& architecture = wrapped ? topology["model_config"] : topology;
    if (!architecture.is_object() || !architecture.contains("class_name")) {
        throw LoadError("is JSON, but no architecture: it has no class_name");
    }
    std::string version = text_member(topology, "keras_version");
    std::unique_ptr<Weights> weights;
    if (!weights_path.empty()) {
        weights = open_weights(weights_path, limits);
    } else if (tensorflow_js && file.contains("weightsManifest")) {
        weights = open_manifest(file["weightsManifest"], model.parent_path());
    } else if (fs::is_directory(model.parent_path() / "weights")) {
        weights = open_npy_folder(model.parent_path() / "weights");
    } else {
        throw LoadError("is an architecture without weights; name the file of the weights second");
    }
    return read_model(architecture, version, *weights,
                      tensorflow_js ? "a model.json of TensorFlow.js"
                                    : "the JSON of an architecture");
}

Model load_file(const fs::path& model, const fs::path& weights, const Limits& limits) {
    switch (kind_of(model)) {
    case Kind::zip:
        if (!weights.empty()) {
            throw LoadError("has weights of its own");
        }
        return read_keras(ZipArchive(model, limits), limits);
    case Kind::hdf5: {
        const Hdf5File file(model, limits);
        return weights.empty() ? read_hdf5(file, file)
                               : read_hdf5(file, *open_weights(weights, limits));
    }
    case Kind::object: return read_architecture_file(model, weights, limits);
    default: throw LoadError(expected);
    }
}

} // namespace

Model load(const fs::path& model, const fs::path& weights, const Limits& limits) {
    return named(model.string(), [&] { return load_file(model, weights, limits); });
}

Model load(const void* bytes, std::size_t n, const Limits& limits) {
    return named("", [&]() -> Model {
        switch (kind_of(static_cast<const unsigned char*>(bytes), n)) {
        case Kind::zip: return read_keras(ZipArchive(bytes, n, limits), limits);
        case Kind::hdf5: {
            const Hdf5File file(bytes, n, limits);
            return read_hdf5(file, file);
        }
        default: throw LoadError("is neither a .keras archive nor an HDF5 file of a model");
        }
    });
}

} // namespace l1l2::keras
