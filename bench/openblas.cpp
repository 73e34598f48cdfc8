#include "peers.hpp"

#ifdef L1L2_BENCH_OPENBLAS
#include <cblas.h>
#endif

namespace peers {

#ifdef L1L2_BENCH_OPENBLAS

namespace {

float asum(blasint n, const float* x) {
    return cblas_sasum(n, x, 1);
}
double asum(blasint n, const double* x) {
    return cblas_dasum(n, x, 1);
}
float dot(blasint n, const float* x, const float* y) {
    return cblas_sdot(n, x, 1, y, 1);
}
double dot(blasint n, const double* x, const double* y) {
    return cblas_ddot(n, x, 1, y, 1);
}
void axpy(blasint n, float a, const float* x, float* y) {
    cblas_saxpy(n, a, x, 1, y, 1);
}
void axpy(blasint n, double a, const double* x, double* y) {
    cblas_daxpy(n, a, x, 1, y, 1);
}

template <class T>
double penalty(const Job& job) {
    const auto* const x = static_cast<const T*>(job.x);
    const auto n = static_cast<blasint>(job.n);
    return (job.l1 != 0 ? job.l1 * static_cast<double>(asum(n, x)) : 0.0) +
           (job.l2 != 0 ? job.l2 * static_cast<double>(dot(n, x, x)) : 0.0);
}

/// BLAS has no sign, so a loop writes it down. The buffer is kept from call to call.
template <class T>
double gradient(const Job& job) {
    static std::vector<T> sign;
    const auto* const x = static_cast<const T*>(job.x);
    auto* const y = static_cast<T*>(job.y);
    const auto n = static_cast<blasint>(job.n);
    if (sign.size() < job.n) {
        sign.resize(job.n);
    }
    for (std::size_t i = 0; i < job.n; ++i) {
        sign[i] = static_cast<T>((x[i] > 0) - (x[i] < 0));
    }
    axpy(n, static_cast<T>(job.scale * job.l1), sign.data(), y);
    axpy(n, static_cast<T>(job.scale * 2 * job.l2), x, y);
    return 0.0;
}

template <class T>
double fused(const Job& job) {
    gradient<T>(job);
    return penalty<T>(job);
}

template <class T>
std::vector<Peer> of_type() {
    openblas_set_num_threads(1);
    Peer trained = {"OpenBLAS, two axpy", nullptr, gradient<T>, nullptr, nullptr};
    Peer fused_too = {"OpenBLAS, two axpy, asum + dot", nullptr, nullptr, fused<T>, nullptr};
    // The third array would be too much memory.
    trained.largest = fused_too.largest = std::size_t(64) << 20U;
    return {{"OpenBLAS asum + dot", penalty<T>, nullptr, nullptr, nullptr}, trained, fused_too};
}

} // namespace

std::vector<Peer> openblas(l1l2_dtype dtype) {
    switch (dtype) {
    case L1L2_FLOAT32: return of_type<float>();
    case L1L2_FLOAT64: return of_type<double>();
    default: return {};
    }
}

#else

std::vector<Peer> openblas(l1l2_dtype /*dtype*/) {
    return {};
}

#endif

} // namespace peers
