/**
 * Calls of the functions that take a DLTensor, each compared with what the header says of the
 * descriptors and with the function for arrays. They write to `memory`, from `memory_before`.
 */
#pragma once

#include "descriptors.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace fuzz {

inline std::uint8_t memory_expected[memory_bytes];

using Elements = std::array<std::uint8_t, most_elements * largest_element>;

/// Copies the elements at the addresses into an array.
inline void gather(const std::uint8_t* from, const std::vector<Wide>& addresses,
                   std::size_t element, Elements& to) {
    const auto start = static_cast<Wide>(reinterpret_cast<std::uintptr_t>(memory));
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        std::memcpy(&to[i * element], from + static_cast<std::size_t>(addresses[i] - start),
                    element);
    }
}

inline void scatter(const Elements& from, const std::vector<Wide>& addresses, std::size_t element,
                    std::uint8_t* to) {
    const auto start = static_cast<Wide>(reinterpret_cast<std::uintptr_t>(memory));
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        std::memcpy(to + static_cast<std::size_t>(addresses[i] - start), &from[i * element],
                    element);
    }
}

/// The addresses in the order that l1l2.h specifies: outermost the axes of stride 0, then from the
/// largest stride to the smallest, each towards higher addresses.
inline std::vector<Wide> in_order_of_memory(const Meaning& x) {
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

/// The penalty that l1l2.h specifies for x, computed as that of an array.
inline double specified_penalty(const l1l2_regularizer* regularizer, const Meaning& x) {
    static Elements elements;
    gather(memory_before, in_order_of_memory(x), x.element, elements);
    double penalty = untouched;
    check(l1l2_penalty(regularizer, x.dtype, elements.data(), x.count, &penalty) == L1L2_OK,
          "the penalty of an array can be had");
    return penalty;
}

/// Whether elements of y share a byte with one another, or with x.
struct Sharing {
    bool within = false;
    bool with_x = false;
};

inline Sharing sharing_of(const Meaning& x, const Meaning& y) {
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

/// Whether each stride exceeds the extent of all smaller ones.
inline bool is_nested(const Meaning& y) {
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

inline bool are_the_same(const Meaning& x, const Meaning& y) {
    return x.addresses == y.addresses;
}

/// Whether x and y are apart by the rule of l1l2.h: separate ranges, or a common divisor of the
/// strides.
inline bool are_apart(const Meaning& x, const Meaning& y) {
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

inline void check_memory(const std::uint8_t* expected) {
    check(std::memcmp(memory, expected, memory_bytes) == 0,
          expected == memory_before
              ? "a failure leaves the memory as it was"
              : "what is written has the bits of the array's function, and nothing else changes");
}

struct TensorCall {
    const l1l2_regularizer* regularizer;
    double parameter; ///< scale or step
    bool penalty_wanted;
    Environment environment;
};

inline void check_tensor_penalty(const TensorCall& call, Descriptor& x, const Meaning& meaning) {
    double penalty = untouched;
    double* const wanted = call.penalty_wanted ? &penalty : nullptr;
    Faults faults = meaning.faults;
    if (call.regularizer == nullptr || wanted == nullptr) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    l1l2_status status = L1L2_OK;
    in_environment(call.environment,
                   [&] { status = l1l2_penalty_dlpack(call.regularizer, x.get(), wanted); });
    faults.check_status(status);
    check(to_bits(penalty) ==
              to_bits(status == L1L2_OK ? specified_penalty(call.regularizer, meaning) : untouched),
          "the penalty is that of the elements in the order of memory, or untouched");
    check_memory(memory_before);
}

/// Exact sums of x are those of its elements in any order.
inline void check_tensor_sums(const TensorCall& call, Descriptor& x, const Meaning& meaning) {
    static Elements elements;
    std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH> sums = {};
    std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH> expected = {};
    Faults faults = meaning.faults;
    if (!call.penalty_wanted) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    l1l2_status status = L1L2_OK;
    in_environment(call.environment, [&] {
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

enum class Writes { gradient, prox, step };

/// Calls the function for arrays.
inline l1l2_status call_array(Writes writes, const TensorCall& call, const Meaning& x,
                              const void* from, std::size_t n, void* to) {
    if (writes == Writes::step) {
        return l1l2_prox_step(call.regularizer, x.dtype, from, n, from, call.parameter, nullptr,
                              to);
    }
    return writes == Writes::gradient
               ? l1l2_add_gradient(call.regularizer, x.dtype, from, n, call.parameter, to, nullptr)
               : l1l2_prox(call.regularizer, x.dtype, from, n, call.parameter, to);
}

/// The faults of two tensors that are valid by themselves.
inline Faults faults_of_pair(Writes writes, const TensorCall& call, const Meaning& x,
                             const Meaning& y, bool same_shape) {
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
    const bool in_place = writes != Writes::gradient && are_the_same(x, y);
    const bool allowed = is_nested(y) && (in_place || are_apart(x, y));
    check(!allowed || !sharing.within, "tensors that are nested have no element twice");
    check(!allowed || in_place || !sharing.with_x, "tensors that are apart share no byte");
    if (!allowed) {
        faults.add(L1L2_ERROR_OVERLAP);
    }
    return faults;
}

/// Computes the memory after the call by the function for arrays.
inline void expect_written(Writes writes, const TensorCall& call, const Meaning& x,
                           const Meaning& y) {
    static Elements x_elements;
    static Elements y_elements;
    gather(memory_before, x.addresses, x.element, x_elements);
    gather(memory_before, y.addresses, y.element, y_elements);
    check(call_array(writes, call, x, x_elements.data(), x.count, y_elements.data()) == L1L2_OK,
          "what is right for a tensor is right for an array");
    std::memcpy(memory_expected, memory_before, memory_bytes);
    scatter(y_elements, y.addresses, y.element, memory_expected);
}

inline void check_tensor_written(Writes writes, const TensorCall& call, Descriptor& x,
                                 const Meaning& x_meaning, Descriptor& y,
                                 const Meaning& y_meaning) {
    Faults faults = x_meaning.faults;
    faults.add(y_meaning.faults);
    if (call.regularizer == nullptr) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    if (faults.none()) {
        faults = faults_of_pair(writes, call, x_meaning, y_meaning, x.shape == y.shape);
    }
    double penalty = untouched;
    double* const wanted = call.penalty_wanted ? &penalty : nullptr;
    l1l2_status status = L1L2_OK;
    in_environment(call.environment, [&] {
        switch (writes) {
        case Writes::gradient:
            status = l1l2_add_gradient_dlpack(call.regularizer, x.get(), call.parameter, y.get(),
                                              wanted);
            break;
        case Writes::prox:
            status = l1l2_prox_dlpack(call.regularizer, x.get(), call.parameter, y.get());
            break;
        case Writes::step: // of a gradient that is x
            status = l1l2_prox_step_dlpack(call.regularizer, x.get(), x.get(), call.parameter,
                                           nullptr, y.get());
            break;
        }
    });
    faults.check_status(status);
    if (status != L1L2_OK) {
        check_memory(memory_before);
        check(to_bits(penalty) == to_bits(untouched), "a failure leaves the penalty as it was");
        return;
    }
    expect_written(writes, call, x_meaning, y_meaning);
    check_memory(memory_expected);
    if (writes == Writes::gradient && wanted != nullptr) {
        check(to_bits(penalty) == to_bits(specified_penalty(call.regularizer, x_meaning)),
              "the penalty beside a gradient is the penalty");
    }
}

} // namespace fuzz
