# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

"""
    Term(regularizer, x; gradient = nothing, out = x, steps = nothing)

One tensor of a list, and what is to be computed of it: [`penalty_terms`](@ref),
[`add_gradient_terms!`](@ref), [`prox_terms!`](@ref) and [`prox_step_terms!`](@ref) take any iterable of
terms.

Terms may share a regularizer. `gradient` is what `add_gradient_terms!` adds to, `nothing` if only the
penalty is wanted; and what `prox_step_terms!` reads, `nothing` for 0. `out` is what the proximal functions
write to; `steps` are the factors of [`prox_step!`](@ref). The arrays of a term are contiguous and of one
size, and of one element type but for `steps`. No array that is written shares memory with another term,
which is not checked.

With `threads = n`, n tasks of Julia work on the list, one of them the caller's. Large tensors are cut,
so that one of them gains as much as many small ones. The results have the same bits on any number of
threads.

An error names the first term at fault, counted from 1: `term 3: the regularizer is closed`. All arrays are
then unchanged. Do not change the list during a call.
"""
struct Term{
    X<:AbstractArray,
    Gradient<:Union{AbstractArray,Nothing},
    Out<:AbstractArray,
    Steps<:Union{AbstractArray,Nothing},
}
    regularizer::Union{Regularizer,Nothing} # nothing in a list of arrays alone
    x::X
    gradient::Gradient
    out::Out
    steps::Steps
end

Term(regularizer::Regularizer, x::AbstractArray; gradient = nothing, out = x, steps = nothing) =
    Term(regularizer, x, gradient, out, steps)

Term(array::AbstractArray) = Term(nothing, array, nothing, array, nothing)

# l1l2_term.
struct CTerm
    regularizer::Ptr{Cvoid}
    x::Ptr{Cvoid}
    n::Csize_t
    gradient::Ptr{Cvoid}
    out::Ptr{Cvoid}
    dtype::Int32
    reserved::Int32
    steps::Ptr{Cvoid}
end

# Of an array that has elements of type T and the size of x.
function address(array::AbstractArray, T, x, name)
    check_size(x, array, name)
    eltype(array) == T || throw(ArgumentError("$name is of $(eltype(array)), not of $T"))
    contiguous(array) || throw(ArgumentError("$name is not contiguous"))
    return Ptr{Cvoid}(pointer(array))
end

address(::Nothing, T, x, name) = C_NULL

# Valid as long as the arrays are.
function CTerm(term::Term{<:AbstractArray{T}}) where {T}
    regularizer, x = term.regularizer, term.x
    number = dtype(T)
    return CTerm(
        regularizer === nothing ? C_NULL : Base.unsafe_convert(Ptr{Cvoid}, regularizer),
        address(x, T, x, "x"),
        length(x),
        address(term.gradient, T, x, "gradient"),
        address(term.out, T, x, "out"),
        number,
        0,
        address(term.steps, arithmetic(T), x, "steps"),
    )
end

CTerm(array::AbstractArray) = CTerm(Term(array))

# Compiled for the type of the term, where that of the list does not say it.
function write!(structs, i, term)
    structs[i] = CTerm(term)
    return nothing
end

function write_all!(structs, terms, current)
    for i in eachindex(terms)
        current[] = i
        write!(structs, i, terms[i])
    end
end

function c_terms(terms, noun)
    structs, current = Vector{CTerm}(undef, length(terms)), Ref(0)
    try
        write_all!(structs, terms, current)
    catch failure
        failure isa InterruptException && rethrow()
        name = "$noun $(current[])"
        failure isa DimensionMismatch && throw(DimensionMismatch("$name: $(failure.msg)"))
        message = failure isa ArgumentError ? failure.msg : sprint(showerror, failure)
        throw(ArgumentError("$name: $message"))
    end
    return structs
end

# One run of the library's tasks.
struct Run
    task::Ptr{Cvoid}
    work::Ptr{Cvoid}
    count::Int
    next::Threads.Atomic{Int}
    running::Threads.Atomic{Int} # how many tasks of Julia may be in one of the library's
