// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The arrays of a file of weights, whatever its format.
#pragma once

#include "l1l2_keras.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace l1l2::keras {

/// Bytes of a file, or of a member of an archive.
using Bytes = std::vector<unsigned char>;

/// What a file says of an array before its elements are read.
struct ArrayInfo {
    std::vector<std::size_t> shape;
    l1l2_dtype dtype = 0;
};

/// An array with its elements, in this machine's byte order.
struct Array {
    ArrayInfo info;
    std::vector<std::byte> elements;
};

/// Throws LoadError for an array that the model cannot have. Called before its elements are read.
using Check = std::function<void(const ArrayInfo&)>;

/// The size in bytes of the elements. Throws LoadError if it is beyond PTRDIFF_MAX.
std::size_t byte_count(const ArrayInfo& info);

/// Throws LoadError with the names of the types that are read.
[[noreturn]] void refuse_dtype(const std::string& dtype);

/// Makes elements of a file's byte order those of this machine.
void to_native_order(std::vector<std::byte>& elements, l1l2_dtype dtype, bool little_endian);

/// Counts a name against the 64 MiB that all names of a file may take: a small file can name the
/// same things again and again. Throws LoadError.
void count_name(std::size_t size, std::size_t& bytes);

/// The sum of two numbers of bytes, or the largest number.
constexpr std::uint64_t sum_of_bytes(std::uint64_t a, std::uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/// How a file names its arrays.
enum class Naming {
    paths,  ///< layers/dense_1/vars/0: the place of the variable in the model, of Keras 3
    layers, ///< a group of arrays for each layer of the model, in the order of layer.weights
    names   ///< the variables' own names, dense/kernel, in any order
};

/// The arrays of one layer of the model in the layer's order; all arrays of a file of names.
struct Group {
    std::string layer;
    std::vector<std::string> names;
};

/// Read by one thread at a time. Throws LoadError.
class Weights {
  public:
    Weights(const Weights&) = delete;
    Weights& operator=(const Weights&) = delete;
    virtual ~Weights() = default;
    virtual Naming naming() const = 0;
    /// The groups of a file of layers; the one group of a file of names.
    virtual std::vector<Group> groups() const { return {}; }
    /// The number of arrays in PATH/vars in a file of paths; none without such a group.
    virtual std::optional<std::size_t> variables_at(const std::string& /*path*/) const {
        return std::nullopt;
    }
    /// Whether a file of paths has this group.
    virtual bool has_group(const std::string& /*path*/) const { return false; }

    /// The paths of all arrays below a group of a file of paths.
    virtual std::vector<std::string> arrays_below(const std::string& /*path*/) const { return {}; }

    /// Of an array of groups(), as "GROUP" and "NAME"; in a file of paths the group is "".
    virtual ArrayInfo info(const std::string& group, const std::string& name) const = 0;
    virtual Array read(const std::string& group, const std::string& name,
                       const Check& check) const = 0;

    /// The most bytes that arrays of it may take together. Names of a hostile file can lead to the
    /// same elements again and again.
    virtual std::uint64_t most_bytes() const { return UINT64_MAX; }

  protected:
    Weights() = default;
};

/// Reads a whole file. Throws LoadError.
Bytes read_file(const std::filesystem::path& path);

/// Reads `size` bytes of a file, from an offset.
Bytes read_part(const std::filesystem::path& path, std::uint64_t offset, std::size_t size);

/// An .npz archive, a .safetensors file, a folder of .npy files, a manifest of TensorFlow.js.
std::unique_ptr<Weights> open_npz(const std::filesystem::path& path, const Limits& limits);
std::unique_ptr<Weights> open_safetensors(const std::filesystem::path& path);
std::unique_ptr<Weights> open_npy_folder(const std::filesystem::path& folder);
std::unique_ptr<Weights> open_manifest(const nlohmann::json& manifest,
                                       const std::filesystem::path& folder);

} // namespace l1l2::keras
