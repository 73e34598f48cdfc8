# Every case of vectors.txt through the module L1L2, to the bit.
#
#     conformance.jl vectors FILE     four times at once, on the threads that there are
#     conformance.jl memory           that an array of 1 GiB is not copied
#     conformance.jl lifetimes        that handles are released, and not too early
#     conformance.jl overhead         what a call costs

include("L1L2.jl")
using .L1L2
using Serialization: deserialize, serialize

const element_types = Dict(
    "float32" => Float32,
    "float64" => Float64,
    "float16" => Float16,
    "bfloat16" => L1L2.BFloat16,
)

expect(condition, what) = condition || error(what)

# Equal to the bit, unlike ==: a NaN is equal to itself, and -0.0 is not to 0.0.
same(a, b) = a === b
same(a::AbstractArray, b::AbstractArray) =
    size(a) == size(b) && all(i -> a[i] === b[i], eachindex(a, b))

unsigned_type(T) = sizeof(T) == 8 ? UInt64 : sizeof(T) == 4 ? UInt32 : UInt16

function parse_elements(T, hex)
    bits = ntoh.(reinterpret(unsigned_type(T), hex2bytes(hex)))
    return collect(reinterpret(T, bits))
end

parse_double(hex) = only(parse_elements(Float64, hex))

function parse_array(T, text)
    count, hex = split(text, ':')
    n = parse(Int, count)
    elements = parse_elements(T, String(hex))
    expect(n == 0 || !isempty(elements), "an array without elements")
    n <= length(elements) && return elements[1:n]
    return repeat(elements, cld(n, length(elements)))[1:n]
end

function parse_sums(text)
    numbers = zeros(Int64, L1L2.exact_sums_length())
    text == "-" && return numbers
    for item in split(text, ',')
        index, hex = split(item, ':')
        numbers[parse(Int, index) + 1] = parse(UInt64, hex, base = 16) % Int64
    end
    return numbers
end

parse_text(hex) = hex == "-" ? "" : String(hex2bytes(hex))

# An array with elements that no operation gives.
filled(T, size) = fill(only(parse_elements(T, "a5"^sizeof(T))), size)
filled(x) = filled(eltype(x), size(x))

# The elements of x in every second row of a matrix, which has other elements in between.
function spread(x)
    columns = iseven(length(x)) ? 2 : 1
    rows = length(x) ÷ columns
    return copyto!(view(filled(eltype(x), (2rows, columns)), 1:2:2rows, :), x)
end

# Whether a spread array has these elements, and between them what it had.
function same_spread(a, elements)
    between = parent(a)[2:2:end, :]
    return same(vec(copy(a)), elements) && same(between, filled(between))
end

# The status of the call, and what it returns, or nothing if it failed.
function outcome(call)
    try
        return 0, call()
    catch error
        error isa L1L2Error || rethrow()
        expect(!isempty(error.message), "an error without a message")
        return error.status, nothing
    end
end

function expect_outcome(expected_status, call)
    status, result = outcome(call)
    expect(status == expected_status, "status $status")
    return result
end

function check_coefficients(status, outputs, make)
    regularizer = expect_outcome(status, make)
    status == 0 || return
    l1, l2 = parse_double.(outputs)
    expect(same(coefficients(regularizer), (l1 = l1, l2 = l2)), "coefficients")
    close(regularizer)
end

make_regularizer(l1, l2) = Regularizer(l1 = parse_double(l1), l2 = parse_double(l2))

check_create(status, outputs, l1, l2) =
    check_coefficients(status, outputs, () -> make_regularizer(l1, l2))

check_from_json(status, outputs, text) =
    check_coefficients(status, outputs, () -> from_json(parse_text(text)))

function check_to_json(status, outputs, style, l1, l2)
    regularizer = make_regularizer(l1, l2)
    style = L1L2.JSONStyle(parse(Int32, style))
    json = expect_outcome(status, () -> to_json(regularizer, style))
    status == 0 && expect(json == parse_text(outputs[1]), "JSON $json")
end

