"""
L1/L2 (elastic-net) regularization as Keras defines it, computed by libl1l2.

The library is opened when the module is loaded: the file that the environment variable
`L1L2_LIBRARY` names, else `libl1l2.so.0`, wherever the system finds it.

Arrays are never copied. `x`, `gradient` and `out` may be any arrays that have `strides` and
`pointer`: an `Array` of any shape; a view of one by ranges of any step; a `transpose` or
`PermutedDimsArray` of these; a `reshape` or `reinterpret` of an `Array`, or of a view that is
contiguous, and a view of that. (Of another view these two have strides only in later versions of
Julia than 1.5: reshape or reinterpret first, then take the view.) Their elements are `Float16`,
`Float32`, `Float64` or [`L1L2.BFloat16`](@ref); for other types see [`L1L2.dtype`](@ref).
Whatever they are, sums are carried in double precision.

What the library refuses is an [`L1L2Error`](@ref). What is refused before it is called is a
`DimensionMismatch` (sizes that differ), an `ArgumentError` (an element type without a dtype, a
regularizer that is closed), or either that or a `MethodError` (an array without strides, element
types that differ). Nothing has been written then.

A regularizer never changes, so that any number of threads may use one at once.
"""
module L1L2

using Libdl: dlopen, dlsym

export Regularizer, L1L2Error, coefficients, to_json, from_json
export add_gradient!, penalty_and_add_gradient!, prox!
export ExactSums, add!, totals

# The addresses of the library's functions, each by its name without "l1l2_".
struct Functions
    version_number::Ptr{Cvoid}
    status_string::Ptr{Cvoid}
    isa::Ptr{Cvoid}
    create::Ptr{Cvoid}
    destroy::Ptr{Cvoid}
    get_config::Ptr{Cvoid}
    penalty::Ptr{Cvoid}
    penalty_dlpack::Ptr{Cvoid}
    add_gradient::Ptr{Cvoid}
    add_gradient_dlpack::Ptr{Cvoid}
    prox::Ptr{Cvoid}
    prox_dlpack::Ptr{Cvoid}
    exact_sums_length::Ptr{Cvoid}
    exact_sums_add::Ptr{Cvoid}
    exact_sums_add_dlpack::Ptr{Cvoid}
    exact_sums_merge::Ptr{Cvoid}
    exact_sums_read::Ptr{Cvoid}
    penalty_exact_sums::Ptr{Cvoid}
    to_json::Ptr{Cvoid}
    from_json::Ptr{Cvoid}
end

const functions = Ref{Functions}()

# Addresses of one process mean nothing in another: they are not to be precompiled.
function __init__()
    path = get(ENV, "L1L2_LIBRARY", "")
    library = dlopen(isempty(path) ? "libl1l2.so.0" : path)
    address(name) = dlsym(library, Symbol("l1l2_", name))
    functions[] = Functions(map(address, fieldnames(Functions))...)
end

"""
    L1L2.version()

The version of the library as a `VersionNumber`.
"""
function version()
    number = @ccall $(functions[].version_number)()::UInt32
    return VersionNumber(number ÷ 10000, number ÷ 100 % 100, number % 100)
end

"""
    L1L2.instruction_set()

The name of the instruction set that the library computes with: `"avx2"`, for instance. All of
them give the same results.
"""
instruction_set() = unsafe_string(@ccall $(functions[].isa)()::Cstring)

"""
    L1L2Error

A failure of the library: `status`, a number of `l1l2.h`, and `message`, what the library says
of it.
"""
struct L1L2Error <: Exception
    status::Int32
    message::String
end

function L1L2Error(status)
    message = @ccall $(functions[].status_string)(status::Int32)::Cstring
    return L1L2Error(status, unsafe_string(message))
end

Base.showerror(io::IO, error::L1L2Error) =
    print(io, "L1L2Error: ", error.message, " (status ", error.status, ")")

check(status) = status == 0 ? nothing : throw(L1L2Error(status))

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

