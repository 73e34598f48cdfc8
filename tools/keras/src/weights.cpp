// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "weights.hpp"

#include <algorithm>
#include <fstream>
#include <limits>

namespace l1l2::keras {
namespace {

std::size_t item_size(l1l2_dtype dtype) {
    switch (dtype) {
    case L1L2_FLOAT64: return 8;
    case L1L2_FLOAT32: return 4;
    default: return 2;
    }
}

bool is_little_endian() {
    const std::uint16_t one = 1;
    unsigned char first = 0;
    std::copy_n(reinterpret_cast<const unsigned char*>(&one), 1, &first);
    return first == 1;
}

} // namespace

std::size_t byte_count(const ArrayInfo& info) {
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
    if (std::find(info.shape.begin(), info.shape.end(), 0U) != info.shape.end()) {
        return 0;
    }
    std::size_t bytes = item_size(info.dtype);
    for (const std::size_t extent : info.shape) {
        if (extent > most / bytes) {
            throw LoadError("its shape has more elements than memory");
        }
        bytes *= extent;
    }
    return bytes;
}

void refuse_dtype(const std::string& dtype) {
    throw LoadError("its elements are " + dtype +
                    "; float16, bfloat16, float32 and float64 are read");
}

void to_native_order(std::vector<std::byte>& elements, l1l2_dtype dtype, bool little_endian) {
    if (little_endian == is_little_endian()) {
        return;
    }
    const auto size = static_cast<std::ptrdiff_t>(item_size(dtype));
    for (auto item = elements.begin(); item != elements.end(); item += size) {
        std::reverse(item, item + size);
    }
}

void count_name(std::size_t size, std::size_t& bytes) {
    constexpr std::size_t most = std::size_t{1} << 26;
    bytes += size + sizeof(std::string);
    if (bytes > most) {
        throw LoadError("its names take more than " + std::to_string(most) + " bytes");
    }
}

Bytes read_part(const std::filesystem::path& path, std::uint64_t offset, std::size_t size) {
    std::ifstream file(path, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    Bytes bytes(size);
    if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
        throw LoadError("cannot be read");
    }
    return bytes;
}

Bytes read_file(const std::filesystem::path& path) {
    std::error_code failed;
    const std::uintmax_t size = std::filesystem::file_size(path, failed);
    if (failed) {
        throw LoadError("cannot be opened: " + failed.message());
    }
    return read_part(path, 0, static_cast<std::size_t>(size));
}

} // namespace l1l2::keras
