# Each case of L1L2_VECTORS, to the bit, with contiguous arrays and with views of other strides.
# tests/conformance/changes.sh says what this prints.

include("vectors.jl")

function check_coefficients(make, status, outputs)
    regularizer = attempt(make, status)
    regularizer === nothing && return
    l1, l2 = parse_double.(outputs)
    expect(same(coefficients(regularizer), (l1 = l1, l2 = l2)), "coefficients")
end

check_create(status, outputs, l1, l2) =
    check_coefficients(() -> parse_regularizer(l1, l2), status, outputs)

check_from_json(status, outputs, text) =
    check_coefficients(() -> from_json(parse_text(text)), status, outputs)

function check_to_json(status, outputs, style, l1, l2)
    style = L1L2.JSONStyle(parse(Int32, style))
    json = attempt(() -> to_json(parse_regularizer(l1, l2), style), status)
    expect(json == parse_text(outputs[1]), "JSON $json")
end

function check_penalty(status, outputs, dtype, l1, l2, x)
    regularizer, x = parse_regularizer(l1, l2), parse_array(dtype, x)
    for (layout, _) in layouts
        penalty = attempt(() -> regularizer(layout(x)), status)
        expect(same(penalty, parse_double(outputs[1])), "penalty $penalty, $layout")
    end
end

function check_add_gradient(status, outputs, dtype, l1, l2, scale, x, gradient)
    regularizer, scale = parse_regularizer(l1, l2), parse_double(scale)
    x, before = parse_array(dtype, x), parse_array(dtype, gradient)
    after = status == 0 ? parse_array(dtype, outputs[1]) : before
    for (layout, elements) in layouts
        gradient, alone = layout(before), layout(before)
        call() = penalty_and_add_gradient!(regularizer, gradient, layout(x), scale)
        penalty = attempt(call, status)
        attempt(() -> add_gradient!(regularizer, alone, layout(x), scale), status)
        expect(same(elements(gradient), after), "gradient, $layout")
        expect(same(elements(alone), after), "gradient without the penalty, $layout")
        status == 0 && expect(same(penalty, parse_double(outputs[2])), "penalty $penalty")
    end
end

function check_prox(status, outputs, dtype, l1, l2, step, x)
    regularizer, step, x = parse_regularizer(l1, l2), parse_double(step), parse_array(dtype, x)
    before = filled(eltype(x), size(x))
    for (layout, elements) in layouts
        out, in_place = layout(before), layout(x)
        attempt(() -> prox!(regularizer, out, layout(x), step), status)
        attempt(() -> prox!(regularizer, in_place, step), status)
        expected = status == 0 ? parse_array(dtype, outputs[1]) : nothing
        expect(same(elements(out), something(expected, before)), "prox, $layout")
        expect(same(elements(in_place), something(expected, x)), "prox in place, $layout")
        layout === spread && expect(same(parent(out)[2:2:end], before), "elements between")
    end
end

# Adds a part to sums, which stay as they are if that fails.
function add_part!(sums, part, layout)
    before = copy(sums.numbers)
    kind, content = split(part, ':', limit = 2)
    try
        kind == "sums" ? merge!(sums, ExactSums(parse_sums(content))) :
        add!(sums, layout(parse_array(kind, content)))
    catch
        expect(sums.numbers == before, "sums that fail have changed")
        rethrow()
    end
    return sums
end

in_order(parts, layout) = foldl((sums, part) -> add_part!(sums, part, layout), parts, init = ExactSums())
merged_backwards(parts, layout) = sum(in_order([part], layout) for part in reverse(parts))

function sums_of_numbers(parts, layout)
    numbers(part) = startswith(part, "sums:") ? parse_sums(part[6:end]) : in_order([part], layout).numbers
    sums = ExactSums()
    sums.numbers .= sum(numbers, parts)
    return merge!(ExactSums(), sums)
end

function check_exact_sums(status, outputs, l1, l2, parts)
    parts = split(parts, '+')
    for (layout, _) in layouts, make in (in_order, merged_backwards, sums_of_numbers)
        sums = attempt(() -> make(parts, layout), status)
        sums === nothing && continue
        penalty = parse_regularizer(l1, l2)(sums)
        expect(same(penalty, parse_double(outputs[1])), "penalty $penalty, $make, $layout")
        absolute, square = parse_double.(outputs[2:3])
        expected = (absolute = absolute, square = square, count = parse(Int64, outputs[4]))
        expect(same(totals(sums), expected), "totals $(totals(sums)), $make, $layout")
        expect(sums.numbers == parse_sums(outputs[5]), "sums $(sums.numbers), $make, $layout")
    end
end

const checks = Dict(
    "create" => check_create,
    "penalty" => check_penalty,
    "add_gradient" => check_add_gradient,
    "prox" => check_prox,
    "to_json" => check_to_json,
    "from_json" => check_from_json,
    "exact_sums" => check_exact_sums,
)

# What is wrong with a line, or nothing.
function check_line(line)
    fields = String.(split(line, ' '))
    operation = popfirst!(fields)
    arrow = findfirst(isequal("->"), fields)
    status = parse(Int, fields[arrow+1])
    try
        checks[operation](status, fields[arrow+2:end], fields[1:arrow-1]...)
        return nothing
    catch failure
        return sprint(showerror, failure)
    end
end

@testset "every vector, on all threads at once" begin
    path = ENV["L1L2_VECTORS"]
    lines = readlines(path)
    results = Vector{Any}(nothing, length(lines))
    Threads.@threads for i in eachindex(lines)
        startswith(lines[i], '#') || (results[i] = check_line(lines[i]))
    end
    failures = ["$path:$i: $result" for (i, result) in enumerate(results) if result !== nothing]
    foreach(println, failures)
    @test isempty(failures)
    @test count(!startswith('#'), lines) > 0
end