end

function work_through(run)
    Threads.atomic_add!(run.running, 1) # before an index is taken
    while (index = Threads.atomic_add!(run.next, 1)) < run.count
        @ccall $(run.task)(run.work::Ptr{Cvoid}, index::Csize_t)::Cvoid
    end
    Threads.atomic_sub!(run.running, 1)
    return nothing
end

# The l1l2_runner. It does not wait by `wait`: a task that does so may go on in another thread, and the
# library's functions that have called this one must not.
function run_tasks(threads, task, work, count)
    run = Run(task, work, count, Threads.Atomic{Int}(0), Threads.Atomic{Int}(0))
    for _ in 2:min(Int(threads), Int(count))
        Threads.@spawn work_through(run)
    end
    work_through(run)
    # Those that have not begun will find nothing to do.
    while run.running[] > 0
        ccall(:jl_cpu_pause, Cvoid, ())
        GC.safepoint()
    end
    return Int32(0)
end

# Calls f with the CTerms of terms or arrays, a runner, its state, and a reference to the index of the one at fault.
function with_terms(f, terms::Vector, threads; noun = "term")
    threads >= 1 || throw(ArgumentError("threads must be 1 or more, not $threads"))
    faulty = Ref{Csize_t}(length(terms))
    status = GC.@preserve terms begin
        structs = c_terms(terms, noun)
        runner =
            threads == 1 ? C_NULL :
            @cfunction(run_tasks, Int32, (Csize_t, Ptr{Cvoid}, Ptr{Cvoid}, Csize_t))
        # No InterruptException may pass through the library.
        disable_sigint(() -> f(structs, runner, Csize_t(threads), faulty))
    end
    if status != 0 && faulty[] < length(terms)
        throw(L1L2Error(status, "$noun $(faulty[] + 1): $(L1L2Error(status).message)"))
    end
    check(status)
end

# A list of one type keeps it, so that no type is looked up for each element.
list_of(::Type{T}, items::Vector{<:T}) where {T} = items

function list_of(::Type{T}, items) where {T}
    list = vec([item for item in items])
    list isa Vector{<:T} && return list
    i = findfirst(item -> !(item isa T), list)
    i === nothing ||
        throw(ArgumentError("number $i of the list is of type $(typeof(list[i])), which is no $T"))
    return convert(Vector{T}, list)
end

"""
    penalty_terms(terms; threads = 1)

The penalties of [`Term`](@ref)s: the named tuple `(penalties = ..., total = ...)` of a `Vector{Float64}`,
each with the bits of `regularizer(x)`, and their sum in that order.
"""
function penalty_terms(terms; threads::Integer = 1)
    list = list_of(Term, terms)
    penalties, total = zeros(length(list)), Ref(0.0)
    with_terms(list, threads) do structs, runner, state, faulty
        @ccall $(library().penalty_terms)(
            structs::Ptr{CTerm}, sizeof(CTerm)::Csize_t, length(structs)::Csize_t,
            runner::Ptr{Cvoid}, state::Csize_t, penalties::Ptr{Cdouble}, total::Ref{Cdouble},
            faulty::Ref{Csize_t}
        )::Int32
    end
    return (penalties = penalties, total = total[])
end

"""
    add_gradient_terms!(terms, scale = 1.0; threads = 1)

Adds the gradients of the [`Term`](@ref)s that have a `gradient`, times `scale`, and returns what
[`penalty_terms`](@ref) does, from the same pass over memory.
"""
function add_gradient_terms!(terms, scale::Real = 1.0; threads::Integer = 1)
    list = list_of(Term, terms)
    penalties, total = zeros(length(list)), Ref(0.0)
    with_terms(list, threads) do structs, runner, state, faulty
        @ccall $(library().add_gradient_terms)(
            structs::Ptr{CTerm}, sizeof(CTerm)::Csize_t, length(structs)::Csize_t, scale::Cdouble,
            runner::Ptr{Cvoid}, state::Csize_t, penalties::Ptr{Cdouble}, total::Ref{Cdouble},
            faulty::Ref{Csize_t}
        )::Int32
    end
    return (penalties = penalties, total = total[])