"""
    Regularizer(; l1 = 0.0, l2 = 0.0)

A pair of coefficients, finite and not negative. [`from_json`](@ref) makes one, too.

    regularizer(x)

is the penalty `l1 * sum(abs, x) + l2 * sum(abs2, x)`, a `Float64`. A term whose coefficient is 0
sees no NaN.

The garbage collector frees a regularizer. `close(regularizer)` does so at once; no other thread
may be using it then, and it can be used no more. To close it twice does no harm.

It cannot be changed, so `deepcopy` returns the regularizer itself. What is read back from
`Serialization` is closed: store `to_json(regularizer)` instead.
"""
mutable struct Regularizer
    handle::Ptr{Cvoid}
    Regularizer(handle::Ptr{Cvoid}) = finalizer(close, new(handle))
end

function Regularizer(; l1::Real = 0.0, l2::Real = 0.0)
    handle = Ref{Ptr{Cvoid}}()
    check(@ccall $(functions[].create)(l1::Cdouble, l2::Cdouble, handle::Ref{Ptr{Cvoid}})::Int32)
    return Regularizer(handle[])
end

function Base.close(regularizer::Regularizer)
    handle, regularizer.handle = regularizer.handle, C_NULL
    @ccall $(functions[].destroy)(handle::Ptr{Cvoid})::Cvoid
end

# With this a @ccall takes the regularizer itself, and keeps it from being freed meanwhile.
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, regularizer::Regularizer)
    regularizer.handle == C_NULL && throw(ArgumentError("the regularizer is closed"))
    return regularizer.handle
end

# A copy of the handle would be freed with the original.
Base.deepcopy_internal(regularizer::Regularizer, ::IdDict) = regularizer

"""
    coefficients(regularizer)

The named tuple `(l1 = ..., l2 = ...)`: the very `Float64`s that the regularizer was made of.
"""
function coefficients(regularizer::Regularizer)
    l1, l2 = Ref{Cdouble}(), Ref{Cdouble}()
    check(@ccall $(functions[].get_config)(
        regularizer::Ptr{Cvoid}, l1::Ref{Cdouble}, l2::Ref{Cdouble}
    )::Int32)
    return (l1 = l1[], l2 = l2[])
end

# Whether the elements are one piece of memory, in the order of their indices.
function contiguous(array)
    expected = 1
    for (extent, stride) in zip(size(array), strides(array))
        extent == 1 || stride == expected || return false
        expected *= extent
    end
    return true
end

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

function (regularizer::Regularizer)(x::AbstractArray{T}) where {T}
    penalty = Ref{Cdouble}()
    if contiguous(x)
        check(@ccall $(functions[].penalty)(
            regularizer::Ptr{Cvoid}, dtype(T)::Int32, x::Ptr{T}, length(x)::Csize_t,
            penalty::Ref{Cdouble}
        )::Int32)
    else
        with_tensor(x) do tensor
            check(@ccall $(functions[].penalty_dlpack)(
                regularizer::Ptr{Cvoid}, tensor::Ref{DLTensor}, penalty::Ref{Cdouble}
            )::Int32)
        end
    end
    return penalty[]
end

function check_size(x, other, name)
    size(x) == size(other) ||
        throw(DimensionMismatch("x has the size $(size(x)), $name the size $(size(other))"))
end

# penalty is a Ref{Cdouble}, or C_NULL if it is not wanted.
function add_gradient(regularizer, gradient, x::AbstractArray{T}, scale, penalty) where {T}
    check_size(x, gradient, "gradient")
    if contiguous(x) && contiguous(gradient)
        check(@ccall $(functions[].add_gradient)(
            regularizer::Ptr{Cvoid}, dtype(T)::Int32, x::Ptr{T}, length(x)::Csize_t,
            scale::Cdouble, gradient::Ptr{T}, penalty::Ptr{Cdouble}
        )::Int32)
    else
        with_tensor(x) do x_tensor
            with_tensor(gradient) do gradient_tensor
                check(@ccall $(functions[].add_gradient_dlpack)(
                    regularizer::Ptr{Cvoid}, x_tensor::Ref{DLTensor}, scale::Cdouble,
                    gradient_tensor::Ref{DLTensor}, penalty::Ptr{Cdouble}
                )::Int32)
            end
        end
    end
end

"""
    add_gradient!(regularizer, gradient, x, scale = 1.0)

Adds `scale * (l1 * sign.(x) + 2 * l2 * x)` to `gradient`, and returns it. The two arrays have the
same size and element type and share no memory. `scale` is finite, of either sign.
"""
function add_gradient!(
    regularizer::Regularizer,
    gradient::AbstractArray{T},
    x::AbstractArray{T},
    scale::Real = 1.0,
) where {T}
    add_gradient(regularizer, gradient, x, scale, C_NULL)
    return gradient
