# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

# libl1l2 from Julia, in a project that has the package (bindings/julia/README.md):
#     JULIA_NUM_THREADS=4 julia --project example.jl

using L1L2
weights = Float32[0.5, -1.25, 0, 2]
regularizer = Regularizer(l1 = 0.01, l2 = 0.02)
println("penalty ", regularizer(weights))
println("libl1l2 ", L1L2.version(), ", ", L1L2.instruction_set())

gradient = zero(weights)
add_gradient!(regularizer, gradient, weights)
println("gradient ", gradient)
println("prox ", prox!(regularizer, similar(weights), weights, 0.1))

# A view is not copied, whatever its strides: the first row of a matrix, here.
matrix = reshape(weights, 2, 2)
println("penalty of a row ", regularizer(view(matrix, 1, :)))

# Of pieces, which may come from anywhere in any order.
sums = add!(ExactSums(), weights[3:4]) + add!(ExactSums(), weights[1:2])
println("penalty of two pieces ", regularizer(sums))

json = to_json(regularizer, L1L2.KERAS3)
println("JSON ", json)
println("read back ", coefficients(from_json(json)))

for failing in (() -> Regularizer(l1 = -1), () -> from_json("""{"l1": 0.01, "l3": 0.02}"""))
    try
        failing()
    catch error
        error isa L1L2Error || rethrow()
        println("status ", error.status, ": ", error.message)
    end
end

# A regularizer never changes, so threads share it.
penalties = zeros(4)
Threads.@threads for i in eachindex(penalties)
    penalties[i] = regularizer(weights)
end
println("on ", Threads.nthreads(), " threads: ", penalties)

# It would be freed without this, too, but later.
close(regularizer)
