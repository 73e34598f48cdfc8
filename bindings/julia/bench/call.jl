# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

# What a call costs: the median of 31 repetitions, in nanoseconds.

using L1L2

function call_empty(calls)
    for _ in 1:calls
        @ccall $(L1L2.library().version_number)()::UInt32
    end
end

function call_penalty(regularizer, x, calls)
    for _ in 1:calls
        regularizer(x)
    end
end

function call_list(terms, calls)
    for _ in 1:calls
        penalty_terms(terms)
    end
end

median(times) = sort(times)[cld(length(times), 2)]

# What a call by f costs. f takes the number of calls last.
function cost(f, arguments...; calls = 100_000)
    f(arguments..., 1) # compiles it
    return round(median([@elapsed(f(arguments..., calls)) / calls * 1e9 for _ in 1:31]), digits = 1)
end

function measure()
    x = Float32.(0:15)
    regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
    print("empty call ", cost(call_empty), " ns, ")
    println("penalty of 16 elements ", cost(call_penalty, regularizer, x), " ns")
    alike = [Term(regularizer, copy(x)) for _ in 1:100]
    mixed = [Term(regularizer, isodd(i) ? copy(x) : reshape(copy(x), 4, 4)) for i in 1:100]
    for (name, terms) in ("of one type" => alike, "of two types" => mixed)
        each = round(cost(call_list, terms, calls = 1000) / 100, digits = 1)
        println("list of 100 such tensors ", name, " ", each, " ns each")
    end
end

measure()
