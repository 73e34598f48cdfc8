/**
 * Decodes any descriptors of tensors, and interprets them independently of the library, in integers
 * of 128 bits: whether one is a valid tensor, whether it lies within the memory, and where each
 * element is.
 */
#pragma once

#include "input.hpp"
#include "tensor.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

namespace fuzz {

using l1l2::core::DLTensor;

__extension__ using Wide = __int128;

/// The memory of all tensors: more than two blocks of a 16-bit type with a stride of 2.
constexpr std::size_t memory_bytes = 36 * 1024;
constexpr std::size_t most_elements = 20000;
constexpr std::size_t most_axes = 64;
constexpr std::size_t largest_element = 8;

alignas(64) inline std::uint8_t memory[memory_bytes];
inline std::uint8_t memory_before[memory_bytes];

/// The elements beyond the input: numbers of ordinary size in any dtype and at any address, as
/// every byte has the exponent of such numbers. The period is prime.
inline std::uint8_t ordinary_byte(std::size_t i) {
    constexpr std::uint8_t exponents[] = {0x30, 0x40, 0xb0, 0xc0};
    const std::size_t step = (i * 7919 + 13) % 2003;
    return static_cast<std::uint8_t>(exponents[step % 4] + step / 4 % 16);
}

/// A descriptor that owns its shape and strides, in memory of exactly their sizes.
struct Descriptor {
    DLTensor tensor = {};
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> strides;
    bool is_null = false;