function check_penalty(status, outputs, dtype, l1, l2, x)
    regularizer = make_regularizer(l1, l2)
    x = parse_array(element_types[dtype], x)
    penalty = expect_outcome(status, () -> regularizer(x))
    status == 0 || return
    expect(same(penalty, parse_double(outputs[1])), "penalty $penalty")
    # A view that is not contiguous, and two of all of x that are in another order than memory.
    expect(same(penalty, regularizer(spread(x))), "the penalty of a view with strides")
    reversed = view(x, length(x):-1:1)
    expect(same(penalty, regularizer(reversed)), "the penalty of a reversed view")
    transposed = PermutedDimsArray(reshape(x, :, iseven(length(x)) ? 2 : 1), (2, 1))
    expect(same(penalty, regularizer(transposed)), "the penalty of a transposed view")
end

function check_add_gradient(status, outputs, dtype, l1, l2, scale, x, gradient)
    regularizer = make_regularizer(l1, l2)
    scale = parse_double(scale)
    x = parse_array(element_types[dtype], x)
    before = parse_array(element_types[dtype], gradient)
    after = status == 0 ? parse_array(element_types[dtype], outputs[1]) : before
    with_penalty(gradient, x) =
        expect_outcome(status, () -> penalty_and_add_gradient!(regularizer, gradient, x, scale))
    alone(gradient, x) =
        expect_outcome(status, () -> add_gradient!(regularizer, gradient, x, scale))

    gradient = copy(before)
    penalty = with_penalty(gradient, x)
    expect(same(gradient, after), "gradient")
    gradient = copy(before)
    alone(gradient, x)
    expect(same(gradient, after), "the gradient without the penalty")

    gradient = spread(before)
    penalty_of_view = with_penalty(gradient, spread(x))
    expect(same_spread(gradient, after), "the gradient of a view with strides")
    gradient = spread(before)
    alone(gradient, spread(x))
    expect(same_spread(gradient, after), "the gradient of a view without the penalty")

    status == 0 || return
    expect(same(penalty, parse_double(outputs[2])), "penalty $penalty")
    expect(same(penalty_of_view, penalty), "the penalty of a view with strides")
end

function check_prox(status, outputs, dtype, l1, l2, step, x)
    regularizer = make_regularizer(l1, l2)
    step = parse_double(step)
    x = parse_array(element_types[dtype], x)
    result = status == 0 ? parse_array(element_types[dtype], outputs[1]) : nothing

    out = filled(x)
    expect_outcome(status, () -> prox!(regularizer, out, x, step))
    expect(same(out, something(result, filled(x))), "prox")
    out = copy(x)
    expect_outcome(status, () -> prox!(regularizer, out, step))
    expect(same(out, something(result, x)), "prox in place")

    out = spread(filled(x))
    expect_outcome(status, () -> prox!(regularizer, out, spread(x), step))
    expect(same_spread(out, something(result, filled(x))), "prox of a view with strides")
    out = spread(x)
    expect_outcome(status, () -> prox!(regularizer, out, step))
    expect(same_spread(out, something(result, x)), "prox in place of a view with strides")
end

# A vector, or the element type and the elements of an array.
function parse_part(text)
    kind, content = split(text, ':', limit = 2)
    kind == "sums" && return parse_sums(content)
    return parse_array(element_types[kind], content)
end

# Adds a part to sums, which stay as they are if it cannot be added.
function add_part!(sums, part; layout = identity)
    before = copy(sums.numbers)
    try
        part isa Vector{Int64} ? merge!(sums, ExactSums(part)) : add!(sums, layout(part))
    catch
        expect(sums.numbers == before, "sums that fail have changed")
        rethrow()
    end
    return sums
end

# Three ways in which the sums of parts are made: in order, merged from the last one on, and by the
# addition of their numbers. Each also with arrays that have strides.
add_in_order(parts; layout) =
    foldl((sums, part) -> add_part!(sums, part; layout = layout), parts, init = ExactSums())

merge_backwards(parts; layout) =
    sum(add_part!(ExactSums(), part; layout = layout) for part in reverse(parts))

function add_numbers(parts; layout)
    sums = ExactSums()
    for part in parts
        sums.numbers .+= part isa Vector{Int64} ? part : add!(ExactSums(), layout(part)).numbers
    end
    return sums
end

function check_results(status, outputs, regularizer, sums)
    penalty = expect_outcome(status, () -> regularizer(sums))
    read = expect_outcome(status, () -> totals(sums))
    merged = expect_outcome(status, () -> ExactSums(sums.numbers))
    status == 0 || return
    expect(same(penalty, parse_double(outputs[1])), "penalty $penalty")
    absolute, square = parse_double.(outputs[2:3])
    expected = (absolute = absolute, square = square, count = parse(Int64, outputs[4]))
    expect(same(read, expected), "totals $read")
    expect(merged.numbers == parse_sums(outputs[5]), "sums $(merged.numbers)")
