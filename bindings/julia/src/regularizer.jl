# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

"""
    Regularizer(; l1 = 0.0, l2 = 0.0)

A pair of coefficients, finite and not negative. [`from_json`](@ref) makes one, too. Regularizers with
the same coefficients are equal.

    regularizer(x)

returns the penalty `l1 * sum(abs, x) + l2 * sum(abs2, x)`, a `Float64`. A part whose coefficient is 0 is
left out, so that a NaN does not show in it.

The garbage collector frees a regularizer. `close(regularizer)` frees it at once, when no other thread
uses it. A closed regularizer cannot be used; closing it again does nothing.

A regularizer cannot be changed, so `deepcopy` returns the same one. One that `Serialization` reads back
is closed: store `to_json(regularizer)` instead. So is a constant of a precompiled package or of a system
image: make it in the package's `__init__`.
"""
mutable struct Regularizer
    handle::Ptr{Cvoid}
    Regularizer(handle::Ptr{Cvoid}) = finalizer(close, new(handle))
end

function Regularizer(; l1::Real = 0.0, l2::Real = 0.0)
    handle = Ref{Ptr{Cvoid}}()
    check(@ccall $(library().create)(l1::Cdouble, l2::Cdouble, handle::Ref{Ptr{Cvoid}})::Int32)
    return Regularizer(handle[])
end

function Base.close(regularizer::Regularizer)
    handle, regularizer.handle = regularizer.handle, C_NULL
    @ccall $(library().destroy)(handle::Ptr{Cvoid})::Cvoid
end

# With this a @ccall takes the regularizer itself and keeps it alive during the call.
function Base.unsafe_convert(::Type{Ptr{Cvoid}}, regularizer::Regularizer)
    regularizer.handle == C_NULL && refuse_closed()
    return regularizer.handle
end

@noinline refuse_closed() = throw(ArgumentError("the regularizer is closed"))

# A copy would share the handle, which is freed with the original.
Base.deepcopy_internal(regularizer::Regularizer, ::IdDict) = regularizer

"""
    coefficients(regularizer)

The named tuple `(l1 = ..., l2 = ...)` of the `Float64`s that the regularizer was made from, with `0.0` for `-0.0`.
"""
function coefficients(regularizer::Regularizer)
    l1, l2 = Ref{Cdouble}(), Ref{Cdouble}()
    check(@ccall $(library().get_config)(
        regularizer::Ptr{Cvoid}, l1::Ref{Cdouble}, l2::Ref{Cdouble}
    )::Int32)
    return (l1 = l1[], l2 = l2[])
end

Base.:(==)(a::Regularizer, b::Regularizer) = coefficients(a) == coefficients(b)
Base.hash(regularizer::Regularizer, seed::UInt) =
    hash(coefficients(regularizer), hash(:Regularizer, seed))

function Base.show(io::IO, regularizer::Regularizer)
    regularizer.handle == C_NULL && return print(io, "Regularizer(closed)")
    l1, l2 = coefficients(regularizer)
    print(io, "Regularizer(l1 = ", l1, ", l2 = ", l2, ")")
end

function (regularizer::Regularizer)(x::AbstractArray{T}) where {T}
    penalty = Ref{Cdouble}()
    if contiguous(x)
        check(@ccall $(library().penalty)(
            regularizer::Ptr{Cvoid}, dtype(T)::Int32, x::Ptr{T}, length(x)::Csize_t,
            penalty::Ref{Cdouble}
        )::Int32)
    else
        with_tensor(x) do tensor
            check(@ccall $(library().penalty_dlpack)(
                regularizer::Ptr{Cvoid}, tensor::Ref{DLTensor}, penalty::Ref{Cdouble}
            )::Int32)
        end
    end
    return penalty[]
end

check_size(x, other, name) = size(x) == size(other) ? nothing : refuse_size(x, other, name)

@noinline refuse_size(x, other, name) =
    throw(DimensionMismatch("x has the size $(size(x)), $name the size $(size(other))"))

