// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * What is computed of elements, as regularizer.hpp chooses it, and arrays of them.
 */
#pragma once

#include "kernels/kernels.hpp"

#include <algorithm>
#include <cstddef>
#include <variant>

namespace l1l2::core {

using kernels::arithmetic;
using kernels::Dtype;
using kernels::size_of;
using kernels::Sums;

/// n contiguous elements, and as many that are written, or NULL. A step of proximal gradient
/// descent may also read a gradient, and steps of the arithmetic type.
struct Arrays {
    Dtype dtype;
    const void* x;
    void* y;
    std::size_t n;
    const void* gradient = nullptr;
    const void* steps = nullptr;

    /// The elements begin .. end - 1, or as many as there are.
    Arrays part(std::size_t begin, std::size_t end) const {
        const auto at = [&](const void* array, Dtype type) {
            return array != nullptr ? static_cast<const char*>(array) + begin * size_of(type)
                                    : nullptr;
        };
        return {dtype,
                at(x, dtype),
                y != nullptr ? static_cast<char*>(y) + begin * size_of(dtype) : nullptr,
                (end < n ? end : n) - begin,
                at(gradient, dtype),
                at(steps, arithmetic(dtype))};
    }
};

/// One kernel and its factors, or nothing. Computes in the default floating-point environment only.
class Operation {
  public:
    struct Sum {
        kernels::BlockKernel kernel;
    };
    struct Gradient {
        kernels::GradientKernel kernel;
        double l1_factor;
        double l2_factor;
    };
    struct GradientAndSum {
        kernels::GradientAndSumKernel kernel;
        Gradient gradient; ///< sum and gradient apart, for strided tensors
        Sum sum;
    };
    struct Prox {
        kernels::ProxKernel kernel;
        double threshold;
        double factor;
    };
    struct ProxStep {
        kernels::ProxStepKernel kernel;
        kernels::ProxStepFactors factors;
    };

    struct Scale {
        kernels::ScaleKernel kernel;
        double factor;
    };
    struct FarScale {
        kernels::FarScaleKernel kernel;
        kernels::FarFactor far;
    };
    struct Copy {
        std::size_t element_size;
    };

    Operation() = default; ///< nothing
    /// streaming is the kernel by which results may be written, see streaming.hpp, or NULL.
    template <class Kind>
    explicit Operation(const Kind& kind, kernels::StreamKernel streaming = nullptr)
        : kind_(kind), stream_(streaming) {}

    bool sums() const { return is<Sum>() || is<GradientAndSum>(); }
    bool writes() const { return kind_.index() != 0 && !is<Sum>(); }
    /// Whether what is written depends on what was there.
    bool updates() const { return is<Gradient>() || is<GradientAndSum>(); }
    kernels::StreamKernel stream() const { return stream_; }

    /// The sums of a block of x, and what is written to y for it.
    Sums apply(const Arrays& block) const {
        if (const auto* const both = std::get_if<GradientAndSum>(&kind_)) {
            return both->kernel(block.x, block.y, block.n, both->gradient.l1_factor,
                                both->gradient.l2_factor);
        }
        write(block);
        return sum(block.x, block.n);
    }

    /// The sums alone; zeros if there are none.
    Sums sum(const void* x, std::size_t n) const {
        if (const auto* const sum = std::get_if<Sum>(&kind_)) {
            return sum->kernel(x, n);
        }
        if (const auto* const both = std::get_if<GradientAndSum>(&kind_)) {
            return both->sum.kernel(x, n);
        }
        return {0.0, 0.0};
    }

    /// What is written alone, for any number of elements.
    void write(const Arrays& of) const {
        if (const auto* const gradient = std::get_if<Gradient>(&kind_)) {
            gradient->kernel(of.x, of.y, of.n, gradient->l1_factor, gradient->l2_factor);
        } else if (const auto* const both = std::get_if<GradientAndSum>(&kind_)) {
            both->gradient.kernel(of.x, of.y, of.n, both->gradient.l1_factor,
                                  both->gradient.l2_factor);
        } else if (const auto* const prox = std::get_if<Prox>(&kind_)) {
            prox->kernel(of.x, of.y, of.n, prox->threshold, prox->factor);
        } else if (const auto* const step = std::get_if<ProxStep>(&kind_)) {
            step->kernel(of.x, of.gradient, of.steps, of.y, of.n, step->factors);
        } else if (const auto* const scale = std::get_if<Scale>(&kind_)) {
            scale->kernel(of.x, of.y, of.n, scale->factor);
        } else if (const auto* const far_scale = std::get_if<FarScale>(&kind_)) {
            far_scale->kernel(of.x, of.y, of.n, far_scale->far);
        } else if (const auto* const copy = std::get_if<Copy>(&kind_)) {
            if (of.y != of.x) {
                std::copy_n(static_cast<const char*>(of.x), of.n * copy->element_size,
                            static_cast<char*>(of.y));
            }
        }
    }

  private:
    template <class Kind>
    bool is() const {
        return std::holds_alternative<Kind>(kind_);
    }

    std::variant<std::monostate, Sum, Gradient, GradientAndSum, Prox, ProxStep, Scale, FarScale,
                 Copy>
        kind_;
    kernels::StreamKernel stream_ = nullptr;
};

} // namespace l1l2::core