end

"""
    penalty_and_add_gradient!(regularizer, gradient, x, scale = 1.0)

[`add_gradient!`](@ref), but returns the penalty of `x`, not scaled: `regularizer(x)` to the bit,
from the same pass over memory.
"""
function penalty_and_add_gradient!(
    regularizer::Regularizer,
    gradient::AbstractArray{T},
    x::AbstractArray{T},
    scale::Real = 1.0,
) where {T}
    penalty = Ref{Cdouble}()
    add_gradient(regularizer, gradient, x, scale, penalty)
    return penalty[]
end

"""
    prox!(regularizer, x, step)
    prox!(regularizer, out, x, step)

Writes the proximal operator
`sign.(x) .* max.(abs.(x) .- step * l1, 0) ./ (1 + 2 * step * l2)` of `x` to `x` itself or to `out`,
and returns that. `out` has the size and element type of `x`, and shares with it no memory or all.
`step` is finite and not negative.
"""
prox!(regularizer::Regularizer, x::AbstractArray, step::Real) = prox!(regularizer, x, x, step)

function prox!(
    regularizer::Regularizer,
    out::AbstractArray{T},
    x::AbstractArray{T},
    step::Real,
) where {T}
    check_size(x, out, "out")
    if contiguous(x) && contiguous(out)
        check(@ccall $(functions[].prox)(
            regularizer::Ptr{Cvoid}, dtype(T)::Int32, x::Ptr{T}, length(x)::Csize_t,
            step::Cdouble, out::Ptr{T}
        )::Int32)
    else
        with_tensor(x) do x_tensor
            with_tensor(out) do out_tensor
                check(@ccall $(functions[].prox_dlpack)(
                    regularizer::Ptr{Cvoid}, x_tensor::Ref{DLTensor}, step::Cdouble,
                    out_tensor::Ref{DLTensor}
                )::Int32)
            end
        end
    end
    return out
end

"""
    ExactSums()

The sums of `abs(x)` and `abs2(x)` without rounding, of elements that come in any number of pieces,
from anywhere; of no elements at first.

    sums = ExactSums()
    foreach(chunk -> add!(sums, chunk), chunks)
    penalty = regularizer(sums)

`regularizer(sums)` is the true penalty of all of them, rounded once. [`totals`](@ref) has the sums
themselves. `+` and `merge!` add sums to others, `sum(parts)` many of them. Sums are equal, to the
bit, if their elements are, in whatever pieces and order these were added.

`sums.numbers` is a `Vector{Int64}`, to be stored and sent to any machine. Whoever adds up such
vectors adds the sums: `MPI.Allreduce!(sums.numbers, +, comm)`, of up to 2^30 of them.

    ExactSums(numbers)

takes a vector that comes from elsewhere, of which it makes a copy. It throws an `L1L2Error`, as
all that uses sums does, if the vector is damaged (status 18), is of another layout or byte order
(19), or has more elements or parts than can be counted (21).
"""
struct ExactSums
    numbers::Vector{Int64}
    ExactSums() = new(zeros(Int64, exact_sums_length()))
end

exact_sums_length() = Int(@ccall $(functions[].exact_sums_length)()::Csize_t)

ExactSums(numbers::AbstractVector{Int64}) = merge!(ExactSums(), numbers)

# What the library is given. A vector can be resized, so that its length is not to be trusted.
function vector(numbers)
    length(numbers) == exact_sums_length() && return convert(Vector{Int64}, numbers)
    throw(DimensionMismatch("exact sums of $(length(numbers)) numbers"))
end

# With this a @ccall takes the sums themselves.
Base.cconvert(::Type{Ptr{Int64}}, sums::ExactSums) = vector(sums.numbers)

"""
    add!(sums, x)

Adds the elements of the array `x` to [`ExactSums`](@ref), which may have elements of several types,
and returns them.
"""
function add!(sums::ExactSums, x::AbstractArray{T}) where {T}
    if contiguous(x)
        check(@ccall $(functions[].exact_sums_add)(
            sums::Ptr{Int64}, dtype(T)::Int32, x::Ptr{T}, length(x)::Csize_t
        )::Int32)
    else
        with_tensor(x) do tensor
            check(@ccall $(functions[].exact_sums_add_dlpack)(
                sums::Ptr{Int64}, tensor::Ref{DLTensor}
            )::Int32)
        end
    end
    return sums
