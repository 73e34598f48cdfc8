# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

# l1l2_term.
struct Term
    regularizer::Ptr{Cvoid}
    x::Ptr{Cvoid}
    n::Csize_t
    gradient::Ptr{Cvoid}
    out::Ptr{Cvoid}
    dtype::Int32
    reserved::Int32
    steps::Ptr{Cvoid}
end

# A term of an array that is written in place.
function Term(array::AbstractArray{T}) where {T}
    contiguous(array) || throw(ArgumentError("an array that is clipped must be contiguous"))
    x = Ptr{Cvoid}(pointer(array))
    return Term(C_NULL, x, length(array), C_NULL, x, dtype(T), 0, C_NULL)
end

"""
    clip_by_norm!(arrays, max_norm; norm = nothing)

Clips arrays, the gradients of a model as a rule, by the norm of all of them together, which it returns:
multiplies every element by `min(1, max_norm / norm)`. If the norm is at most `max_norm`, every element
keeps its bits.

`norm` is that of all elements, those of other machines included, from `norm(sums)` of
[`ExactSums`](@ref); by default that of `arrays`. These are contiguous, of any element types, and share no
memory. Give those of different element types as a tuple, because Julia makes copies of one type of them in
`[x, y]`. Throws an `L1L2Error` (status 22) if `max_norm` or the norm is negative, infinite or `NaN`, as the
norm is if an element is; all arrays are then unchanged.

To add many arrays to `ExactSums`, add one by one; the order does not matter.
"""
function clip_by_norm!(arrays, max_norm::Real; norm::Union{Real,Nothing} = nothing)
    list = AbstractArray[array for array in arrays]
    GC.@preserve list begin
        terms = Term[Term(array) for array in list]
        if norm === nothing
            norm = LinearAlgebra.norm(foldl(add!, list; init = ExactSums()))
        end
        check(@ccall $(library().clip_by_norm_terms)(
            terms::Ptr{Term}, sizeof(Term)::Csize_t, length(terms)::Csize_t, norm::Cdouble,
            max_norm::Cdouble, C_NULL::Ptr{Cvoid}, C_NULL::Ptr{Cvoid}, C_NULL::Ptr{Csize_t}
        )::Int32)
    end
    return Float64(norm)
end
