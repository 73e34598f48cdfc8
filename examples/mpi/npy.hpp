// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Reads arrays of floating-point numbers from NumPy's .npy files (format versions 1 to 3, as
 * numpy.lib.format describes them).
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace npy {

struct Array {
    std::vector<std::size_t> shape;
    std::string dtype;       ///< "f4" or "f8"
    std::vector<char> bytes; ///< the elements, in the order of the file

    template <class T>
    const T* data() const {
        return reinterpret_cast<const T*>(bytes.data());
    }
    std::size_t count() const {
        std::size_t n = 1;
        for (const std::size_t extent : shape) {
            n *= extent;
        }
        return n;
    }
};

/// What follows `'key':` in the header, a literal of a Python dictionary.
inline std::string header_value(const std::string& header, const std::string& key) {
    const std::size_t at = header.find("'" + key + "':");
    if (at == std::string::npos) {
        throw std::runtime_error("no '" + key + "' in the header");
    }
    return header.substr(header.find_first_not_of(' ', at + key.size() + 3));
}

inline std::vector<std::size_t> parse_shape(const std::string& tuple) {
    std::vector<std::size_t> shape;
    const std::size_t end = tuple.find(')');
    for (std::size_t i = 1; i < end;) {
        std::size_t digits = 0;
        shape.push_back(std::stoull(tuple.substr(i), &digits));
        i = tuple.find_first_of("0123456789)", i + digits);
    }
    return shape;
}

/// Throws std::runtime_error for a file that is missing, damaged or of another type.
inline Array read(const std::string& path) {
    try {
        std::ifstream file(path, std::ios::binary);
        if (!file) {
            throw std::runtime_error("cannot be opened");
        }
        unsigned char start[8] = {};
        file.read(reinterpret_cast<char*>(start), sizeof start);
        if (!file || std::memcmp(start, "\x93NUMPY", 6) != 0) {
            throw std::runtime_error("is no .npy file");
        }
        unsigned char size[4] = {};
        file.read(reinterpret_cast<char*>(size), start[6] == 1 ? 2 : 4);
        std::string header(size[0] + 256U * size[1] + 65536U * size[2], '\0');
        file.read(header.data(), static_cast<std::streamsize>(header.size()));

        Array array;
        const std::string descr = header_value(header, "descr");
        const std::uint16_t one = 1;
        const bool little_endian = *reinterpret_cast<const unsigned char*>(&one) == 1;
        array.dtype = descr.substr(2, 2);
        if (descr[1] != (little_endian ? '<' : '>') ||
            (array.dtype != "f4" && array.dtype != "f8")) {
            throw std::runtime_error("holds " + descr.substr(0, descr.find(',')) +
                                     ", not this machine's float32 or float64");
        }
        array.shape = parse_shape(header_value(header, "shape"));
        array.bytes.assign(std::istreambuf_iterator<char>(file), {});
        if (array.bytes.size() != array.count() * (array.dtype == "f4" ? 4 : 8)) {
            throw std::runtime_error("has not as many bytes as its shape says");
        }
        return array;
    } catch (const std::exception& error) {
        throw std::runtime_error(path + ": " + error.what());
    }
}

} // namespace npy
