# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

"""
L1/L2 (elastic-net) regularization as Keras defines it, computed by libl1l2.

    regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
    penalty = regularizer(weights)
    add_gradient!(regularizer, gradient, weights)
    prox!(regularizer, weights, step)
    prox_step!(regularizer, weights, gradient, step)

Arrays are never copied. `x`, `gradient` and `out` may be any arrays that have `strides` and
`pointer`: an `Array` of any shape; a view of one by ranges of any step; a `transpose` or
`PermutedDimsArray` of these; a `reshape` or `reinterpret` of an `Array` or of a contiguous view, and a
view of that. (Only versions of Julia after 1.5 have strides for these two of other views: reshape or
reinterpret first, then take the view.) Elements are `Float16`, `Float32`, `Float64` or
[`L1L2.BFloat16`](@ref); for other types see [`L1L2.dtype`](@ref). Sums are carried in double precision
for all of them.

All tensors of a model in one call, on several threads if wanted: see [`Term`](@ref),
[`clip_by_norm!`](@ref) and [`add_all!`](@ref).

A failure that the library reports is an [`L1L2Error`](@ref). Before it is called, sizes that differ are
a `DimensionMismatch`, an element type without a dtype or a closed regularizer is an `ArgumentError`, and
an array without strides or element types that differ are one of these or a `MethodError`. Arrays are
unchanged after every failure.

A regularizer never changes, so any number of threads may use one at once.

The library is opened by the first call that needs it; [`L1L2.library_path`](@ref) says which file that is.
"""
module L1L2

using Libdl: dlext, dlopen, dlpath, dlsym
using LinearAlgebra: LinearAlgebra, norm

export Regularizer, L1L2Error, coefficients, to_json, from_json
export add_gradient!, penalty_and_add_gradient!, prox!, prox_step!
export ExactSums, add!, add_all!, subtract!, totals, norm
export Term, penalty_terms, add_gradient_terms!, prox_terms!, prox_step_terms!, clip_by_norm!

include("library.jl")
include("arrays.jl")
include("regularizer.jl")
include("json.jl")
include("exact_sums.jl")
include("terms.jl")

end
