# Lists of tensors. What is expected is computed here, of numbers whose sums are exact.

const half, quarter = Regularizer(l1 = 0.5, l2 = 0.25), Regularizer(l1 = 0.25)
wave(n) = [mod(i, 97) - 48.0 for i in 1:n]
upper_half(x) = UInt16(reinterpret(UInt32, Float32(x)) >> 16)
bfloats(x...) = collect(reinterpret(L1L2.BFloat16, [upper_half(x) for x in x]))

# The large one is cut into several tasks; the small ones are a part of one.
function make_terms()
    x = wave(300_000)
    small = [Term(half, Float32[i]) for i in 1:1000]
    return Term[
        Term(half, reshape(x, 3000, 100), gradient = ones(3000, 100)),
        Term(quarter, view(Float32[1, -2, 0, 9], 1:3)),
        Term(half, view(reshape(Float16[1, -3, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9], 2, 3, 2), :, 1:2, 1:1)),
        Term(half, Float64[]),
        Term(quarter, bfloats(1, -3), gradient = bfloats(2, 0)),
        small...,
    ]
end

const expected_penalties = [
    sum(0.5 * abs.(wave(300_000)) .+ 0.25 * abs2.(wave(300_000)))
    0.75
    4.5
    0
    1
    [0.5 * i + 0.25 * i^2 for i in 1:1000]
]
const thread_numbers = (1, 2, 4, 9)

@testset "the penalties of terms are those of the formula, on $n threads" for n in thread_numbers
    result = penalty_terms(make_terms(), threads = n)
    @test result.penalties == expected_penalties
    @test result.total == sum(expected_penalties)
    @test penalty_terms((), threads = n) == (penalties = Float64[], total = 0.0)
end

@testset "gradients are added to the terms that have one, on $n threads" for n in thread_numbers
    terms = make_terms()
    result = add_gradient_terms!(terms, -2, threads = n)
    @test result == (penalties = expected_penalties, total = sum(expected_penalties))
    @test terms[1].gradient == 1 .- 2 .* (0.5 .* sign.(terms[1].x) .+ 0.5 .* terms[1].x)
    @test same(terms[5].gradient, bfloats(1.5, 0.5))
    add_gradient_terms!(terms, threads = n)
    @test same(terms[5].gradient, bfloats(1.75, 0.25))
end

@testset "proximal operators are written to out, or in place, on $n threads" for n in thread_numbers
    terms = make_terms()
    x, out = terms[1].x, zeros(3000, 100)
    terms[1] = Term(half, x, out = out)
    @test prox_terms!(terms, 2, threads = n) === nothing
    @test out == sign.(x) .* max.(abs.(x) .- 1, 0) ./ 2
    @test vec(x) == wave(300_000)
    @test terms[2].x == [0.5, -1.5, 0]
    @test vec(terms[3].x) == [0, -1, 0, 0]
    @test same(terms[5].x, bfloats(0.5, -2.5))
    @test terms[end].x == [499.5]
end

@testset "proximal steps have what they are given, on $n threads" for n in thread_numbers
    terms = make_terms()
    x, steps = copy(terms[1].x), mod.(reshape(1.0:300_000, 3000, 100), 3)
    terms[1] = Term(half, terms[1].x, gradient = ones(3000, 100), steps = steps)
    terms[5] = Term(quarter, bfloats(1, -3), gradient = bfloats(2, 0), steps = Float32[0.5, 1])
    @test prox_step_terms!(terms, 1, threads = n) === nothing
    v = x .- steps
    @test terms[1].x == sign.(v) .* max.(abs.(v) .- 0.5 .* steps, 0) ./ (1 .+ 0.5 .* steps)
    @test terms[2].x == [0.75, -1.75, 0]
    @test same(terms[5].x, bfloats(0, -2.75)) # 1 - 0.5 * 2; -3 + 0.25
end

