/// Any descriptors of tensors for the functions of DLPack. What they describe is found out here
/// once more, in integers of 128 bits: whether it is a tensor, whether it lies within the memory
/// that there is, and where each element is.
#include "input.hpp"
#include "tensor.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <vector>

namespace {

using fuzz::check;
using fuzz::Faults;
using fuzz::Input;
using l1l2::core::DLTensor;

__extension__ using Wide = __int128;

/// All elements of all tensors. More than two blocks of the 16-bit types with a stride of 2.
constexpr std::size_t memory_bytes = 36 * 1024;
constexpr std::size_t most_elements = 20000;
constexpr std::size_t most_axes = 64;
constexpr std::size_t largest_element = 8;

alignas(64) std::uint8_t memory[memory_bytes];
std::uint8_t memory_before[memory_bytes];
std::uint8_t memory_expected[memory_bytes];

/// What the elements are without the input: numbers of ordinary size, whatever the dtype and the
/// address, as the byte that holds the exponent is that of such numbers. The period is prime.
std::uint8_t ordinary_byte(std::size_t i) {
    constexpr std::uint8_t exponents[] = {0x30, 0x40, 0xb0, 0xc0};
    const std::size_t step = (i * 7919 + 13) % 2003;
    return static_cast<std::uint8_t>(exponents[step % 4] + step / 4 % 16);
}

/// A descriptor with the memory of its shape and strides, of exactly their sizes.
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

std::int64_t decode_size(Input& input) {
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

std::int64_t decode_stride(Input& input) {
    const std::uint8_t choice = input.byte();
    switch (choice >> 4U) {
    case 15: return input.take<std::int64_t>();
    case 14: return input.take<std::int16_t>();
    case 13: return choice % 2 == 0 ? INT64_MIN >> (choice % 8) : INT64_MAX >> (choice % 8);
    case 12: return 0;
    default: return static_cast<std::int8_t>(choice - 0x60);
    }
}

std::int32_t decode_axes(Input& input) {
    const std::uint8_t choice = input.byte();
    switch (choice >> 4U) {
    case 15: return input.take<std::int32_t>();
    case 14: return 60 + choice % 8;
    case 13: return choice % 16;
    default: return choice % 5;
    }
}

/// The strides of a compact tensor, their axes in a random order, some flipped.
void decode_compact_strides(Input& input, Descriptor& d) {
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

void decode_strides(Input& input, Descriptor& d) {
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

void decode_place(Input& input, Descriptor& d) {
    const std::uint8_t kind = input.byte();
    const std::size_t place = input.take<std::uint16_t>() % memory_bytes;
    d.tensor.byte_offset = kind < 0x80   ? 0
                           : kind < 0xF0 ? kind % 0x20
                                         : input.take<std::uint64_t>();
    // As a number: data may be outside of the memory, and byte_offset leads back in.
    const std::uintptr_t data =
        reinterpret_cast<std::uintptr_t>(memory) + place - d.tensor.byte_offset;
    d.tensor.data = kind == 0x7F ? nullptr : reinterpret_cast<void*>(data);
}

void decode_type(Input& input, Descriptor& d) {
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

Descriptor decode(Input& input) {
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

/// y is like x, but where the input has it otherwise.
Descriptor decode_like(Input& input, const Descriptor& x) {
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

/// What a tensor is, as the header tells it.
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

bool is_readable(std::int32_t device) {
    return device == 1 || device == 3 || device == 11 || device == 13;
}

l1l2_dtype dtype_of(const DLTensor& t) {
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

/// The faults that do not need a look at where the elements are.
Faults faults_of(const DLTensor& t, const Descriptor& d) {
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

/// Finds out where the elements are; false if that is nowhere in the address space.
bool locate(const DLTensor& t, const Descriptor& d, Meaning& meaning) {
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

void find_axes(const DLTensor& t, const Descriptor& d, Meaning& meaning) {
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

bool lies_in_memory(const Meaning& meaning) {
    const auto start = static_cast<Wide>(reinterpret_cast<std::uintptr_t>(memory));
    return meaning.first >= start && meaning.last <= start + Wide{memory_bytes} &&
           meaning.count <= most_elements;
}

/// Calls f with the address of each element, the last axis innermost.
template <class F>
void for_each_address(const Axis* axis, std::size_t axes, Wide address, F&& f) {
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

/// Nothing for a tensor that a library may accept and whose elements are not all in the memory.
std::optional<Meaning> meaning_of(const Descriptor& d) {
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

/// The same after the tensor was moved into the memory, or made compact, if that lets it fit.
std::optional<Meaning> make_meaning(Descriptor& d) {
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

// What is computed of it --------------------------------------------------------------------------

using Elements = std::array<std::uint8_t, most_elements * largest_element>;

/// The elements at the addresses, one after another.
void gather(const std::uint8_t* from, const std::vector<Wide>& addresses, std::size_t element,
            Elements& to) {
    const auto start = static_cast<Wide>(reinterpret_cast<std::uintptr_t>(memory));
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        std::memcpy(&to[i * element], from + static_cast<std::size_t>(addresses[i] - start),
                    element);
    }
}

void scatter(const Elements& from, const std::vector<Wide>& addresses, std::size_t element,
             std::uint8_t* to) {
    const auto start = static_cast<Wide>(reinterpret_cast<std::uintptr_t>(memory));
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        std::memcpy(to + static_cast<std::size_t>(addresses[i] - start), &from[i * element],
                    element);
    }
}

/// The addresses in the order of the header's "Tensors": the axes from the largest stride to the
/// smallest, those of stride 0 first, each towards higher addresses.
std::vector<Wide> in_order_of_memory(const Meaning& x) {
    std::array<Axis, most_axes> axis = x.axis;
    Wide address = x.address;
    for (std::size_t i = 0; i < x.axes; ++i) {
        if (axis[i].stride < 0) {
            address += static_cast<Wide>(axis[i].size - 1) * axis[i].stride;
            axis[i].stride = -axis[i].stride;
        }
    }
    std::stable_sort(axis.begin(), axis.begin() + x.axes, [](const Axis& a, const Axis& b) {
        return a.stride != b.stride && (a.stride == 0 || (b.stride != 0 && a.stride > b.stride));
    });
    std::vector<Wide> addresses;
    addresses.reserve(x.count);
    if (x.count > 0) {
        for_each_address(axis.data(), x.axes, address,
                         [&](Wide each) { addresses.push_back(each); });
    }
    return addresses;
}

/// The penalty of x as the header specifies it, by that of an array.
double specified_penalty(const l1l2_regularizer* regularizer, const Meaning& x) {
    static Elements elements;
    gather(memory_before, in_order_of_memory(x), x.element, elements);
    double penalty = fuzz::untouched;
    check(l1l2_penalty(regularizer, x.dtype, elements.data(), x.count, &penalty) == L1L2_OK,
          "the penalty of an array can be had");
    return penalty;
}

/// Whether two elements of y share a byte, or one with one of x.
struct Sharing {
    bool within = false;
    bool with_x = false;
};

Sharing sharing_of(const Meaning& x, const Meaning& y) {
    static std::array<std::uint8_t, memory_bytes> owner;
    constexpr std::uint8_t of_x = 1;
    constexpr std::uint8_t of_y = 2;
    const auto start = static_cast<Wide>(reinterpret_cast<std::uintptr_t>(memory));
    owner.fill(0);
    for (const Wide address : x.addresses) {
        std::memset(&owner[static_cast<std::size_t>(address - start)], of_x, x.element);
    }
    Sharing sharing;
    for (const Wide address : y.addresses) {
        std::uint8_t* const at = &owner[static_cast<std::size_t>(address - start)];
        for (std::size_t i = 0; i < y.element; ++i) {
            sharing.with_x = sharing.with_x || (at[i] & of_x) != 0;
            sharing.within = sharing.within || (at[i] & of_y) != 0;
            at[i] |= of_y;
        }
    }
    return sharing;
}

/// Whether each stride reaches beyond all that the smaller ones cover.
bool is_nested(const Meaning& y) {
    std::vector<Axis> axes(y.axis.begin(), y.axis.begin() + y.axes);
    for (Axis& axis : axes) {
        axis.stride = std::abs(axis.stride);
    }
    std::sort(axes.begin(), axes.end(),
              [](const Axis& a, const Axis& b) { return a.stride < b.stride; });
    auto covered = static_cast<std::int64_t>(y.element);
    for (const Axis& axis : axes) {
        if (axis.stride < covered) {
            return false;
        }
        covered += axis.stride * static_cast<std::int64_t>(axis.size - 1);
    }
    return true;
}

bool are_the_same(const Meaning& x, const Meaning& y) {
    return x.addresses == y.addresses;
}

/// Whether the header's rule for two tensors in pairs, or apart, says that they do not meet.
bool are_apart(const Meaning& x, const Meaning& y) {
    if (x.last <= y.first || y.last <= x.first) {
        return true;
    }
    std::int64_t divisor = 0;
    for (const Meaning* each : {&x, &y}) {
        for (std::size_t i = 0; i < each->axes; ++i) {
            divisor = std::gcd(divisor, each->axis[i].stride);
        }
    }
    if (divisor == 0) {
        return false;
    }
    const Wide distance = ((y.address - x.address) % divisor + divisor) % divisor;
    const auto element = static_cast<Wide>(x.element);
    return distance >= element && divisor - distance >= element;
}

// The calls ---------------------------------------------------------------------------------------

void check_memory(const std::uint8_t* expected) {
    check(std::memcmp(memory, expected, memory_bytes) == 0,
          expected == memory_before
              ? "a failure leaves the memory as it was"
              : "what is written has the bits of the array's function, and nothing else changes");
}

struct Call {
    const l1l2_regularizer* regularizer;
    double parameter; ///< scale or step
    bool penalty_wanted;
    fuzz::Environment environment;
};

void check_penalty(const Call& call, Descriptor& x, const Meaning& meaning) {
    double penalty = fuzz::untouched;
    double* const wanted = call.penalty_wanted ? &penalty : nullptr;
    Faults faults = meaning.faults;
    if (call.regularizer == nullptr || wanted == nullptr) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    l1l2_status status = L1L2_OK;
    fuzz::in_environment(call.environment,
                         [&] { status = l1l2_penalty_dlpack(call.regularizer, x.get(), wanted); });
    faults.check_status(status);
    check(fuzz::bits(penalty) == fuzz::bits(status == L1L2_OK
                                                ? specified_penalty(call.regularizer, meaning)
                                                : fuzz::untouched),
          "the penalty is that of the elements in the order of memory, or untouched");
    check_memory(memory_before);
}

/// Exact sums of x, which are those of its elements in any order.
void check_exact_sums(const Call& call, Descriptor& x, const Meaning& meaning) {
    static Elements elements;
    std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH> sums = {};
    std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH> expected = {};
    Faults faults = meaning.faults;
    if (!call.penalty_wanted) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    l1l2_status status = L1L2_OK;
    fuzz::in_environment(call.environment, [&] {
        status = l1l2_exact_sums_add_dlpack(call.penalty_wanted ? sums.data() : nullptr, x.get());
    });
    faults.check_status(status);
    if (status == L1L2_OK) {
        gather(memory_before, meaning.addresses, meaning.element, elements);
        check(l1l2_exact_sums_add(expected.data(), meaning.dtype, elements.data(), meaning.count) ==
                  L1L2_OK,
              "an array can be added to exact sums");
    }
    check(sums == expected, "exact sums are those of the elements, or untouched");
    check_memory(memory_before);
}

enum class Writes { gradient, prox };

/// The array's function.
l1l2_status call_array(Writes writes, const Call& call, const Meaning& x, const void* from,
                       std::size_t n, void* to) {
    return writes == Writes::gradient
               ? l1l2_add_gradient(call.regularizer, x.dtype, from, n, call.parameter, to, nullptr)
               : l1l2_prox(call.regularizer, x.dtype, from, n, call.parameter, to);
}

/// What may be wrong with two tensors that are right by themselves.
Faults faults_of_pair(Writes writes, const Call& call, const Meaning& x, const Meaning& y,
                      bool same_shape) {
    Faults faults;
    if (x.dtype != y.dtype || !same_shape) {
        faults.add(L1L2_ERROR_INVALID_TENSOR);
        return faults;
    }
    const l1l2_status status = call_array(writes, call, x, nullptr, 0, nullptr);
    if (status != L1L2_OK) {
        faults.add(status);
    }
    if (x.count == 0) {
        return faults;
    }
    const Sharing sharing = sharing_of(x, y);
    const bool in_place = writes == Writes::prox && are_the_same(x, y);
    const bool allowed = is_nested(y) && (in_place || are_apart(x, y));
    check(!allowed || !sharing.within, "tensors that are nested have no element twice");
    check(!allowed || in_place || !sharing.with_x, "tensors that are apart share no byte");
    if (!allowed) {
        faults.add(L1L2_ERROR_OVERLAP);
    }
    return faults;
}

/// The memory after the call, by the array's function.
void expect_written(Writes writes, const Call& call, const Meaning& x, const Meaning& y) {
    static Elements x_elements;
    static Elements y_elements;
    gather(memory_before, x.addresses, x.element, x_elements);
    gather(memory_before, y.addresses, y.element, y_elements);
    check(call_array(writes, call, x, x_elements.data(), x.count, y_elements.data()) == L1L2_OK,
          "what is right for a tensor is right for an array");
    std::memcpy(memory_expected, memory_before, memory_bytes);
    scatter(y_elements, y.addresses, y.element, memory_expected);
}

void check_written(Writes writes, const Call& call, Descriptor& x, const Meaning& x_meaning,
                   Descriptor& y, const Meaning& y_meaning) {
    Faults faults = x_meaning.faults;
    faults.add(y_meaning.faults);
    if (call.regularizer == nullptr) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    if (faults.none()) {
        faults = faults_of_pair(writes, call, x_meaning, y_meaning, x.shape == y.shape);
    }
    double penalty = fuzz::untouched;
    double* const wanted = call.penalty_wanted ? &penalty : nullptr;
    l1l2_status status = L1L2_OK;
    fuzz::in_environment(call.environment, [&] {
        status = writes == Writes::gradient
                     ? l1l2_add_gradient_dlpack(call.regularizer, x.get(), call.parameter, y.get(),
                                                wanted)
                     : l1l2_prox_dlpack(call.regularizer, x.get(), call.parameter, y.get());
    });
    faults.check_status(status);
    if (status != L1L2_OK) {
        check_memory(memory_before);
        check(fuzz::bits(penalty) == fuzz::bits(fuzz::untouched),
              "a failure leaves the penalty as it was");
        return;
    }
    expect_written(writes, call, x_meaning, y_meaning);
    check_memory(memory_expected);
    std::memcpy(memory, memory_before, memory_bytes);
    if (writes == Writes::gradient && wanted != nullptr) {
        check(fuzz::bits(penalty) == fuzz::bits(specified_penalty(call.regularizer, x_meaning)),
              "the penalty beside a gradient is the penalty");
    }
}

Call decode_call(Input& input) {
    static const fuzz::Handle handles[] = {
        {0.01, 0.3}, {0.01, 0.0}, {0.0, 0.3}, {0.0, 0.0}, {1e300, 0x1p-140}};
    const std::uint8_t choice = input.byte();
    Call call = {};
    call.regularizer = choice == 0xFF ? nullptr : handles[choice % 5].get();
    call.parameter = input.parameter();
    const std::uint8_t flags = input.byte();
    call.penalty_wanted = flags % 8 != 7;
    call.environment = flags < 0xC0 ? fuzz::Environment::usual : fuzz::Environment::hostile;
    return call;
}

void set_memory(const Input& input) {
    static std::array<std::uint8_t, memory_bytes> ordinary = [] {
        std::array<std::uint8_t, memory_bytes> bytes = {};
        for (std::size_t i = 0; i < memory_bytes; ++i) {
            bytes[i] = ordinary_byte(i);
        }
        return bytes;
    }();
    std::memcpy(memory, ordinary.data(), memory_bytes);
    if (input.left() > 0) {
        input.fill(memory, std::min(input.left(), memory_bytes));
    }
    std::memcpy(memory_before, memory, memory_bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::uint8_t function = input.byte() % 4;
    const Call call = decode_call(input);
    Descriptor x = decode(input);
    const std::optional<Meaning> x_meaning = make_meaning(x);
    Descriptor y = decode_like(input, x);
    const std::optional<Meaning> y_meaning = make_meaning(y);
    if (!x_meaning || !y_meaning) {
        return 0;
    }
    set_memory(input);
    if (function == 0) {
        check_penalty(call, x, *x_meaning);
        check_exact_sums(call, x, *x_meaning);
    } else {
        check_written(function == 1 ? Writes::gradient : Writes::prox, call, x, *x_meaning, y,
                      *y_meaning);
    }
    return 0;
}
