// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The weights of TensorFlow.js: model.json lists them, binary files beside it hold them end to
/// end.
#include "shape.hpp"
#include "weights.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace l1l2::keras {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct Place {
    ArrayInfo info;
    std::string refused; ///< why it is not read; else ""
    std::size_t shards;  ///< index of its group of files
    std::uint64_t offset;
};

const json& member(const json& object, const char* key) {
    if (!object.is_object() || !object.contains(key)) {
        throw LoadError(std::string("its weightsManifest has no ") + key);
    }
    return object[key];
}

std::string text(const json& object, const char* key) {
    const json& value = member(object, key);
    if (!value.is_string()) {
        throw LoadError(std::string("its weightsManifest has a ") + key + " that is no text");
    }
    return value;
}

/// A file in the folder of model.json: no path may lead elsewhere.
fs::path shard(const fs::path& folder, const json& name) {
    const fs::path path = name.is_string() ? fs::path(name.get<std::string>()) : fs::path();
    if (path.empty() || path.has_root_path() ||
        std::find(path.begin(), path.end(), "..") != path.end()) {
        throw LoadError("its weightsManifest names a file outside of its folder");
    }
    return folder / path.lexically_normal();
}

class Manifest : public Weights {
  public:
    Manifest(const json& manifest, const fs::path& folder) {
        if (!manifest.is_array()) {
            throw LoadError("its weightsManifest is no array");
        }
        std::set<fs::path> seen;
        for (const json& group : manifest) {
            std::vector<fs::path> files;
            for (const json& name : member(group, "paths")) {
                files.push_back(shard(folder, name));
                if (!seen.insert(files.back()).second) {
                    throw LoadError("its weightsManifest names a file twice");
                }
            }
            shards_.push_back(files);
            std::uint64_t offset = 0;
            for (const json& weight : member(group, "weights")) {
                add(weight, offset);
            }
        }
    }

    Naming naming() const override { return Naming::names; }
    std::vector<Group> groups() const override { return {{"", names_}}; }

    ArrayInfo info(const std::string& /*group*/, const std::string& name) const override {
        const Place& place = places_.at(name);
        if (!place.refused.empty()) {
            throw LoadError(place.refused);
        }
        return place.info;
    }

    Array read(const std::string& group, const std::string& name,
               const Check& check) const override {
        Array array = {info(group, name), {}};
        check(array.info);
        const Place& place = places_.at(name);
        std::uint64_t offset = place.offset;
        std::size_t missing = byte_count(array.info);
        for (const fs::path& file : shards_[place.shards]) {
            const std::uint64_t size = fs::file_size(file);
            if (offset < size && missing > 0) {
                const auto length =
                    static_cast<std::size_t>(std::min<std::uint64_t>(missing, size - offset));
                const Bytes part = read_part(file, offset, length);
                const auto* bytes = reinterpret_cast<const std::byte*>(part.data());
                array.elements.insert(array.elements.end(), bytes, bytes + length);
                missing -= length;
            }
            offset -= std::min(offset, size);
        }
        if (missing > 0) {
            throw LoadError("its files are too short");
        }
        to_native_order(array.elements, array.info.dtype, true);
        return array;
    }

  private:
    /// Adds a weight at an offset, and moves the offset behind it.
    void add(const json& weight, std::uint64_t& offset) {
        const std::string name = text(weight, "name");
        const bool quantized = weight.contains("quantization");
        const std::string dtype = text(quantized ? weight["quantization"] : weight, "dtype");
        Place place = {
            {shape_of(member(weight, "shape")), L1L2_FLOAT32}, "", shards_.size() - 1, offset};
        if (offset == unknown) {
            place.refused = "its place is behind an array of a type that is not read";
        } else if (quantized) {
            place.refused = "its elements are quantized to " + dtype + ", not the trained ones";
        } else if (dtype != "float32") {
            place.refused = "its elements are " + dtype + "; float32 is read";
        }
        const std::size_t size = size_of(dtype);
        const std::size_t bytes = byte_count(place.info) / 4 * size;
        if (offset != unknown && bytes >= unknown - offset) {
            throw LoadError("its weightsManifest has more bytes than memory");
        }
        offset = size == 0 || offset == unknown ? unknown : offset + bytes;
        names_.push_back(name);
        if (!places_.emplace(name, place).second) {
            throw LoadError("its weightsManifest has two weights " + name);
        }
    }

    /// In bytes; 0 of a type whose elements have no fixed size.
    static std::size_t size_of(const std::string& dtype) {
        if (dtype == "float32" || dtype == "int32") {
            return 4;
        }
        if (dtype == "float16" || dtype == "uint16") {
            return 2;
        }
        return dtype == "uint8" || dtype == "bool" ? 1 : 0;
    }

    static constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

    std::vector<std::vector<fs::path>> shards_;
    std::vector<std::string> names_;
    std::map<std::string, Place> places_;
};

} // namespace

std::unique_ptr<Weights> open_manifest(const json& manifest, const fs::path& folder) {
    return std::make_unique<Manifest>(manifest, folder);
}

} // namespace l1l2::keras
