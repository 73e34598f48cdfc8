using L1L2
using Test

include("conformance.jl")
if !haskey(ENV, "L1L2_ONLY_VECTORS")
    include("library.jl")
    include("api.jl")
    include("steps_norms.jl")
    include("terms.jl")
end