end

function check_exact_sums(status, outputs, l1, l2, parts)
    regularizer = make_regularizer(l1, l2)
    parts = map(parse_part, split(parts, '+'))
    for layout in (identity, spread)
        in_order = expect_outcome(status, () -> add_in_order(parts; layout = layout))
        merged = expect_outcome(status, () -> merge_backwards(parts; layout = layout))
        if status == 0
            check_results(status, outputs, regularizer, in_order)
            expect(in_order.numbers == merged.numbers, "merged sums are others")
        end
        added = add_numbers(parts; layout = layout)
        check_results(status, outputs, regularizer, added)
        status == 0 && expect(isequal(added, merged), "sums of numbers are others")
    end
end

# What cannot be taken as exact sums, or be used as such.
function check_refusals()
    n = L1L2.exact_sums_length()
    for length in (0, n - 1, n + 1)
        expect_error(DimensionMismatch, () -> ExactSums(zeros(Int64, length)))
        resized = ExactSums()
        resize!(resized.numbers, length)
        for use in (totals, copy, sums -> add!(sums, Float32[1]), sums -> merge!(ExactSums(), sums))
            expect_error(DimensionMismatch, () -> use(resized))
        end
    end
    expect_error(ArgumentError, () -> add!(ExactSums(), [1, 2]))
    expect_error(MethodError, () -> ExactSums(zeros(n)))
end

# Each with the numbers of its inputs and of its outputs.
const operations = Dict(
    "create" => (check_create, 2, 2),
    "penalty" => (check_penalty, 4, 1),
    "add_gradient" => (check_add_gradient, 6, 2),
    "prox" => (check_prox, 5, 1),
    "to_json" => (check_to_json, 3, 1),
    "from_json" => (check_from_json, 1, 2),
    "exact_sums" => (check_exact_sums, 3, 5),
)

function check_line(line)
    fields = String.(split(line, ' '))
    expect(haskey(operations, fields[1]), "an unknown operation")
    check, inputs, outputs = operations[fields[1]]
    arrow = inputs + 2
    expect(length(fields) > arrow && fields[arrow] == "->", "a line of another shape")
    status = parse(Int, fields[arrow + 1])
    expected_length = arrow + 1 + (status == 0 ? outputs : 0)
    expect(length(fields) == expected_length, "a line of another length")
    check(status, fields[arrow+2:end], fields[2:inputs+1]...)
end

# What is wrong with the lines, each by its number, and the number of cases.
function check_file(path)
    cases = 0
    failures = String[]
    for (number, line) in enumerate(eachline(path))
        startswith(line, '#') && continue
        cases += 1
        try
            check_line(line)
        catch error
            push!(failures, "$path:$number: $(sprint(showerror, error))")
        end
    end
    return cases, failures
end

function check_vectors(path)
    # Julia 1.5 starts no more threads than there are processors, even if it is told to. Two of the
    # four runs are then one after the other.
    enough = Threads.nthreads() >= min(4, Sys.CPU_THREADS)
    expect(enough, "too few threads: it takes JULIA_NUM_THREADS=4")
    check_refusals()
    results = Vector{Tuple{Int,Vector{String}}}(undef, 4)
    Threads.@threads :static for i in 1:4
        results[i] = check_file(path)
    end
    failures = unique(vcat(last.(results)...))
    foreach(failure -> println(stderr, failure), failures)
    isempty(failures) || return 1
    cases = first(results[1])
    expect(cases > 0, "no cases")
    println("on ", Threads.nthreads(), " threads")
    println(cases, " cases, all bits equal")
    return 0
end

# A figure of the kernel's about this process, in KiB.
function memory(name)
    line = only(filter(startswith("$name:"), readlines("/proc/self/status")))
    return parse(Int, split(line)[2])
end

# The most memory that the process has had so far.
peak_memory() = memory("VmHWM")