@testset "arrays are added to exact sums and clipped, on $n threads" for n in thread_numbers
    arrays = (wave(300_000), Float32[3], Float16[4])
    square = sum(abs2, wave(300_000)) + 25
    sums = ExactSums()
    @test add_all!(sums, arrays, threads = n) === sums
    @test totals(sums) ==
          (absolute = sum(abs, wave(300_000)) + 7, square = square, count = 300_002)
    exact = sqrt(square)
    @test clip_by_norm!(arrays, 2, threads = n) === exact
    @test arrays[1] == wave(300_000) .* (2 / exact)
    @test arrays[2] == [3 * Float32(2 / exact)]
    given = [3.0, 4.0]
    @test clip_by_norm!([given], 5, norm = 10, threads = n) === 10.0
    @test given == [1.5, 2]
end

message_of(call) =
    try
        call()
        ""
    catch failure
        failure isa Union{ArgumentError,DimensionMismatch} ? failure.msg : failure.message
    end

@testset "a list with a term that is wrong changes nothing, on $n threads" for n in (1, 4)
    closed, large = Regularizer(), Regularizer(l1 = 1e308, l2 = 1e308)
    close(closed)
    ones32(n) = ones(Float32, n)
    good() = Term(half, ones32(2), gradient = ones32(2))
    spaced = view(ones32(4), 1:2:4)
    penalties(terms) = penalty_terms(terms, threads = n)
    gradients(terms) = add_gradient_terms!(terms, threads = n)
    prox(terms) = prox_terms!(terms, 2, threads = n)
    step(terms) = prox_step_terms!(terms, 2, threads = n)
    narrow, wide = ones32(2), ones(2)
    no_dtype = "libl1l2 has no dtype for elements of type Int64"
    for (call, wrong, message) in (
        (penalties, Term(closed, narrow), "term 3: the regularizer is closed"),
        (penalties, Term(half, [1, 2]), "term 3: $no_dtype"),
        (penalties, Term(half, spaced), "term 3: x is not contiguous"),
        (penalties, Term(half, 1.0:2.0), "term 3: "),
        (gradients, Term(half, narrow, gradient = ones32(3)), "term 3: x has the size (2,), gradient"),
        (gradients, Term(half, narrow, gradient = wide), "term 3: gradient is of Float64, not"),
        (gradients, Term(large, narrow, gradient = ones32(2)), "term 3: the scale"),
        (prox, Term(half, narrow, out = ones32(1)), "term 3: x has the size (2,), out"),
        (prox, Term(half, narrow, out = spaced), "term 3: out is not contiguous"),
        (prox, Term(large, narrow), "term 3: the step"),
        (step, Term(half, narrow, steps = wide), "term 3: steps is of Float64, not of Float32"),
        (step, Term(half, narrow, steps = Float32[1, -1]), "term 3: the step"),
    )
        terms = Term[good(), good(), wrong, good()]
        @test startswith(message_of(() -> call(terms)), message)
        @test all(term.x == term.gradient == ones(2) for term in terms[[1, 2, 4]])
    end
    sums = ExactSums()
    @test message_of(() -> add_all!(sums, ([1.0], [1, 2]), threads = n)) == "array 2: $no_dtype"
    @test iszero(sums.numbers)
    @test status_of(() -> prox_terms!((), -1, threads = n)) == 14
    @test status_of(() -> prox_step_terms!((), NaN, threads = n)) == 14
    @test status_of(() -> add_gradient_terms!((), Inf, threads = n)) == 13
    @test status_of(() -> clip_by_norm!([[NaN]], 1, threads = n)) == 22
    of_none = message_of(() -> prox_terms!([good()], -1, threads = n))
    @test of_none == message_of(() -> prox!(half, ones(2), -1))
    @test_throws ArgumentError penalty_terms((), threads = 0)
    for (call, message) in (
        (() -> penalties([half]), "number 1 of the list is of type Regularizer, which is no Term"),
        (() -> penalties(Any[good(), 2.0]), "number 2 of the list is of type Float64, which is no Term"),
        (() -> add_all!(sums, [1.0 2.0]), "number 1 of the list is of type Float64, which is no AbstractArray"),
    )
        @test message_of(call) == message
    end
    @test_throws MethodError Term(nothing, [1.0])
