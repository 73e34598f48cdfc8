// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// HDF5 files of Keras. The only place that sees libhdf5, with hdf5_values.cpp.
#pragma once

#include "weights.hpp"

#include <filesystem>
#include <hdf5.h>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace l1l2::keras {

/// An identifier of libhdf5 that is closed by its own function.
class Hdf5Id {
  public:
    using Close = herr_t (*)(hid_t);

    Hdf5Id() = default;
    Hdf5Id(hid_t id, Close close) noexcept : id_(id), close_(close) {}
    Hdf5Id(Hdf5Id&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
    Hdf5Id& operator=(Hdf5Id&& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
        return *this;
    }
    ~Hdf5Id() {
        if (id_ >= 0) {
            close_(id_);
        }
    }

    hid_t get() const noexcept { return id_; }
    explicit operator bool() const noexcept { return id_ >= 0; }

  private:
    hid_t id_ = -1;
    Close close_ = nullptr;
};

/// Lets one thread use libhdf5, and keeps it from printing.
class Hdf5Session {
  public:
    Hdf5Session();
    ~Hdf5Session();
    Hdf5Session(const Hdf5Session&) = delete;
    Hdf5Session& operator=(const Hdf5Session&) = delete;

  private:
    std::unique_lock<std::recursive_mutex> lock_;
    H5E_auto2_t print_ = nullptr;
    void* print_data_ = nullptr;
};

/// The texts of an attribute, a string or an array of strings; none if there is no such attribute.
/// Throws LoadError.
std::optional<std::vector<std::string>> read_texts(hid_t object, const std::string& name);

/// What a dataset holds, after all checks that can be made before it is read.
ArrayInfo dataset_info(hid_t dataset, std::uint64_t file_size, const Limits& limits);
std::vector<std::byte> read_elements(hid_t dataset, const ArrayInfo& info);

/// A file of weights by path (.weights.h5 of Keras 3, and within .keras) or by layer (Keras 1 and
/// 2, and .h5 of Keras 3). Links are not followed.
class Hdf5File : public Weights {
  public:
    Hdf5File(const std::filesystem::path& path, const Limits& limits);
    /// Borrows the bytes.
    Hdf5File(const void* bytes, std::size_t n, const Limits& limits);

    /// A text at the root, as "model_config" and "keras_version" are.
    std::optional<std::string> attribute(const std::string& name) const;

    Naming naming() const override;
    std::vector<Group> groups() const override;
    std::optional<std::size_t> variables_at(const std::string& path) const override;
    bool has_group(const std::string& path) const override;
    std::vector<std::string> arrays_below(const std::string& path) const override;
    ArrayInfo info(const std::string& group, const std::string& name) const override;
    Array read(const std::string& group, const std::string& name,
               const Check& check) const override;
    std::uint64_t most_bytes() const override { return sum_of_bytes(size_, limits_.unpacked); }

  private:
    void check_opened();
    void list_arrays(const Hdf5Id& group, const std::string& path, int depth,
                     std::vector<std::string>& arrays, std::size_t& bytes) const;

    /// The object that hard links lead to; none if a link is missing.
    Hdf5Id find(const std::string& path) const;
    Hdf5Id dataset(const std::string& group, const std::string& name) const;
    std::vector<std::string> list(const std::string& path, const std::string& attribute) const;

    Hdf5Session session_;
    Hdf5Id file_;
    std::uint64_t size_ = 0; ///< of the file in bytes
    Limits limits_;
    std::string root_;                ///< of layers: "" or "model_weights"
    mutable std::size_t visited_ = 0; ///< objects, by all calls of arrays_below
};

} // namespace l1l2::keras
