// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// NumPy's .npy format, versions 1 to 3 (numpy.lib.format).
#pragma once

#include "weights.hpp"

#include <cstddef>

namespace l1l2::keras {

/// The longest header that is read, in bytes.
constexpr std::size_t longest_npy_header = 1 << 16;

struct NpyHeader {
    ArrayInfo info;
    bool little_endian = true;
    std::size_t length = 0; ///< in bytes, with all before the elements
};

/// Reads the header at the start of n bytes. Throws LoadError for an array in Fortran order, too.
NpyHeader parse_npy_header(const unsigned char* bytes, std::size_t n);

/// The array of a whole file.
Array npy_array(const Bytes& file, const Check& check);

} // namespace l1l2::keras