end

"""
    prox_terms!(terms, step; threads = 1)

Writes the proximal operators of [`Term`](@ref)s to their `out`, as [`prox!`](@ref) does. Returns `nothing`.
"""
prox_terms!(terms, step::Real; threads::Integer = 1) =
    with_terms(list_of(Term, terms), threads) do structs, runner, state, faulty
        @ccall $(library().prox_terms)(
            structs::Ptr{CTerm}, sizeof(CTerm)::Csize_t, length(structs)::Csize_t, step::Cdouble,
            runner::Ptr{Cvoid}, state::Csize_t, faulty::Ref{Csize_t}
        )::Int32
    end

"""
    prox_step_terms!(terms, step; threads = 1)

Takes a step of proximal gradient descent on [`Term`](@ref)s, as [`prox_step!`](@ref) does. Returns `nothing`.
"""
prox_step_terms!(terms, step::Real; threads::Integer = 1) =
    with_terms(list_of(Term, terms), threads) do structs, runner, state, faulty
        @ccall $(library().prox_step_terms)(
            structs::Ptr{CTerm}, sizeof(CTerm)::Csize_t, length(structs)::Csize_t, step::Cdouble,
            runner::Ptr{Cvoid}, state::Csize_t, faulty::Ref{Csize_t}
        )::Int32
    end

"""
    add_all!(sums, arrays; threads = 1)

Adds the elements of all arrays to [`ExactSums`](@ref), or of none if one is refused, and returns the sums.
The arrays are contiguous; give those of different element types as a tuple. `threads` is that of
[`Term`](@ref)s.
"""
add_all!(sums::ExactSums, arrays; threads::Integer = 1) =
    add_arrays!(sums, list_of(AbstractArray, arrays), threads)

function add_arrays!(sums, list, threads)
    with_terms(list, threads, noun = "array") do structs, runner, state, faulty
        @ccall $(library().exact_sums_add_terms)(
            sums::Ptr{Int64}, structs::Ptr{CTerm}, sizeof(CTerm)::Csize_t,
            length(structs)::Csize_t, runner::Ptr{Cvoid}, state::Csize_t, faulty::Ref{Csize_t}
        )::Int32
    end
    return sums
end

"""
    clip_by_norm!(arrays, max_norm; norm = nothing, threads = 1)

Clips arrays, the gradients of a model as a rule, by the norm of all of them together, which it returns:
multiplies every element by `min(1, max_norm / norm)`. If the norm is at most `max_norm`, every element
keeps its bits.

`norm` is that of all elements, those of other machines included, from `norm(sums)` of
[`ExactSums`](@ref); by default that of `arrays`. These are contiguous, of any element types, and share no
memory. Give those of different element types as a tuple, because Julia makes copies of one type of them in
`[x, y]`. `threads` is that of [`Term`](@ref)s. Throws an `L1L2Error` (status 22) if `max_norm` or the norm
is negative, infinite or `NaN`, as the norm is if an element is; all arrays are then unchanged.
"""
function clip_by_norm!(
    arrays,
    max_norm::Real;
    norm::Union{Real,Nothing} = nothing,
    threads::Integer = 1,
)
    list = list_of(AbstractArray, arrays)
    if norm === nothing
        norm = LinearAlgebra.norm(add_arrays!(ExactSums(), list, threads))
    end
    with_terms(list, threads, noun = "array") do structs, runner, state, faulty
        @ccall $(library().clip_by_norm_terms)(
            structs::Ptr{CTerm}, sizeof(CTerm)::Csize_t, length(structs)::Csize_t, norm::Cdouble,
            max_norm::Cdouble, runner::Ptr{Cvoid}, state::Csize_t, faulty::Ref{Csize_t}
        )::Int32
    end
    return Float64(norm)
end
