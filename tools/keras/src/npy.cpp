// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "npy.hpp"

#include "zip_archive.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace l1l2::keras {
namespace {

namespace fs = std::filesystem;

const std::string suffix = ".npy";

/// What follows 'KEY': in the header, the text of a dictionary of Python.
std::string_view value_of(std::string_view header, const std::string& key) {
    const std::string quoted = "'" + key + "':";
    const std::size_t at = header.find(quoted);
    if (at == std::string_view::npos) {
        throw LoadError("its header has no '" + key + "'");
    }
    header.remove_prefix(at + quoted.size());
    header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
    return header;
}

void parse_type(std::string_view value, NpyHeader& header) {
    const std::string_view type = value.substr(0, value.find(','));
    const std::string_view kind = type.size() >= 5 ? type.substr(2, type.size() - 3) : type;
    header.little_endian = type.size() > 1 && type[1] != '>';
    if (kind == "f2") {
        header.info.dtype = L1L2_FLOAT16;
    } else if (kind == "f4") {
        header.info.dtype = L1L2_FLOAT32;
    } else if (kind == "f8") {
        header.info.dtype = L1L2_FLOAT64;
    } else if (kind == "V2") {
        header.info.dtype = L1L2_BFLOAT16; // so NumPy writes the bfloat16 of ml_dtypes
    } else {
        refuse_dtype(std::string(type.substr(0, 40)));
    }
}

std::vector<std::size_t> parse_shape(std::string_view value) {
    if (value.empty() || value.front() != '(') {
        throw LoadError("its header has no shape");
    }
    std::vector<std::size_t> shape;
    value.remove_prefix(1);
    while (!value.empty() && value.front() != ')') {
        std::size_t extent = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), extent);
        if (error != std::errc()) {
            throw LoadError("its header has no shape");
        }
        shape.push_back(extent);
        value.remove_prefix(static_cast<std::size_t>(end - value.data()));
        value.remove_prefix(std::min(value.find_first_not_of(", "), value.size()));
    }
    return shape;
}

/// The name of a variable, from that of a file.
std::string without_suffix(const std::string& name) {
    const bool has = name.size() > suffix.size() &&
                     name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
    return has ? name.substr(0, name.size() - suffix.size()) : name;
}

/// The size in bytes of the elements of a file that is `size` bytes long.
std::size_t checked_size(const NpyHeader& header, std::uintmax_t size) {
    const std::size_t bytes = byte_count(header.info);
    if (size - header.length != bytes) {
        throw LoadError("has not as many bytes as its shape says");
    }
    return bytes;
}

Array array_of(const NpyHeader& header, const unsigned char* bytes, std::size_t n) {
    std::vector<std::byte> elements(n);
    if (n > 0) {
        std::memcpy(elements.data(), bytes, n);
    }
    to_native_order(elements, header.info.dtype, header.little_endian);
    return {header.info, std::move(elements)};
}

class Npz : public Weights {
  public:
    Npz(const fs::path& path, const Limits& limits) : archive_(path, limits) {}

    Naming naming() const override { return Naming::names; }
    std::vector<Group> groups() const override {
        Group group;
        for (const std::string& name : archive_.names()) {
            group.names.push_back(without_suffix(name));
        }
        return {group};
    }
    ArrayInfo info(const std::string& /*group*/, const std::string& name) const override {
        const Bytes file = archive_.read(name + suffix);
        return parse_npy_header(file.data(), file.size()).info;
    }
    Array read(const std::string& /*group*/, const std::string& name,
               const Check& check) const override {
        return npy_array(archive_.read(name + suffix), check);
    }
    std::uint64_t most_bytes() const override { return archive_.most_bytes(); }

  private:
    ZipArchive archive_;
};

class NpyFolder : public Weights {
  public:
    explicit NpyFolder(fs::path folder) : folder_(std::move(folder)) {}

    Naming naming() const override { return Naming::names; }
    std::vector<Group> groups() const override {
        Group group;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
            if (entry.path().extension() == suffix) {
                group.names.push_back(entry.path().stem().string());
            }
        }
        std::sort(group.names.begin(), group.names.end());
        return {group};
    }
    ArrayInfo info(const std::string& /*group*/, const std::string& name) const override {
        return header_of(folder_ / (name + suffix)).info;
    }
    Array read(const std::string& /*group*/, const std::string& name,
               const Check& check) const override {
        const fs::path path = folder_ / (name + suffix);
        const NpyHeader header = header_of(path);
        check(header.info);
        const std::size_t bytes = checked_size(header, fs::file_size(path));
        const Bytes elements = read_part(path, header.length, bytes);
        return array_of(header, elements.data(), bytes);
    }

  private:
    static NpyHeader header_of(const fs::path& path) {
        const std::size_t size = static_cast<std::size_t>(
            std::min<std::uintmax_t>(fs::file_size(path), longest_npy_header));
        const Bytes start = read_part(path, 0, size);
        return parse_npy_header(start.data(), start.size());
    }

    fs::path folder_;
};

} // namespace

NpyHeader parse_npy_header(const unsigned char* bytes, std::size_t n) {
    if (n < 12 || std::memcmp(bytes, "\x93NUMPY", 6) != 0) {
        throw LoadError("is no .npy file");
    }
    const bool first_version = bytes[6] == 1;
    const std::size_t start = first_version ? 10 : 12;
    std::size_t size = bytes[8] + 256U * bytes[9];
    if (!first_version) {
        size += (std::size_t{bytes[10]} << 16) + (std::size_t{bytes[11]} << 24);
    }
    if (size > longest_npy_header - start || size > n - start) {
        throw LoadError("its header is cut off or too long");
    }
    NpyHeader header;
    header.length = start + size;
    const std::string_view text(reinterpret_cast<const char*>(bytes) + start, size);
    parse_type(value_of(text, "descr"), header);
    header.info.shape = parse_shape(value_of(text, "shape"));
    if (value_of(text, "fortran_order").substr(0, 5) != "False" && header.info.shape.size() > 1) {
        // The order changes no penalty, but gradients and shapes are meant in C order.
        throw LoadError("its elements are in Fortran order");
    }
    return header;
}

Array npy_array(const Bytes& file, const Check& check) {
    const NpyHeader header = parse_npy_header(file.data(), file.size());
    check(header.info);
    const std::size_t bytes = checked_size(header, file.size());
    return array_of(header, file.data() + header.length, bytes);
}

std::unique_ptr<Weights> open_npz(const fs::path& path, const Limits& limits) {
    return std::make_unique<Npz>(path, limits);
}

std::unique_ptr<Weights> open_npy_folder(const fs::path& folder) {
    return std::make_unique<NpyFolder>(folder);
}

} // namespace l1l2::keras