# penalty is a Ref{Cdouble}, or C_NULL if it is not wanted.
@inline function add_gradient(regularizer, gradient, x::AbstractArray{T}, scale, penalty) where {T}
    check_size(x, gradient, "gradient")
    if contiguous(x) && contiguous(gradient)
        check(@ccall $(library().add_gradient)(
            regularizer::Ptr{Cvoid}, dtype(T)::Int32, x::Ptr{T}, length(x)::Csize_t,
            scale::Cdouble, gradient::Ptr{T}, penalty::Ptr{Cdouble}
        )::Int32)
    else
        with_tensor(x) do x_tensor
            with_tensor(gradient) do gradient_tensor
                check(@ccall $(library().add_gradient_dlpack)(
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
        check(@ccall $(library().prox)(
            regularizer::Ptr{Cvoid}, dtype(T)::Int32, x::Ptr{T}, length(x)::Csize_t,
            step::Cdouble, out::Ptr{T}
        )::Int32)
    else
        with_tensor(x) do x_tensor
            with_tensor(out) do out_tensor
                check(@ccall $(library().prox_dlpack)(
                    regularizer::Ptr{Cvoid}, x_tensor::Ref{DLTensor}, step::Cdouble,
                    out_tensor::Ref{DLTensor}
                )::Int32)
            end
        end
    end
    return out
end

"""
    prox_step!(regularizer, x, gradient, step; steps = nothing)
    prox_step!(regularizer, out, x, gradient, step; steps = nothing)

Takes a step of proximal gradient descent in one pass over memory: with `v = x .- s .* gradient`, where
`s` is `step .* steps`, it writes `sign.(v) .* max.(abs.(v) .- s .* l1, 0) ./ (1 .+ 2 .* s .* l2)` to `x`
itself or to `out`, and returns that.

`gradient` has the size and element type of `x`; `nothing` means 0. `steps` are factors of the step for
each element, the preconditioner of proximal Adagrad or Adam: `Float64` for an `x` of `Float64`, else
`Float32`, of the size of `x`, finite and not negative. `out` has the size and element type of `x`, and
is `x` or `gradient`, or shares no memory with the others.
"""
prox_step!(
    regularizer::Regularizer,
    x::AbstractArray,
    gradient::Union{AbstractArray,Nothing},
    step::Real;
    steps::Union{AbstractArray,Nothing} = nothing,
) = prox_step!(regularizer, x, x, gradient, step; steps = steps)

function prox_step!(
    regularizer::Regularizer,
    out::AbstractArray{T},
    x::AbstractArray{T},
    gradient::Union{AbstractArray{T},Nothing},
    step::Real;
    steps::Union{AbstractArray,Nothing} = nothing,
) where {T}
    check_size(x, out, "out")
    gradient === nothing || check_size(x, gradient, "gradient")
    if steps !== nothing
        check_size(x, steps, "steps")
        eltype(steps) == arithmetic(T) ||
            throw(ArgumentError("steps for an x of $T must be of $(arithmetic(T))"))
    end
    if contiguous(x) && contiguous(out) && contiguous(gradient) && contiguous(steps)
        check(@ccall $(library().prox_step)(
            regularizer::Ptr{Cvoid}, dtype(T)::Int32, x::Ptr{T}, length(x)::Csize_t,
            something(gradient, C_NULL)::Ptr{T}, step::Cdouble,
            something(steps, C_NULL)::Ptr{Cvoid}, out::Ptr{T}
        )::Int32)
    else
        prox_step_of_tensors(regularizer, out, x, gradient, step, steps)
    end
    return out
end

prox_step_of_tensors(regularizer, out, x, gradient, step, steps) =
    with_tensor(x) do x_tensor
        with_tensor(out) do out_tensor
            with_tensor(gradient) do gradient_tensor
                with_tensor(steps) do steps_tensor
                    check(@ccall $(library().prox_step_dlpack)(
                        regularizer::Ptr{Cvoid}, x_tensor::Ref{DLTensor},
                        gradient_tensor::Ptr{DLTensor}, step::Cdouble,
                        steps_tensor::Ptr{DLTensor}, out_tensor::Ref{DLTensor}
                    )::Int32)
                end
            end
        end
    end
