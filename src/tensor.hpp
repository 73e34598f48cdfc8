/**
 * Tensors of any strides, as DLPack describes them: what is checked of them, and in which order
 * their elements are walked.
 */
#pragma once

#include "operation.hpp"

#include <cstddef>
#include <cstdint>

namespace l1l2::core {

/// As many axes as NumPy and PyTorch have at most.
constexpr std::size_t max_axes = 64;

/// The struct DLTensor of dlpack.h, which is part of DLPack's ABI since its first version.
struct DLTensor {
    void* data;
    std::int32_t device_type;
    std::int32_t device_id;
    std::int32_t ndim;
    std::uint8_t dtype_code;
    std::uint8_t dtype_bits;
    std::uint16_t dtype_lanes;
    std::int64_t* shape;
    std::int64_t* strides;
    std::uint64_t byte_offset;
};
static_assert(sizeof(void*) != 8 || sizeof(DLTensor) == 48);

/// Why two tensors, or one, cannot be walked.
enum class TensorFault {
    none,
    unsupported_device,
    unsupported_dtype,
    invalid_tensor, ///< its numbers make no tensor, or not one that fits the other
    overlap
};

/// A checked view of a DLTensor, with the strides in bytes.
struct Tensor {
    Dtype dtype;
    std::size_t axes;
    std::size_t count; ///< the product of the sizes
    char* data;        ///< its first element
    std::size_t size[max_axes];
    std::ptrdiff_t stride[max_axes];

    /// Reads a struct DLTensor. With a fault the view is unspecified.
    TensorFault read(const void* dltensor);
};

/**
 * One tensor that is read and perhaps one that is written, walked together in the order of memory
 * of the first one: axes of stride 0 first, then from the largest stride to the smallest, each
 * towards higher addresses of x.
 */
class Walk {
  public:
    explicit Walk(const Tensor& x);

    /// Adds the tensor that is written, whose dtype and shape must be those of x; it may be x's
    /// memory only if in_place allows it, and then with the same strides.
    TensorFault add_written(const Tensor& x, const Tensor& y, bool in_place);

    /// The sums over all elements in the order of the walk, of which the operation's writing part
    /// has been done, too. Needs the default floating-point environment.
    Sums reduce(const Operation& operation) const;

    /// Calls f(state, elements, n) for all elements of x in the order of the walk: once if they are
    /// one array, else for 16 KiB at a time, gathered where they are not contiguous.
    void visit(void* state, void (*f)(void* state, const void* elements, std::size_t n)) const;

  private:
    friend class Cursor;

    struct Axis {
        std::size_t size;
        std::ptrdiff_t x_stride;
        std::ptrdiff_t y_stride;
    };

    void arrange(const Tensor& x, const Tensor* y);

    Dtype dtype_;
    std::size_t count_;
    char* x_ = nullptr; ///< the first element of the walk
    char* y_ = nullptr;
    std::size_t axes_ = 0;
    Axis axis_[max_axes];
};

/// As for Arrays.
inline Sums reduce(const Operation& operation, const Walk& walk) {
    return walk.reduce(operation);
}

} // namespace l1l2::core