function check_memory()
    n = 2^28
    x = ones(Float32, n)
    regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
    # The first calls compile the methods.
    regularizer(x[1:1])
    add!(ExactSums(), x[1:1])
    shrunk = only(prox!(regularizer, x[1:1], 1.0))
    before = peak_memory()
    penalty = regularizer(x)
    sums = add!(ExactSums(), x)
    prox!(regularizer, x, 1.0)
    rise = peak_memory() - before
    expect(penalty === (0.01 + 0.02) * n, "penalty $penalty")
    expect(totals(sums).absolute == n, "exact sums $(totals(sums))")
    expect(shrunk < 1 && all(==(shrunk), x), "prox")
    println("an array of 1024 MiB: peak memory rose by ", rise, " KiB")
    return 0
end

function expect_error(type, call)
    error = try
        call()
        nothing
    catch error
        error
    end
    expect(error isa type, "$(typeof(error)) instead of $type")
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
        () -> to_json(regularizer),
        () -> coefficients(regularizer),
    )
        expect_error(ArgumentError, call)
    end
    expect(all(==(1), y), "a closed regularizer has written")
end

# By a function of its own, so that no variable of the caller's keeps the original.
copies() = deepcopy((Regularizer(l1 = 1.0), [Regularizer(l1 = 1.0)]))

function check_copies()
    original = Regularizer(l1 = 1.0)
    expect(deepcopy(original) === original, "deepcopy has copied a handle")
    expect_error(MethodError, () -> copy(original))
    written = IOBuffer()
    serialize(written, original)
    expect_closed(deserialize(seekstart(written)))

    copied, (copied_too,) = copies()
    GC.gc()
    # These take the memory of handles that were freed.
    others = [Regularizer(l1 = 0.5) for _ in 1:100]
    penalties = map(regularizer -> regularizer(ones(4)), [original, copied, copied_too])
    expect(all(==(4), penalties), "a copy does not outlive its original")
    foreach(close, others)
end

# That a call keeps alive what nothing else does.
function check_tasks()
    n = 2^16
    tasks = map(1:100) do i
        x = iseven(i) ? ones(Float32, n) : view(ones(Float32, 2n), 1:2:2n)
        regularizer = i % 3 == 0 ? from_json("""{"l1": 1.0, "l2": 0.0}""") : Regularizer(l1 = 1.0)
        Threads.@spawn regularizer(x)
    end
    GC.gc()
    expect(all(==(n), fetch.(tasks)), "what only a task still used is gone")
end

function forget(n)
    for i in 1:n
        Regularizer(l1 = 0.01, l2 = 0.02)
        i % 50_000 == 0 && GC.gc()
    end
end

function check_lifetimes()
    try
        # The memory in use, too: the peak may be that of compiling, which would hide a leak. Before
        # all others, for the same reason.
        forget(100_000)
        before = memory.(("VmHWM", "VmRSS"))
        forget(400_000)
        rise = maximum(memory.(("VmHWM", "VmRSS")) .- before)
        # The handles alone would be more than 12 MiB.
        expect(rise < 8 << 10, "forgotten regularizers keep $rise KiB")

        regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
        close(regularizer)
        close(regularizer)
        finalize(regularizer)
        expect_closed(regularizer)
        check_copies()
        check_tasks()
    catch error
        println(stderr, sprint(showerror, error))
        return 1
    end
    println("handles are released")
    return 0
end

function call_empty(calls)
    for _ in 1:calls
        @ccall $(L1L2.functions[].version_number)()::UInt32
    end
end

function call_penalty(regularizer, x, calls)
    for _ in 1:calls
        regularizer(x)
    end
end

median(times) = sort(times)[cld(length(times), 2)]

function measure_overhead()
    calls = 100_000
    x = Float32.(0:15)
    regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
    empty, full = Float64[], Float64[]
    for _ in 1:31
        push!(empty, @elapsed(call_empty(calls)) / calls * 1e9)
        push!(full, @elapsed(call_penalty(regularizer, x, calls)) / calls * 1e9)
    end
    a, b = round.(median.((empty, full)), digits = 1)
    println("empty call ", a, " ns, penalty of 16 elements ", b, " ns")
    return 0
end

function main(arguments)
    if length(arguments) == 2 && arguments[1] == "vectors"
        return check_vectors(arguments[2])
    elseif arguments == ["memory"]
        return check_memory()
    elseif arguments == ["lifetimes"]
        return check_lifetimes()
    elseif arguments == ["overhead"]
        return measure_overhead()
    end
    println(stderr, "usage: conformance.jl vectors FILE | memory | lifetimes | overhead")
    return 2
end

exit(main(ARGS))