end

"""
    merge!(sums, other)

Adds the elements of other [`ExactSums`](@ref), or of a vector of their numbers, and returns `sums`.
"""
Base.merge!(sums::ExactSums, other::ExactSums) = merge!(sums, other.numbers)

function Base.merge!(sums::ExactSums, numbers::AbstractVector{Int64})
    other = vector(numbers)
    check(@ccall $(functions[].exact_sums_merge)(sums::Ptr{Int64}, other::Ptr{Int64})::Int32)
    return sums
end

Base.:+(a::ExactSums, b::ExactSums) = merge!(copy(a), b)
Base.copy(sums::ExactSums) = merge!(ExactSums(), sums)
# Copies have one form, which numbers that were added up elsewhere do not.
Base.:(==)(a::ExactSums, b::ExactSums) = copy(a).numbers == copy(b).numbers
Base.hash(sums::ExactSums, seed::UInt) = hash(copy(sums).numbers, hash(:ExactSums, seed))

"""
    totals(sums)

The named tuple `(absolute = ..., square = ..., count = ...)`: `sum(abs, x)` and `sum(abs2, x)` as
`Float64`s, each rounded once, and the number of elements, with infinite ones and NaNs.
"""
function totals(sums::ExactSums)
    absolute, square, count = Ref{Cdouble}(), Ref{Cdouble}(), Ref{Int64}()
    check(@ccall $(functions[].exact_sums_read)(
        sums::Ptr{Int64}, absolute::Ref{Cdouble}, square::Ref{Cdouble}, count::Ref{Int64}
    )::Int32)
    return (absolute = absolute[], square = square[], count = count[])
end

function (regularizer::Regularizer)(sums::ExactSums)
    penalty = Ref{Cdouble}()
    check(@ccall $(functions[].penalty_exact_sums)(
        regularizer::Ptr{Cvoid}, sums::Ptr{Int64}, penalty::Ref{Cdouble}
    )::Int32)
    return penalty[]
end

# Without the library, which refuses damaged sums.
Base.show(io::IO, sums::ExactSums) =
    print(io, "ExactSums of ", get(sums.numbers, 3, 0), " elements")

"""
    L1L2.JSONStyle

How [`to_json`](@ref) writes: `L1L2.CONFIG` is what `get_config()` of Keras returns, `L1L2.KERAS2`
and `L1L2.KERAS3` are what these versions of Keras write around it.
"""
@enum JSONStyle::Int32 CONFIG = 0 KERAS2 = 1 KERAS3 = 2

"""
    to_json(regularizer, style = L1L2.CONFIG)

The regularizer as JSON, a `String`; `style` is an [`L1L2.JSONStyle`](@ref).
"""
function to_json(regularizer::Regularizer, style::JSONStyle = CONFIG)
    text = Vector{UInt8}(undef, 256) # enough for every text, says l1l2.h
    length = Ref{Csize_t}()
    check(@ccall $(functions[].to_json)(
        regularizer::Ptr{Cvoid}, Int32(style)::Int32, text::Ptr{UInt8},
        sizeof(text)::Csize_t, length::Ref{Csize_t}
    )::Int32)
    return String(resize!(text, length[]))
end

"""
    from_json(json)

A [`Regularizer`](@ref) of the JSON that any version of Keras writes for an `L1L2`, `L1` or `L2`.
Throws an `L1L2Error` whose message names the key, the class or the byte at fault.
"""
function from_json(json::AbstractString)
    text = String(json)
    handle = Ref{Ptr{Cvoid}}()
    message = Vector{UInt8}(undef, 256) # enough for every message, says l1l2.h
    status = @ccall $(functions[].from_json)(
        text::Ptr{UInt8}, sizeof(text)::Csize_t, handle::Ref{Ptr{Cvoid}},
        message::Ptr{UInt8}, sizeof(message)::Csize_t
    )::Int32
    if status != 0
        throw(L1L2Error(status, GC.@preserve message unsafe_string(pointer(message))))
    end
    return Regularizer(handle[])
end

end
