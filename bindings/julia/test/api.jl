# What the package promises beside the numbers: refusals and lifetimes.

using Serialization: deserialize, serialize

@testset "what is not exact sums is refused" begin
    n = L1L2.exact_sums_length()
    for length in (0, n - 1, n + 1)
        @test_throws DimensionMismatch ExactSums(zeros(Int64, length))
        resized = ExactSums()
        resize!(resized.numbers, length)
        @test repr(resized) == "ExactSums of 0 elements"
        for use in (totals, copy, sums -> add!(sums, Float32[1]), sums -> merge!(ExactSums(), sums))
            @test_throws DimensionMismatch use(resized)
        end
    end
    @test_throws ArgumentError add!(ExactSums(), [1, 2])
    @test_throws MethodError ExactSums(zeros(n))
end

@testset "sizes and types that differ are refused" begin
    regularizer, x = Regularizer(l1 = 1), ones(Float32, 4)
    @test_throws DimensionMismatch add_gradient!(regularizer, ones(Float32, 2, 2), x)
    @test_throws DimensionMismatch prox!(regularizer, ones(Float32, 3), x, 0.1)
    @test_throws MethodError prox!(regularizer, ones(4), x, 0.1)
    @test_throws ArgumentError regularizer([1, 2])
    @test x == ones(4)
end

@testset "a gradient has the scale 1 unless another is given" begin
    regularizer, x, gradient = Regularizer(l1 = 1), [1.0, -2.0], zeros(2)
    @test add_gradient!(regularizer, gradient, x) == [1, -1]
    @test penalty_and_add_gradient!(regularizer, gradient, x) == 3
    @test gradient == [2, -2]
end

@testset "arrays may have strides, which may differ in one call" begin
    regularizer, x, spaced = Regularizer(l1 = 1), [1.0, -2.0, 5.0], view(zeros(6), 1:2:6)
    @test prox!(regularizer, spaced, x, 1.0) == [0, -1, 4]
    @test prox!(regularizer, x, spaced, 1.0) == [0, 0, 3]
    @test add_gradient!(regularizer, spaced, x) == [0, -1, 5]
    @test add_gradient!(regularizer, x, spaced) == [0, -1, 4]
    @test regularizer(spaced) == totals(add!(ExactSums(), spaced)).absolute == 6
end

@testset "regularizers and sums are shown and compared" begin
    regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
    @test repr(regularizer) == "Regularizer(l1 = 0.01, l2 = 0.02)"
    @test repr(Regularizer()) == "Regularizer(l1 = 0.0, l2 = 0.0)"
    @test regularizer == from_json(to_json(regularizer)) != Regularizer(l1 = 0.01)
    @test length(Set([regularizer, Regularizer(l1 = 0.01, l2 = 0.02), Regularizer()])) == 2
    sums = add!(ExactSums(), Float32[1, 2])
    doubled = ExactSums()
    doubled.numbers .= 2 .* sums.numbers
    @test repr(sums) == "ExactSums of 2 elements"
    @test doubled == sums + sums != sums
    @test hash(doubled) == hash(sums + sums) != hash(sums)
    close(regularizer)
    @test repr(regularizer) == "Regularizer(closed)"
end

# As much of ChainRulesCore as the extension uses, which Julia before 1.9 does not load by itself.
module ChainRulesCore
abstract type AbstractZero end
struct NoTangent <: AbstractZero end
struct ZeroTangent <: AbstractZero end
function rrule end
unthunk(cotangent) = cotangent()
unthunk(zero::AbstractZero) = zero
end

@testset "the extension for ChainRulesCore differentiates the penalty" begin
    code = read(joinpath(@__DIR__, "..", "ext", "L1L2ChainRulesCoreExt.jl"), String)
    include_string(@__MODULE__, replace(code, "using ChainRulesCore" => "using ..ChainRulesCore"))
    regularizer, x = Regularizer(l1 = 0.25, l2 = 0.5), Float32[1 -2; 0 4]
    penalty, pullback = ChainRulesCore.rrule(regularizer, view(x, 1, :))
    @test penalty == regularizer(view(x, 1, :))
    @test pullback(() -> 2.0) == (ChainRulesCore.NoTangent(), 2 * Float32[1.25, -2.25])
    @test pullback(ChainRulesCore.ZeroTangent()) == (ChainRulesCore.NoTangent(), ChainRulesCore.ZeroTangent())
end

