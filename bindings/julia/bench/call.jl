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

median(times) = sort(times)[cld(length(times), 2)]

function measure()
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
end

measure()
