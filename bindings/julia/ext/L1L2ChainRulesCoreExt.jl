# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

# Automatic differentiation (Zygote, for one) of the penalty, where ChainRulesCore is loaded too.
module L1L2ChainRulesCoreExt

using ChainRulesCore: ChainRulesCore, NoTangent, unthunk
using L1L2

function ChainRulesCore.rrule(regularizer::Regularizer, x::AbstractArray)
    function pullback(cotangent)
        gradient = fill!(similar(x), 0)
        return NoTangent(), add_gradient!(regularizer, gradient, x, unthunk(cotangent))
    end
    return regularizer(x), pullback
end

end