    const void* get() {
        tensor.shape = tensor.shape != nullptr ? shape.data() : nullptr;
        tensor.strides = tensor.strides != nullptr ? strides.data() : nullptr;
        return is_null ? nullptr : &tensor;
    }
};

// Decoding ----------------------------------------------------------------------------------------

inline std::int64_t decode_size(Input& input) {
    const std::uint8_t choice = input.byte();
    switch (choice >> 4U) {
    case 15: return input.take<std::int64_t>();
    case 14: return std::int64_t{1} << (choice % 16 * 4);
    case 13: return input.take<std::uint16_t>() % 9000;
    case 12: return 0;
    case 11: return choice % 16 * 16;
    default: return 1 + choice % 6;
    }
}

inline std::int64_t decode_stride(Input& input) {
    const std::uint8_t choice = input.byte();
    switch (choice >> 4U) {
    case 15: return input.take<std::int64_t>();
    case 14: return input.take<std::int16_t>();
    case 13: return choice % 2 == 0 ? INT64_MIN >> (choice % 8) : INT64_MAX >> (choice % 8);
    case 12: return 0;
    default: return static_cast<std::int8_t>(choice - 0x60);
    }
}

inline std::int32_t decode_axes(Input& input) {
    const std::uint8_t choice = input.byte();
    switch (choice >> 4U) {
    case 15: return input.take<std::int32_t>();
    case 14: return 60 + choice % 8;
    case 13: return choice % 16;
    default: return choice % 5;
    }
}

/// The strides of a compact tensor, their axes in a random order, some flipped.
inline void decode_compact_strides(Input& input, Descriptor& d) {
    std::vector<std::size_t> order(d.shape.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = 1; i < order.size(); ++i) {
        std::swap(order[i], order[input.byte() % (i + 1)]);
    }
    const std::uint8_t flipped = input.byte();
    const std::uint8_t gap = input.byte();
    Wide stride = 1 + (gap >= 0xC0 ? gap % 4 : 0);
    for (const std::size_t axis : order) {
        const auto value = static_cast<std::int64_t>(stride);
        d.strides[axis] = (flipped >> (axis % 8) & 1U) != 0 && flipped >= 0x80 ? -value : value;
        stride = stride * d.shape[axis] % INT64_MAX;
        stride += axis % 8 == gap % 16 ? 1 : 0;
    }
}

inline void decode_strides(Input& input, Descriptor& d) {
    const std::uint8_t kind = input.byte() % 4;
    d.strides.assign(d.shape.size(), 0);
    d.tensor.strides = kind == 0 ? nullptr : d.strides.data();
    if (kind == 1) {
        for (std::int64_t& stride : d.strides) {
            stride = decode_stride(input);
        }
    } else if (kind >= 2) {
        decode_compact_strides(input, d);
    }
}

inline void decode_place(Input& input, Descriptor& d) {
    const std::uint8_t kind = input.byte();
    const std::size_t place = input.take<std::uint16_t>() % memory_bytes;
    d.tensor.byte_offset = kind < 0x80   ? 0
                           : kind < 0xF0 ? kind % 0x20
                                         : input.take<std::uint64_t>();
    // As a number: data may point outside of the memory, and byte_offset lead back in.
    const std::uintptr_t data =
        reinterpret_cast<std::uintptr_t>(memory) + place - d.tensor.byte_offset;
    d.tensor.data = kind == 0x7F ? nullptr : reinterpret_cast<void*>(data);
}

inline void decode_type(Input& input, Descriptor& d) {
    constexpr struct {
        std::uint8_t code;
        std::uint8_t bits;
    } dtypes[] = {{2, 32}, {2, 64}, {2, 16}, {4, 16}};
    const std::uint8_t choice = input.byte();
    d.tensor.dtype_code = dtypes[choice % 4].code;
    d.tensor.dtype_bits = dtypes[choice % 4].bits;
    d.tensor.dtype_lanes = 1;
    if (choice >= 0xF8) {
        d.tensor.dtype_code = input.byte();
        d.tensor.dtype_bits = input.byte();
        d.tensor.dtype_lanes = input.byte();
    }
    d.tensor.device_type = 1;
    if (choice % 16 == 15) {
        d.tensor.device_type =
            input.one_of<std::int32_t>({1, 3, 11, 13, 1, 2, 0, 4, 10, 12, 14, -1, INT32_MIN});
        d.tensor.device_id = input.take<std::int32_t>();
    }
}

inline Descriptor decode(Input& input) {
    Descriptor d;
    decode_type(input, d);
    d.tensor.ndim = decode_axes(input);
    // An ndim out of range comes with a shape that must not be read.
    const bool in_range = d.tensor.ndim >= 0 && d.tensor.ndim <= int{most_axes};
    d.shape.resize(in_range ? static_cast<std::size_t>(d.tensor.ndim) : 1);
    for (std::int64_t& size : d.shape) {
        size = decode_size(input);
    }
    const std::uint8_t nulls = input.byte();
    d.tensor.shape = nulls == 0xFF ? nullptr : d.shape.data();
    d.is_null = nulls == 0xFE;
    decode_strides(input, d);
    decode_place(input, d);
    return d;
}

/// Decodes y: like x, except where the input says otherwise.
inline Descriptor decode_like(Input& input, const Descriptor& x) {
    const std::uint8_t otherwise = input.byte();
    if (otherwise >= 0xE0) {
        return decode(input);
    }
    Descriptor d = x;
    if ((otherwise & 1U) != 0) {
        decode_strides(input, d);
    }
    if ((otherwise & 2U) != 0) {
        decode_place(input, d);
    } else if ((otherwise & 4U) != 0) {
        d.tensor.byte_offset += input.byte();
    }
    if ((otherwise & 24U) == 24U && !d.shape.empty()) {
        std::int64_t& size = d.shape[input.byte() % d.shape.size()];
        size = decode_size(input);
    }
    d.is_null = otherwise == 0xDF;
    return d;
}

// What a descriptor says --------------------------------------------------------------------------

struct Axis {
    std::size_t size;
    std::int64_t stride; ///< in bytes
};

/// The meaning of a descriptor, as l1l2.h specifies it.
struct Meaning {
    Faults faults;
    l1l2_dtype dtype = 0;
    std::size_t element = 0;
    std::size_t count = 0;
    Wide address = 0; ///< of the element with all indices 0
    Wide first = 0;   ///< the lowest address of an element's byte
    Wide last = 0;    ///< the one after the highest
    std::array<Axis, most_axes> axis = {};
    std::size_t axes = 0;        ///< those of more than one element
    std::vector<Wide> addresses; ///< of the elements, in the order of the indices
};

inline bool is_readable(std::int32_t device) {
    return device == 1 || device == 3 || device == 11 || device == 13;
}

inline l1l2_dtype dtype_of(const DLTensor& t) {
    if (t.dtype_lanes != 1) {
        return 0;
    }
    if (t.dtype_code == 4) {
        return t.dtype_bits == 16 ? L1L2_BFLOAT16 : 0;
    }
    if (t.dtype_code != 2) {
        return 0;
    }
    return t.dtype_bits == 16   ? L1L2_FLOAT16
           : t.dtype_bits == 32 ? L1L2_FLOAT32
           : t.dtype_bits == 64 ? L1L2_FLOAT64
                                : 0;
}

/// The faults that do not depend on where the elements are.
inline Faults faults_of(const DLTensor& t, const Descriptor& d) {
    Faults faults;
    if (!is_readable(t.device_type)) {
        faults.add(L1L2_ERROR_UNSUPPORTED_DEVICE);
    }
    if (dtype_of(t) == 0) {
        faults.add(L1L2_ERROR_UNSUPPORTED_DTYPE);
    }
    if (t.ndim < 0 || t.ndim > int{most_axes} || (t.shape == nullptr && t.ndim > 0) ||
        std::any_of(d.shape.begin(), d.shape.end(), [](std::int64_t size) { return size < 0; })) {
        faults.add(L1L2_ERROR_INVALID_TENSOR);
    }
    return faults;
}

/// Locates the elements. Returns false if they leave the address space.
inline bool locate(const DLTensor& t, const Descriptor& d, Meaning& meaning) {
    const Wide element = static_cast<Wide>(meaning.element);
    const Wide address = static_cast<Wide>(reinterpret_cast<std::uintptr_t>(t.data)) +
                         static_cast<Wide>(t.byte_offset);
    Wide bytes = element;
    Wide below = 0;
    Wide above = element;
    for (std::size_t i = d.shape.size(); i-- > 0;) {
        const Wide stride = t.strides != nullptr ? d.strides[i] * element : bytes;
        if (d.shape[i] > 1 && (stride > PTRDIFF_MAX || stride < -Wide{PTRDIFF_MAX})) {
            return false;
        }
        const Wide reach = d.shape[i] == 1 ? 0 : stride * (d.shape[i] - 1);
        bytes *= d.shape[i];
        (stride < 0 ? below : above) += reach;
        if (bytes > PTRDIFF_MAX || below < -Wide{PTRDIFF_MAX} || above > PTRDIFF_MAX) {
            return false;
        }
    }
    meaning.count = static_cast<std::size_t>(bytes / element);
    meaning.address = address;
    meaning.first = address + below;
    meaning.last = address + above;
    return t.data != nullptr && address <= UINTPTR_MAX && meaning.first >= 0 &&
           meaning.last <= UINTPTR_MAX && meaning.last - meaning.first <= PTRDIFF_MAX;
}

inline void find_axes(const DLTensor& t, const Descriptor& d, Meaning& meaning) {
    auto compact = static_cast<std::int64_t>(meaning.element);
    for (std::size_t i = d.shape.size(); i-- > 0;) {
        if (d.shape[i] > 1) {
            const std::int64_t stride =
                t.strides != nullptr ? d.strides[i] * static_cast<std::int64_t>(meaning.element)
                                     : compact;
            meaning.axis[meaning.axes++] = {static_cast<std::size_t>(d.shape[i]), stride};
        }
        compact *= d.shape[i];
    }
    std::reverse(meaning.axis.begin(), meaning.axis.begin() + meaning.axes);
}

inline bool lies_in_memory(const Meaning& meaning) {
    const auto start = static_cast<Wide>(reinterpret_cast<std::uintptr_t>(memory));
    return meaning.first >= start && meaning.last <= start + Wide{memory_bytes} &&
           meaning.count <= most_elements;
}

/// Calls f with the address of each element, the last axis innermost.
template <class F>
inline void for_each_address(const Axis* axis, std::size_t axes, Wide address, F&& f) {
    std::array<std::size_t, most_axes> index = {};
    for (;;) {
        f(address);
        std::size_t i = axes;
        while (i > 0 && ++index[i - 1] == axis[i - 1].size) {
            --i;
            index[i] = 0;
            address -= static_cast<Wide>(axis[i].size - 1) * axis[i].stride;
        }
        if (i == 0) {
            return;
        }
        address += axis[i - 1].stride;
    }
}

/// Returns nothing for a tensor that the library may accept and that leaves the memory.
inline std::optional<Meaning> meaning_of(const Descriptor& d) {
    Meaning meaning;
    if (d.is_null) {
        meaning.faults.add(L1L2_ERROR_INVALID_ARGUMENT);
        return meaning;
    }
    const DLTensor& t = d.tensor;
    meaning.faults = faults_of(t, d);
    if (!meaning.faults.none()) {
        return meaning;
    }
    meaning.dtype = dtype_of(t);
    meaning.element = t.dtype_bits / 8;
    if (std::count(d.shape.begin(), d.shape.end(), 0) > 0) {
        return meaning;
    }
    if (!locate(t, d, meaning)) {
        meaning.faults.add(L1L2_ERROR_INVALID_TENSOR);
        return meaning;
    }
    if (!lies_in_memory(meaning)) {
        return std::nullopt;
    }
    find_axes(t, d, meaning);
    meaning.addresses.reserve(meaning.count);
    for_each_address(meaning.axis.data(), meaning.axes, meaning.address,
                     [&](Wide address) { meaning.addresses.push_back(address); });
    return meaning;
}

/// The same, after moving the tensor into the memory or making it compact if necessary.
inline std::optional<Meaning> make_meaning(Descriptor& d) {
    std::optional<Meaning> meaning = meaning_of(d);
    for (const bool compact : {false, true}) {
        if (meaning) {
            return meaning;
        }
        if (compact) {
            d.tensor.strides = nullptr;
        }
        Meaning moved;
        moved.element = d.tensor.dtype_bits / 8;
        if (!locate(d.tensor, d, moved)) {
            return meaning_of(d);
        }
        const Wide span = moved.last - moved.first;
        if (span <= Wide{memory_bytes}) {
            const auto start = static_cast<Wide>(reinterpret_cast<std::uintptr_t>(memory));
            const Wide room = Wide{memory_bytes} - span + 1;
            const Wide target = start + ((moved.first - start) % room + room) % room;
            const auto shift = static_cast<std::uintptr_t>(target - moved.first);
            d.tensor.data =
                reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(d.tensor.data) + shift);
            meaning = meaning_of(d);
        }
    }
    return meaning;
}

} // namespace fuzz
