#include "peers.hpp"

#ifdef L1L2_BENCH_EIGEN
#include <Eigen/Core>
#endif

namespace peers {

#ifdef L1L2_BENCH_EIGEN

namespace {

template <class T>
using Array = Eigen::Array<T, Eigen::Dynamic, 1>;

template <class T>
auto x_of(const Job& job) {
    return Eigen::Map<const Array<T>>(static_cast<const T*>(job.x),
                                      static_cast<Eigen::Index>(job.n));
}
template <class T>
auto y_of(const Job& job) {
    return Eigen::Map<Array<T>>(static_cast<T*>(job.y), static_cast<Eigen::Index>(job.n));
}

/// As one writes it: an expression for each term, two passes.
template <class T>
double two_expressions(const Job& job) {
    const auto x = x_of<T>(job);
    T penalty(0);
    if (job.l1 != 0) {
        penalty += static_cast<T>(job.l1) * x.abs().sum();
    }
    if (job.l2 != 0) {
        penalty += static_cast<T>(job.l2) * x.square().sum();
    }
    return static_cast<double>(penalty);
}

/// One expression and one pass for each of penalty, gradient and prox, in Sum's arithmetic.
template <class T, class Sum>
struct OneExpression {
    static double penalty(const Job& job) {
        const auto x = x_of<T>(job).template cast<Sum>();
        const Sum l1(static_cast<Sum>(job.l1));
        const Sum l2(static_cast<Sum>(job.l2));
        if (job.l1 != 0 && job.l2 != 0) {
            return static_cast<double>((l1 * x.abs() + l2 * x.square()).sum());
        }
        return static_cast<double>(job.l1 != 0 ? l1 * x.abs().sum() : l2 * x.square().sum());
    }

    static double gradient(const Job& job) {
        const auto x = x_of<T>(job).template cast<Sum>();
        auto y = y_of<T>(job);
        const Sum scale(static_cast<Sum>(job.scale));
        const Sum l1(static_cast<Sum>(job.l1));
        const Sum twice_l2(static_cast<Sum>(2 * job.l2));
        y = (y.template cast<Sum>() + scale * (l1 * x.sign() + twice_l2 * x)).template cast<T>();
        return 0.0;
    }

    static double fused(const Job& job) {
        gradient(job);
        return penalty(job);
    }

    static double prox(const Job& job) {
        const auto x = x_of<T>(job).template cast<Sum>();
        const Sum threshold(static_cast<Sum>(prox_step * job.l1));
        const Sum factor(static_cast<Sum>(1 / (1 + 2 * prox_step * job.l2)));
        y_of<T>(job) = (x.sign() * (x.abs() - threshold).max(Sum(0)) * factor).template cast<T>();
        return 0.0;
    }

    /// The same without sign, which Eigen does not vectorise.
    static double clipped_prox(const Job& job) {
        const auto x = x_of<T>(job).template cast<Sum>();
        const Sum threshold(static_cast<Sum>(prox_step * job.l1));
        const Sum factor(static_cast<Sum>(1 / (1 + 2 * prox_step * job.l2)));
        y_of<T>(job) = ((x - x.min(threshold).max(-threshold)) * factor).template cast<T>();
        return 0.0;
    }

    static double step(const Job& job) {
        const Sum size(static_cast<Sum>(prox_step));
        auto y = y_of<T>(job);
        y = (y.template cast<Sum>() - size * x_of<T>(job).template cast<Sum>()).template cast<T>();
        Job second = job;
        second.x = job.y;
        return clipped_prox(second);
    }

    static Peer peer(const char* name) { return {name, penalty, gradient, fused, prox}; }
    static Peer clipping_peer(const char* name) {
        return {name, nullptr, nullptr, nullptr, clipped_prox, step};
    }
};

/// Arithmetic in a type of 16 bits is emulated, and so slow that large arrays tell nothing more.
template <class T>
std::vector<Peer> of_half() {
    constexpr std::size_t largest = std::size_t(4) << 20U;
    Peer two = {"Eigen, two expressions", two_expressions<T>, nullptr, nullptr, nullptr};
    Peer one = OneExpression<T, T>::peer("Eigen, one expression");
    two.largest = largest;
    one.largest = largest;
    return {two, one, OneExpression<T, float>::peer("Eigen, one expression in float"),
            OneExpression<T, float>::clipping_peer("Eigen, by clipping in float")};
}

} // namespace

std::vector<Peer> eigen(l1l2_dtype dtype) {
    switch (dtype) {
    case L1L2_FLOAT32:
        return {{"Eigen, two expressions", two_expressions<float>, nullptr, nullptr, nullptr},
                OneExpression<float, float>::peer("Eigen, one expression"),
                OneExpression<float, double>::peer("Eigen, one expression in double"),
                OneExpression<float, float>::clipping_peer("Eigen, by clipping"),
                OneExpression<float, double>::clipping_peer("Eigen, by clipping in double")};
    case L1L2_FLOAT64:
        return {{"Eigen, two expressions", two_expressions<double>, nullptr, nullptr, nullptr},
                OneExpression<double, double>::peer("Eigen, one expression"),
                OneExpression<double, double>::clipping_peer("Eigen, by clipping")};
    case L1L2_FLOAT16: return of_half<Eigen::half>();
    case L1L2_BFLOAT16: return of_half<Eigen::bfloat16>();
    default: return {};
    }
}

#else

std::vector<Peer> eigen(l1l2_dtype /*dtype*/) {
    return {};
}

#endif

} // namespace peers
