// What a call costs from C and C++: the median of 31 repetitions, in nanoseconds. languages.sh
// links this with the shared and with the static library.
#include <l1l2.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

namespace {

template <class Call>
double median_ns(Call&& call, int calls = 100000) {
    std::array<double, 31> times;
    for (double& time : times) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; ++i) {
            call();
        }
        const std::chrono::duration<double, std::nano> passed =
            std::chrono::steady_clock::now() - start;
        time = passed.count() / calls;
    }
    std::nth_element(times.begin(), times.begin() + 15, times.end());
    return times[15];
}

void print(const char* language, double empty, double penalty) {
    std::printf("%s: empty call %.1f ns, penalty of 16 elements %.1f ns\n", language, empty,
                penalty);
}

} // namespace

int main() {
    const l1l2::Regularizer regularizer(0.01, 0.02);
    const std::array<float, 16> x = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    double penalty = 0.0;
    const double empty = median_ns(l1l2_version_number);
    print("C", empty, median_ns([&] {
              l1l2_penalty(regularizer.get(), L1L2_FLOAT32, x.data(), x.size(), &penalty);
          }));
    constexpr std::size_t count = 100;
    std::vector<std::vector<float>> tensors(count, {x.begin(), x.end()});
    std::vector<l1l2_term> terms;
    for (std::vector<float>& tensor : tensors) {
        terms.push_back(l1l2::make_term(regularizer, tensor));
    }
    std::array<double, count> penalties;
    const double list = median_ns(
        [&] {
            l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), count, nullptr, nullptr,
                               penalties.data(), &penalty, nullptr);
        },
        1000);
    std::printf("C: list of 100 such tensors %.1f ns each\n", list / count);
    print("C++", empty, median_ns([&] { penalty = regularizer(x); }));
    return penalty > 0.0 ? 0 : 1;
}