# A figure of the kernel's about this process, in KiB.
memory(name) = parse(Int, split(only(filter(startswith("$name:"), readlines("/proc/self/status"))))[2])

function forget(n)
    for i in 1:n
        Regularizer(l1 = 0.01, l2 = 0.02)
        i % 50_000 == 0 && GC.gc()
    end
end

@testset "forgotten regularizers are freed" begin
    # Also the memory in use: the peak may come from compiling, which would hide a leak.
    forget(100_000)
    before = memory.(("VmHWM", "VmRSS"))
    forget(400_000)
    # The handles alone would be more than 12 MiB.
    @test maximum(memory.(("VmHWM", "VmRSS")) .- before) < 8 << 10
end

@testset "an array of 1 GiB is not copied" begin
    n = 2^28
    x = ones(Float32, n)
    regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
    function call_all(x)
        half = length(x) ÷ 2
        low, high = view(x, 1:half), view(x, half+1:2half)
        terms = [Term(regularizer, low, gradient = high)]
        regularizer(view(x, 1:2:2half))
        add_gradient!(regularizer, low, high, 0)
        prox!(regularizer, x, 0)
        prox_step!(regularizer, low, high, 0, steps = high)
        penalty_terms(terms, threads = 2)
        add_gradient_terms!(terms, 0, threads = 2)
        prox_terms!(terms, 0, threads = 2)
        prox_step_terms!(terms, 0, threads = 2)
        clip_by_norm!([low, high], 1e9, threads = 2)
        return regularizer(x), add_all!(add!(ExactSums(), x), [low, high], threads = 2)
    end
    call_all(x[1:2^16]) # the first calls compile
    GC.gc()
    GC.enable(false) # a collection takes memory of its own
    before = memory("VmHWM")
    penalty, sums = call_all(x)
    rise = memory("VmHWM") - before
    GC.enable(true)
    println("an array of 1 GiB: peak memory rose by $rise KiB")
    @test rise < 1126
    @test penalty === (0.01 + 0.02) * n
    @test totals(sums).absolute == 2n
    @test all(==(1), x)
end

function expect_closed(regularizer)
    x, y = ones(Float32, 4), ones(Float32, 4)
    for call in (
        () -> regularizer(x),
        () -> regularizer(view(x, 1:2:4)),
        () -> regularizer(ExactSums()),
        () -> add_gradient!(regularizer, y, x),
        () -> penalty_and_add_gradient!(regularizer, y, x),
        () -> prox!(regularizer, y, x, 0.1),
        () -> prox!(regularizer, view(y, 1:2:4), 0.1),
        () -> prox_step!(regularizer, y, x, 0.1),
        () -> prox_step!(regularizer, view(y, 1:2:4), nothing, 0.1),
        () -> to_json(regularizer),
        () -> coefficients(regularizer),
    )
        @test_throws ArgumentError("the regularizer is closed") call()
    end
    @test all(==(1), y)
end

# By a function of its own, so that no variable of the caller's keeps the original.
copies() = deepcopy((Regularizer(l1 = 1.0), [Regularizer(l1 = 1.0)]))

@testset "a closed regularizer refuses every call, a copy outlives its original" begin
    regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
    close(regularizer)
    close(regularizer)
    finalize(regularizer)
    expect_closed(regularizer)

    original = Regularizer(l1 = 1.0)
    @test deepcopy(original) === original
    @test_throws MethodError copy(original)
    written = IOBuffer()
    serialize(written, original)
    expect_closed(deserialize(seekstart(written)))
    copied, (copied_too,) = copies()
    GC.gc()
    # These take the memory of handles that were freed.
    others = [Regularizer(l1 = 0.5) for _ in 1:100]
    @test map(r -> r(ones(4)), [original, copied, copied_too]) == [4, 4, 4]
    foreach(close, others)
end

const collected = Ref(0)
noted(object) = finalizer(_ -> collected[] += 1, object)

# Whether what nothing but a call has is alive until its end.
function alive_during_call()
    alive = false
    L1L2.with_terms([Term(noted(Regularizer()), noted(ones(4))) for _ in 1:2], 2) do structs, runner, state, faulty
        GC.gc()
        alive = unsafe_load(Ptr{Float64}(structs[1].x)) == 1 && collected[] == 0
        Int32(0)
    end
    return alive
end

@testset "a call keeps alive what nothing else does" begin
    @test alive_during_call()
    GC.gc()
    @test collected[] == 4
end
