# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

# Automatic differentiation (Zygote, for one) of the penalty, where ChainRulesCore is loaded too.
module L1L2ChainRulesCoreExt

using ChainRulesCore: ChainRulesCore, AbstractZero, NoTangent, unthunk
using L1L2

function ChainRulesCore.rrule(regularizer::Regularizer, x::AbstractArray)
    function pullback(cotangent)
        scale = unthunk(cotangent)
        scale isa AbstractZero && return NoTangent(), scale
        return NoTangent(), add_gradient!(regularizer, fill!(similar(x), 0), x, scale)
    end
    return regularizer(x), pullback
end

end
