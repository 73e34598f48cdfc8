/**
 * Calls every function with a pair of tensors.
 */
#pragma once

#include "views.hpp"

#include <array>

namespace tensor_tests {

/// Two tensors of 2 x 3 float32, which a test changes.
class Pair {
  public:
    Pair() { reset(); }

    /// Returns whether all functions that read x refuse it with this status and leave the outputs
    /// unchanged.
    bool x_is_refused(l1l2_status status) { return refused_as(status, x.get(), written.get()); }

    /// Returns whether both functions that write refuse the written tensor and leave it unchanged.
    bool written_is_refused(l1l2_status status) {
        return writing(x.get(), written.get()) == std::array<l1l2_status, 2>{status, status} &&
               nothing_written();
    }

    bool is_accepted() {
        double penalty = untouched;
        const bool accepted =
            l1l2_penalty_dlpack(handle.get(), x.get(), &penalty) == L1L2_OK &&
            l1l2_exact_sums_add_dlpack(exact::Accumulator().data(), x.get()) == L1L2_OK &&
            writing(x.get(), written.get()) == std::array<l1l2_status, 2>{L1L2_OK, L1L2_OK};
        const bool computed = !nothing_written();
        reset();
        return accepted && computed;
    }

    bool refused_as(l1l2_status status, const void* first, const void* second) {
        double penalty = untouched;
        const exact::Accumulator before = exact::sums_of<float>({1.0F, -2.0F});
        exact::Accumulator sums = before;
        return l1l2_penalty_dlpack(handle.get(), first, &penalty) == status &&
               penalty == untouched && l1l2_exact_sums_add_dlpack(sums.data(), first) == status &&
               sums == before && written_alone_is_refused_as(status, first, second);
    }

    bool written_alone_is_refused_as(l1l2_status status, const void* first, const void* second) {
        return writing(first, second) == std::array<l1l2_status, 2>{status, status} &&
               nothing_written();
    }

    const Handle handle{both};
    std::array<float, 64> x_memory = {};
    std::array<float, 64> written_memory = {};
    Tensor x{dl_dtype<float>(), {2, 3}, {3, 1}, x_memory.data() + 16};
    Tensor written{dl_dtype<float>(), {2, 3}, {3, 1}, written_memory.data() + 16};

  private:
    void reset() {
        x_memory.fill(7.0F);
        written_memory.fill(5.0F);
        beside_ = untouched;
    }

    std::array<l1l2_status, 2> writing(const void* first, const void* second) {
        return {l1l2_add_gradient_dlpack(handle.get(), first, 1.0, second, &beside_),
                l1l2_prox_dlpack(handle.get(), first, 1.0, second)};
    }

    bool nothing_written() const {
        std::array<float, 64> sevens = {};
        std::array<float, 64> fives = {};
        sevens.fill(7.0F);
        fives.fill(5.0F);
        return x_memory == sevens && written_memory == fives && beside_ == untouched;
    }

    double beside_ = untouched;
};

} // namespace tensor_tests
