/**
 * The block kernel in plain C++: what runs where no other does, and what the others are tested
 * against. It is written to be seen to be right; compilers vectorise the loop over the lanes.
 */
#include "kernels.hpp"

#include <string.h>

namespace {

using namespace l1l2::kernels;

template <class T>
double element(const char* x, size_t i) {
    T value;
    memcpy(&value, x + i * sizeof(T), sizeof(T)); // x may have any alignment
    return static_cast<double>(value);
}

template <class T, Terms terms>
Sums sum_block(const void* data, size_t n) {
    const char* x = static_cast<const char*>(data);
    double absolute[lanes] = {};
    double square[lanes] = {};
    const auto add_row = [&](size_t row, size_t count) {
        for (size_t lane = 0; lane < count; ++lane) {
            const double value = element<T>(x, row + lane);
            if constexpr (terms != Terms::square) {
                absolute[lane] += __builtin_fabs(value);
            }
            if constexpr (terms != Terms::absolute) {
                square[lane] += value * value;
            }
        }
    };
    const size_t tail = n % lanes;
    for (size_t row = 0; row < n - tail; row += lanes) {
        add_row(row, lanes);
    }
    add_row(n - tail, tail);
    for (size_t half = lanes / 2; half > 0; half /= 2) {
        for (size_t lane = 0; lane < half; ++lane) {
            absolute[lane] += absolute[lane + half];
            square[lane] += square[lane + half];
        }
    }
    return {absolute[0], square[0]};
}

} // namespace

constexpr KernelTable l1l2::kernels::generic = {
    "generic",
    "generic",
    {sum_block<float, Terms::absolute>, sum_block<float, Terms::square>,
     sum_block<float, Terms::both>},
    {sum_block<double, Terms::absolute>, sum_block<double, Terms::square>,
     sum_block<double, Terms::both>}};
