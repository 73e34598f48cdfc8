// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Attributes and datasets of HDF5.
#include "hdf5_file.hpp"

#include <algorithm>
#include <cstring>

namespace l1l2::keras {
namespace {

/// The longest attribute that is read, in bytes. The architecture of a large model takes a few MB.
constexpr std::size_t longest_attribute = std::size_t{1} << 28;

/// What deflate makes of a byte at best: a dataset that promises more than this is no data.
constexpr std::uint64_t best_compression = 1032;

std::vector<std::string> fixed_texts(hid_t attribute, hid_t type, std::size_t count) {
    const std::size_t width = H5Tget_size(type);
    if (width == 0 || count > longest_attribute / (width + sizeof(std::string))) {
        throw LoadError("an attribute is too long");
    }
    std::string bytes(width * count, '\0');
    if (H5Aread(attribute, type, bytes.data()) < 0) {
        throw LoadError("an attribute cannot be read");
    }
    std::vector<std::string> texts;
    texts.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const char* text = bytes.data() + i * width;
        texts.emplace_back(text, std::find(text, text + width, '\0'));
    }
    return texts;
}

std::vector<std::string> variable_texts(hid_t attribute, hid_t type, hid_t space,
                                        std::size_t count) {
    if (count > longest_attribute / sizeof(char*)) {
        throw LoadError("an attribute is too long");
    }
    std::vector<char*> pointers(count, nullptr);
    if (H5Aread(attribute, type, pointers.data()) < 0) {
        throw LoadError("an attribute cannot be read");
    }
    std::vector<std::string> texts;
    std::size_t bytes = 0;
    for (const char* text : pointers) {
        const std::size_t length = text != nullptr ? std::strlen(text) : 0;
        bytes += length + sizeof(std::string);
        if (bytes <= longest_attribute) {
            texts.emplace_back(text != nullptr ? text : "", length);
        }
    }
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data());
    if (bytes > longest_attribute) {
        throw LoadError("an attribute is too long");
    }
    return texts;
}

struct FloatFormat {
    std::size_t sign, exponent, exponent_bits, mantissa, mantissa_bits, bias;
    l1l2_dtype dtype;
};

constexpr FloatFormat formats[] = {{15, 10, 5, 0, 10, 15, L1L2_FLOAT16},
                                   {15, 7, 8, 0, 7, 127, L1L2_BFLOAT16},
                                   {31, 23, 8, 0, 23, 127, L1L2_FLOAT32},
                                   {63, 52, 11, 0, 52, 1023, L1L2_FLOAT64}};

/// The element type; 0 if it is no floating-point format that is read.
l1l2_dtype dtype_of(hid_t type) {
    const H5T_class_t kind = H5Tget_class(type);
    if (kind == H5T_OPAQUE && H5Tget_size(type) == 2) {
        return L1L2_BFLOAT16; // so h5py writes the bfloat16 of ml_dtypes
    }
    std::size_t sign = 0;
    std::size_t exponent = 0;
    std::size_t exponent_bits = 0;
    std::size_t mantissa = 0;
    std::size_t mantissa_bits = 0;
    if (kind != H5T_FLOAT ||
        H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) {
        return 0;
    }
    for (const FloatFormat& format : formats) {
        if (format.sign == sign && format.exponent == exponent &&
            format.exponent_bits == exponent_bits && format.mantissa == mantissa &&
            format.mantissa_bits == mantissa_bits && format.bias == H5Tget_ebias(type) &&
            H5Tget_size(type) * 8 == sign + 1 && H5Tget_offset(type) == 0) {
            return format.dtype;
        }
    }
    return 0;
}

std::string type_name(hid_t type) {
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        return (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") +
               std::to_string(8 * H5Tget_size(type));
    case H5T_FLOAT:
        return "a floating-point type of " + std::to_string(8 * H5Tget_size(type)) + " bits";
    default: return "of another kind than numbers";
    }
}

/// Throws LoadError if an array is not stored in this file, or in a way that could run other code.
void check_storage(hid_t properties) {
    const H5D_layout_t layout = H5Pget_layout(properties);
    if (H5Pget_external_count(properties) > 0 || layout == H5D_VIRTUAL ||
        layout == H5D_LAYOUT_ERROR) {
        throw LoadError("its elements are in another file; other files are not opened");
    }
    for (int i = 0; i < H5Pget_nfilters(properties); ++i) {
        unsigned flags = 0;
        unsigned config = 0;
        std::size_t values = 0;
        const H5Z_filter_t filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags,
                                                   &values, nullptr, 0, nullptr, &config);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
            filter != H5Z_FILTER_FLETCHER32) {
            throw LoadError("it is compressed with HDF5's filter " + std::to_string(filter) +
                            "; gzip, shuffle and fletcher32 are read");
        }
    }
}

} // namespace

std::optional<std::vector<std::string>> read_texts(hid_t object, const std::string& name) {
    if (H5Aexists(object, name.c_str()) <= 0) {
        return std::nullopt;
    }
    const Hdf5Id attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose);
    const Hdf5Id type(H5Aget_type(attribute.get()), H5Tclose);
    const Hdf5Id space(H5Aget_space(attribute.get()), H5Sclose);
    const hssize_t count = H5Sget_simple_extent_npoints(space.get());
    if (!attribute || !type || !space || count < 0) {
        throw LoadError("its attribute " + name + " is damaged");
    }
    if (count == 0) {
        return std::vector<std::string>(); // an empty list has the type of numbers
    }
    if (H5Tget_class(type.get()) != H5T_STRING) {
        throw LoadError("its attribute " + name + " holds no text");
    }
    const auto n = static_cast<std::size_t>(count);
    return H5Tis_variable_str(type.get()) > 0
               ? variable_texts(attribute.get(), type.get(), space.get(), n)
               : fixed_texts(attribute.get(), type.get(), n);
}

ArrayInfo dataset_info(hid_t dataset, std::uint64_t file_size, const Limits& limits) {
    const Hdf5Id type(H5Dget_type(dataset), H5Tclose);
    const Hdf5Id space(H5Dget_space(dataset), H5Sclose);
    const Hdf5Id properties(H5Dget_create_plist(dataset), H5Pclose);
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (!type || !properties || rank < 0) {
        throw LoadError("it is damaged");
    }
    ArrayInfo info;
    info.dtype = dtype_of(type.get());
    if (info.dtype == 0) {
        refuse_dtype(type_name(type.get()));
    }
    check_storage(properties.get());
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
    info.shape.assign(extents.begin(), extents.end());
    // A damaged array may claim to store more than the file is long.
    const std::uint64_t stored = std::min<std::uint64_t>(H5Dget_storage_size(dataset), file_size);
    const std::uint64_t bytes = byte_count(info);
    if (bytes > stored && (bytes > limits.unpacked || bytes / best_compression > stored)) {
        throw LoadError("its shape takes " + std::to_string(bytes) + " bytes, of which " +
                        std::to_string(stored) + " are stored");
    }
    return info;
}

std::vector<std::byte> read_elements(hid_t dataset, const ArrayInfo& info) {
    const Hdf5Id type(H5Dget_type(dataset), H5Tclose);
    std::vector<std::byte> elements(byte_count(info));
    if (!elements.empty() &&
        H5Dread(dataset, type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()) < 0) {
        throw LoadError("its elements are damaged or missing");
    }
    const bool opaque = H5Tget_class(type.get()) == H5T_OPAQUE;
    to_native_order(elements, info.dtype, opaque || H5Tget_order(type.get()) != H5T_ORDER_BE);
    return elements;
}

} // namespace l1l2::keras
