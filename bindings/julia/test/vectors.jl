# Reads the fields of tests/conformance/vectors.txt, lays arrays out, and compares results and statuses.

const element_types =
    Dict("float32" => Float32, "float64" => Float64, "float16" => Float16, "bfloat16" => L1L2.BFloat16)

function parse_elements(T, hex)
    bits = Dict(8 => UInt64, 4 => UInt32, 2 => UInt16)[sizeof(T)]
    return collect(reinterpret(T, ntoh.(reinterpret(bits, hex2bytes(hex)))))
end

parse_double(hex) = only(parse_elements(Float64, hex))
parse_text(hex) = hex == "-" ? "" : String(hex2bytes(hex))
parse_regularizer(l1, l2) = Regularizer(l1 = parse_double(l1), l2 = parse_double(l2))

function parse_array(dtype, text)
    count, hex = split(text, ':')
    pattern = parse_elements(element_types[dtype], String(hex))
    return [pattern[mod1(i, end)] for i in 1:parse(Int, count)]
end

function parse_sums(text)
    numbers = zeros(Int64, L1L2.exact_sums_length())
    for item in split(text, ',')
        item == "-" && break
        index, hex = split(item, ':')
        numbers[parse(Int, index)+1] = parse(UInt64, hex, base = 16) % Int64
    end
    return numbers
end

# An array of elements that no operation gives.
filled(T, size) = fill(only(parse_elements(T, "a5"^sizeof(T))), size)

expect(condition, what) = condition || error(what)

# Equal to the bit, unlike ==.
same(a, b) = a === b
same(a::AbstractArray, b::AbstractArray) = size(a) == size(b) && all(map(===, a, b))

# The elements of x in other layouts, each with what returns them: in every second row of a matrix; and in
# memory as they are, but with indices in another order, which changes no sum.
spread(x) = copyto!(view(filled(eltype(x), (2 * length(x), 1)), 1:2:2*length(x), :), x)
backwards(x) = view(copy(x), length(x):-1:1)
transposed(x) = PermutedDimsArray(reshape(copy(x), :, iseven(length(x)) ? 2 : 1), (2, 1))
const layouts = (copy => copy, spread => vec, backwards => parent, transposed => vec ∘ parent)

# Calls, and expects the status. Returns the result, or nothing after a failure.
function attempt(call, expected_status)
    status, result = try
        0, call()
    catch failure
        failure isa L1L2Error || rethrow()
        expect(!isempty(failure.message), "an error without a message")
        failure.status, nothing
    end
    expect(status == expected_status, "status $status")
    return result
end

status_of(call) =
    try
        call()
        0
    catch failure
        failure isa L1L2Error || rethrow()
        failure.status
    end
