// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Zip archives: .keras and .npz. The only place that sees libzip.
#pragma once

#include "weights.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct zip;

namespace l1l2::keras {

class ZipArchive {
  public:
    ZipArchive(const std::filesystem::path& path, const Limits& limits);
    /// Borrows the bytes.
    ZipArchive(const void* bytes, std::size_t n, const Limits& limits);

    bool contains(const std::string& name) const;
    std::vector<std::string> names() const;

    /// Unpacks a member and checks its CRC. Memory grows with what is really unpacked: a header
    /// that promises more takes none. Throws LoadError beyond the limit for compressed members, or
    /// `most` bytes.
    Bytes read(const std::string& name, std::uint64_t most) const;
    Bytes read(const std::string& name) const;
    /// The most bytes that its members may unpack to together.
    std::uint64_t most_bytes() const { return sum_of_bytes(size_, limits_.unpacked); }

  private:
    /// Of two members of one name Python reads the last, libzip the first: they are refused.
    void check_names() const;

    struct Discard {
        void operator()(zip* archive) const noexcept;
    };
    std::unique_ptr<zip, Discard> archive_;
    std::uint64_t size_; ///< of the archive in bytes
    Limits limits_;
};

} // namespace l1l2::keras
