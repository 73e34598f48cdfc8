# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

@static if isdefined(Core, :BFloat16)
    const BFloat16 = Core.BFloat16
else
    primitive type BFloat16 <: AbstractFloat 16 end
end

"""
    L1L2.BFloat16

The upper half of a `Float32`: Julia's own type where it has one (1.11 and later), else a type
without arithmetic. `reinterpret(L1L2.BFloat16, bits)` sees an array of `UInt16` as such.
"""
BFloat16

"""
    L1L2.dtype(T)

The number by which the library knows the element type `T`. For another package's type of the
same bits, add a method: `L1L2.dtype(::Type{Other}) = L1L2.dtype(L1L2.BFloat16)`.
"""
dtype(::Type{Float32}) = Int32(1)
dtype(::Type{Float64}) = Int32(2)
dtype(::Type{Float16}) = Int32(3)
dtype(::Type{BFloat16}) = Int32(4)
dtype(T::Type) = throw(ArgumentError("libl1l2 has no dtype for elements of type $T"))

# Whether the elements are one piece of memory, in the order of their indices.
function contiguous(array)
    expected = 1
    for (extent, stride) in zip(size(array), strides(array))
        extent == 1 || stride == expected || return false
        expected *= extent
    end
    return true
end

contiguous(::Union{Array,Nothing}) = true

# As in dlpack.h.
struct DLTensor
    data::Ptr{Cvoid}
    device_type::Int32
    device_id::Int32
    ndim::Int32
    code::UInt8
    bits::UInt8
    lanes::UInt16
    shape::Ptr{Cvoid}
    strides::Ptr{Cvoid}
    byte_offset::UInt64
end

# The type in which gradients and proximal operators are computed, and that steps have.
arithmetic(T) = dtype(T) == dtype(Float64) ? Float64 : Float32

with_tensor(f, ::Nothing) = f(C_NULL)

# Calls f with a DLTensor that describes the array and is valid during the call.
function with_tensor(f, array::AbstractArray{T}) where {T}
    cpu = 1
    code = dtype(T) == dtype(BFloat16) ? 4 : 2
    shape, steps = Ref(Int64.(size(array))), Ref(Int64.(strides(array)))
    GC.@preserve array shape steps begin
        tensor = DLTensor(
            pointer(array),
            cpu,
            0,
            ndims(array),
            code,
            8 * sizeof(T),
            1,
            pointer_from_objref(shape),
            pointer_from_objref(steps),
            0,
        )
        f(Ref(tensor)) # no return: it would skip the end of what is preserved
    end
end
