# Proximal steps, norms, differences of sums, and clipping.

sums_of(x...) = foldl(add!, x, init = ExactSums())

@testset "the norm is rounded once, also beyond the range of squares" begin
    # With more bits than any sum of a few squares has.
    exact(x) = setprecision(() -> Float64(sqrt(sum(abs2, big.(x)))), 4400)
    wave = sin.(1.0:1000)
    for x in ([3.0, -4], [1e200, 1, 1], fill(1e-200, 3), [5e-324, -5e-324], [1.7e308], wave)
        @test norm(sums_of(x)) === exact(x)
    end
    @test norm(sums_of(Float16[300, 400], Float32[0])) === 500.0
    @test norm(ExactSums()) === 0.0
    @test norm(sums_of([1.7e308, 1.7e308])) === Inf
    @test isnan(norm(sums_of([1, NaN])))
    damaged = ExactSums()
    damaged.numbers[7] = 1 # of no elements
    @test status_of(() -> norm(damaged)) == 18
end

@testset "what was added can be subtracted, and nothing else" begin
    first, second = sums_of([1.5, NaN]), sums_of([-2.0])
    all = first + second
    @test all - first == second
    @test subtract!(all, second) === all == first
    for other in ([1.5, 1.0], [3.0], [1.0, 1.0, 1.0], [Inf])
        @test status_of(() -> subtract!(all, sums_of(other))) == 18
        @test status_of(() -> all - sums_of(other)) == 18
    end
    @test_throws MethodError all - 1
    @test all == first
    @test iszero(subtract!(all, all).numbers)
end

@testset "arrays are clipped by the norm of all" begin
    before = [mod(i, 97) - 48.0 for i in 1:300, j in 1:200]
    exact = sqrt(sum(abs2, before) + 9) # of integers: the sum is exact
    x, y = copy(before), Float32[3]
    for max_norm in (1e9, exact)
        @test clip_by_norm!((x, y), max_norm) === exact
        @test x == before && y == [3]
    end
    @test clip_by_norm!([x, y], 1.5) === exact
    @test x == before .* (1.5 / exact)
    @test y == 3 * Float32[1.5 / exact]
    @test clip_by_norm!([], 1) === 0.0

    given = [3.0, 4.0]
    @test clip_by_norm!([view(given, 1:1)], 5, norm = 10) === 10.0
    @test given == [1.5, 4]
    half = Float16[300]
    @test clip_by_norm!([half], 1) === 300.0
    @test half == [1]
end

@testset "a norm that is not finite, or an array that does not suit, clips nothing" begin
    x = Float32[30]
    @test status_of(() -> clip_by_norm!((x, [1, NaN]), 1)) == 22
    for wrong in (-1, NaN, Inf)
        @test status_of(() -> clip_by_norm!([x], 1, norm = wrong)) == 22
        @test status_of(() -> clip_by_norm!([x], wrong, norm = 2)) == 22
        @test status_of(() -> clip_by_norm!([], wrong)) == 22
    end
    for array in ([1, 2], view(ones(4), 1:2:4)), norm in (nothing, 2.0)
        @test_throws ArgumentError clip_by_norm!((x, array), 1, norm = norm)
    end
    @test_throws ArgumentError clip_by_norm!([1.0, 2.0], 1)
    @test x == [30]
end

# As l1l2.h has the formula of a step with a factor for each element, in the type of x.
function stepped(x::T, gradient, step, factor, l1, l2) where {T}
    v = x - T(step) * factor * gradient
    shrunk = max(abs(v) - T(step * l1) * factor, 0)
    return copysign(shrunk / (1 + T(2 * (step * l2)) * factor), v)
end

@testset "a proximal step of $T follows the formula" for T in (Float32, Float64)
    regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
    x, gradient = T.(sin.(reshape(1:300, 30, 10))), T.(cos.(reshape(1:300, 30, 10)))
    steps = T.(mod.(reshape(1:300, 30, 10), 7) ./ 4)
    expected = stepped.(x, gradient, 0.7, steps, 0.01, 0.02)
    before, out = copy(x), zero(x)
    @test prox_step!(regularizer, out, x, gradient, 0.7, steps = steps) === out
    @test out == expected && x == before
    # Each in another order of memory.
    rows(x) = PermutedDimsArray(permutedims(x), (2, 1))
    out = view(zeros(T, 60, 10), 60:-2:1, :)
    prox_step!(regularizer, out, rows(x), gradient, 0.7, steps = rows(steps))
    @test out == expected
    overwritten = copy(gradient)
    @test prox_step!(regularizer, overwritten, x, overwritten, 0.7, steps = steps) == expected
    @test prox_step!(regularizer, x, gradient, 0.7, steps = steps) === x
    @test x == expected
end

@testset "any array of a proximal step may have other strides" begin
    spaced(x) = view(repeat(x, inner = 2), 1:2:2*length(x))
    regularizer = Regularizer(l1 = 1)
    for i in 1:4
        arrays = [zeros(3), [1.0, -2, 5], [4.0, 2, 1], [0.5, 2, 1]]
        out, x, gradient, steps = [n == i ? spaced(array) : array for (n, array) in enumerate(arrays)]
        @test prox_step!(regularizer, out, x, gradient, 1, steps = steps) == [-0.5, -4, 3]
    end
end

@testset "without a gradient and steps it is the proximal operator" begin
    regularizer, x = Regularizer(l1 = 0.01, l2 = 0.02), sin.(1.0:300)
    expected = prox!(regularizer, zero(x), x, 0.7)
    for other in (copy(x), view(copy(x), 300:-1:1))
        copyto!(other, x)
        @test prox_step!(regularizer, other, nothing, 0.7) == expected
    end
end

@testset "steps of half precisions are Float32, and what does not fit writes nothing" begin
    regularizer, x, ones16 = Regularizer(l1 = 1), Float16[1, -3], ones(Float16, 2)
    step!(gradient, step; kw...) = prox_step!(regularizer, x, gradient, step; kw...)
    @test_throws ArgumentError step!(ones16, 1, steps = ones16)
    @test_throws ArgumentError step!(ones16, 1, steps = ones(2))
    @test_throws DimensionMismatch step!(ones16, 1, steps = ones(Float32, 3))
    @test_throws DimensionMismatch step!(ones(Float16, 3), 1)
    @test_throws DimensionMismatch prox_step!(regularizer, ones(Float16, 3), x, ones16, 1)
    @test_throws MethodError step!(ones(2), 1)
    @test_throws ArgumentError prox_step!(regularizer, [1, 2], [1, 2], 1)
    @test status_of(() -> step!(ones16, -1)) == 14
    for wrong in (-1, NaN, Inf)
        @test status_of(() -> step!(ones16, 1, steps = Float32[1, wrong])) == 14
    end
    y = ones(2)
    @test status_of(() -> prox_step!(regularizer, y, ones(2), nothing, 1, steps = y)) == 15
    @test x == Float16[1, -3]
    @test step!(Float16[2, 2], 0.5, steps = Float32[1, 0.5]) == Float16[0, -3.25]
    @test step!(Float16[2, 2], 0.5) == Float16[-0.5, -3.75]
end