end

# Julia's threads that have called this. The first call waits for as many of them as are expected, each for one more.
const called_by = zeros(Bool, 1000)
function note_thread(expected, index)
    called_by[Threads.threadid()] = true
    start = time()
    while time() < start + (index == 0 && count(called_by) < UInt(expected) ? 60 : 0.02)
        GC.safepoint()
    end
end

@testset "tasks of Julia share the work, the caller's included: $n" for n in 1:min(2, Threads.nthreads())
    fill!(called_by, false)
    task = @cfunction(note_thread, Cvoid, (Ptr{Cvoid}, Csize_t))
    L1L2.with_terms([], 2) do structs, runner, state, faulty
        ccall(runner, Int32, (Csize_t, Ptr{Cvoid}, Ptr{Cvoid}, Csize_t), n, task, Ptr{Cvoid}(n), 10)
    end
    @test count(called_by) == n
end

@testset "many tasks call at once, while memory is collected" begin
    tasks = map(1:64) do i
        Threads.@spawn begin
            x = fill(4.0f0, 2^18)
            terms = [Term(Regularizer(l1 = i), x), Term(Regularizer(l1 = 1), x)]
            thread = Threads.threadid()
            result = penalty_terms(terms, threads = 3)
            result.total == 2^20 * (i + 1) && thread == Threads.threadid()
        end
    end
    GC.gc()
    @test all(fetch.(tasks))
end

@testset "a call ends after the last of its tasks" begin
    x = fill(4.0f0, 2^24)
    terms = [Term(quarter, x, gradient = zero(x))]
    @test all(1:40) do i
        add_gradient_terms!(terms, threads = 4).total == 2^24 && last(terms[1].gradient) == i / 4
    end
    @test all(==(10), terms[1].gradient)
end

# Bytes that a call allocates, once it is compiled.
function allocated(call)
    function repeat(n)
        for _ in 1:n
            call()
        end
    end
    repeat(1)
    return (@allocated repeat(100)) / 100
end

@testset "a call on contiguous arrays allocates nothing" begin
    for x in (ones(Float32, 4, 4), view(ones(Float32, 32), 9:24))
        gradient, steps = copy(x), copy(x)
        for call in (
            () -> half(x),
            () -> add_gradient!(half, gradient, x),
            () -> penalty_and_add_gradient!(half, gradient, x),
            () -> prox!(half, x, 0.1),
            () -> prox_step!(half, x, gradient, 0.1),
            () -> prox_step!(half, x, gradient, 0.1, steps = steps),
        )
            @test allocated(call) < 8
        end
    end
end

@testset "a list allocates little more than its structs, of 56 bytes, and penalties" begin
    alike = [Term(half, ones(Float32, 16), gradient = ones(Float32, 16)) for _ in 1:100]
    mixed = [Term(half, isodd(i) ? ones(16) : ones(4, 4)) for i in 1:100]
    arrays = [isodd(i) ? ones(16) : ones(4, 4) for i in 1:100]
    sums = ExactSums()
    for call in (
        [() -> penalty_terms(terms) for terms in (alike, mixed, Term[alike...])]...,
        () -> add_gradient_terms!(alike),
        () -> prox_terms!(alike, 0.1),
        () -> add_all!(sums, arrays),
    )
        @test allocated(call) / 100 < 80
    end
end

@testset "no task is made unless threads are asked for" begin
    arrays = [ones(1 << 16) for _ in 1:4]
    terms, sums = [Term(half, x) for x in arrays], ExactSums()
    for call in (
        (; threads...) -> penalty_terms(terms; threads...),
        (; threads...) -> add_gradient_terms!(terms; threads...),
        (; threads...) -> prox_terms!(terms, 0.1; threads...),
        (; threads...) -> prox_step_terms!(terms, 0.1; threads...),
        (; threads...) -> add_all!(sums, arrays; threads...),
        (; threads...) -> clip_by_norm!(arrays, 1; threads...),
    )
        @test allocated(call) + 300 < allocated(() -> call(threads = 2))
    end
end
