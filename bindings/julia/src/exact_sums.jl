# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

"""
    ExactSums()

The sums of `abs(x)` and `abs2(x)` without rounding, of elements that come in any number of pieces.
`ExactSums()` has no elements.

    sums = ExactSums()
    foreach(chunk -> add!(sums, chunk), chunks)
    penalty = regularizer(sums)

`regularizer(sums)` is the penalty of all elements, rounded once; [`totals`](@ref) reads the sums
themselves, `norm(sums)` the root of that of `abs2(x)`. `+`, `merge!` and `sum` add sums, `-` and
[`subtract!`](@ref) take elements out. The same elements give equal sums, to the bit, in whatever
pieces and order they were added.

`sums.numbers` is a `Vector{Int64}`, which can be stored and sent to any machine. To add up to 2^30 sums,
add their numbers: `MPI.Allreduce!(sums.numbers, +, comm)`.

    ExactSums(numbers)

copies such numbers. Functions that use sums throw an `L1L2Error` if they are damaged (status 18),
have another layout or byte order (19), or count too many elements or sums (21).
"""
struct ExactSums
    numbers::Vector{Int64}
    ExactSums() = new(zeros(Int64, exact_sums_length()))
end

exact_sums_length() = Int(@ccall $(library().exact_sums_length)()::Csize_t)

ExactSums(numbers::AbstractVector{Int64}) = merge!(ExactSums(), numbers)

# The numbers for the library. The length is checked each time, as a `Vector` can be resized.
function accumulator(numbers)
    length(numbers) == exact_sums_length() && return convert(Vector{Int64}, numbers)
    throw(DimensionMismatch("exact sums of $(length(numbers)) numbers"))
end

# With this a @ccall takes the sums themselves.
Base.cconvert(::Type{Ptr{Int64}}, sums::ExactSums) = accumulator(sums.numbers)

"""
    add!(sums, x)

Adds the elements of the array `x` to [`ExactSums`](@ref), which may hold elements of different types, and
returns them.
"""
function add!(sums::ExactSums, x::AbstractArray{T}) where {T}
    if contiguous(x)
        check(@ccall $(library().exact_sums_add)(
            sums::Ptr{Int64}, dtype(T)::Int32, x::Ptr{T}, length(x)::Csize_t
        )::Int32)
    else
        with_tensor(x) do tensor
            check(@ccall $(library().exact_sums_add_dlpack)(
                sums::Ptr{Int64}, tensor::Ref{DLTensor}
            )::Int32)
        end
    end
    return sums
end

"""
    merge!(sums, other)

Adds the elements of other [`ExactSums`](@ref), or of their numbers, and returns `sums`.
"""
Base.merge!(sums::ExactSums, other::ExactSums) = merge!(sums, other.numbers)

function Base.merge!(sums::ExactSums, numbers::AbstractVector{Int64})
    other = accumulator(numbers)
    check(@ccall $(library().exact_sums_merge)(sums::Ptr{Int64}, other::Ptr{Int64})::Int32)
    return sums
end

"""
    subtract!(sums, other)

Takes the elements of other [`ExactSums`](@ref) out, which were added before, and returns `sums`. Throws
an `L1L2Error` (status 18) if `other` has more elements or is greater, or if what would be left cannot be
the sums of so many elements. What was never added may go unnoticed.
"""
function subtract!(sums::ExactSums, other::ExactSums)
    check(@ccall $(library().exact_sums_subtract)(sums::Ptr{Int64}, other::Ptr{Int64})::Int32)
    return sums
end

Base.:+(a::ExactSums, b::ExactSums) = merge!(copy(a), b)
Base.:-(a::ExactSums, b::ExactSums) = subtract!(copy(a), b)
Base.copy(sums::ExactSums) = merge!(ExactSums(), sums)
# A copy is normalized; numbers that were added up elsewhere are not.
Base.:(==)(a::ExactSums, b::ExactSums) = copy(a).numbers == copy(b).numbers
Base.hash(sums::ExactSums, seed::UInt) = hash(copy(sums).numbers, hash(:ExactSums, seed))

"""
    totals(sums)

The named tuple `(absolute = ..., square = ..., count = ...)`: `sum(abs, x)` and `sum(abs2, x)` as
`Float64`s, each rounded once, and the number of elements, with infinite ones and NaNs.
"""
function totals(sums::ExactSums)
    absolute, square, count = Ref{Cdouble}(), Ref{Cdouble}(), Ref{Int64}()
    check(@ccall $(library().exact_sums_read)(
        sums::Ptr{Int64}, absolute::Ref{Cdouble}, square::Ref{Cdouble}, count::Ref{Int64}
    )::Int32)
    return (absolute = absolute[], square = square[], count = count[])
end

"""
    norm(sums)

The Euclidean norm, the square root of `sum(abs2, x)`, rounded once: right also where that sum is beyond
the range of `Float64`. `NaN` or `Inf` if an element is. It is `LinearAlgebra.norm`.
"""
function LinearAlgebra.norm(sums::ExactSums)
    result = Ref{Cdouble}()
    check(@ccall $(library().exact_sums_norm)(sums::Ptr{Int64}, result::Ref{Cdouble})::Int32)
    return result[]
end

function (regularizer::Regularizer)(sums::ExactSums)
    penalty = Ref{Cdouble}()
    check(@ccall $(library().penalty_exact_sums)(
        regularizer::Ptr{Cvoid}, sums::Ptr{Int64}, penalty::Ref{Cdouble}
    )::Int32)
    return penalty[]
end

# Works without the library, which refuses damaged sums.
Base.show(io::IO, sums::ExactSums) =
    print(io, "ExactSums of ", get(sums.numbers, 3, 0), " elements")
