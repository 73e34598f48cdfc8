#include "peers.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef L1L2_BENCH_EIGEN
#include <Eigen/Core>
#endif
#ifdef L1L2_BENCH_OPENBLAS
#include <cblas.h>
#endif

namespace peers {

namespace {

template <std::size_t bytes>
struct Vector {
    typedef std::uint64_t type __attribute__((vector_size(bytes), aligned(1), may_alias));
};

/// Reads `streams` vectors of `width` bytes at a time.
template <std::size_t width, std::size_t streams>
double read(const void* x, std::size_t bytes) {
    using V = typename Vector<width>::type;
    const char* p = static_cast<const char*>(x);
    V seen[streams] = {};
    std::size_t i = 0;
    for (; i + width * streams <= bytes; i += width * streams) {
        for (std::size_t j = 0; j < streams; ++j) {
            seen[j] |= *reinterpret_cast<const V*>(p + i + j * width);
        }
    }
    std::uint64_t all = 0;
    for (const V& v : seen) {
        for (std::size_t j = 0; j < width / 8; ++j) {
            all |= v[j];
        }
    }
    for (; i < bytes; ++i) {
        all |= static_cast<unsigned char>(p[i]);
    }
    return static_cast<double>(all);
}

template <std::size_t width, std::size_t streams>
double read_with_prefetch(const void* x, std::size_t bytes) {
    constexpr std::size_t page = 4096;
    const char* p = static_cast<const char*>(x);
    double seen = 0.0;
    while (bytes >= page) {
        for (std::size_t line = 0; line < page; line += 64) {
            __builtin_prefetch(p + page + line);
        }
        seen += read<width, streams>(p, page);
        p += page;
        bytes -= page;
    }
    return seen + read<width, streams>(p, bytes);
}

template <class T, class Sum>
double plain_loop(const T* x, std::size_t n, T l1, T l2) {
    Sum absolute = 0;
    Sum square = 0;
    if (l1 != 0 && l2 != 0) {
        for (std::size_t i = 0; i < n; ++i) {
            const Sum value = x[i];
            absolute += std::fabs(value);
            square += value * value;
        }
    } else if (l1 != 0) {
        for (std::size_t i = 0; i < n; ++i) {
            absolute += std::fabs(static_cast<Sum>(x[i]));
        }
    } else {
        for (std::size_t i = 0; i < n; ++i) {
            square += static_cast<Sum>(x[i]) * static_cast<Sum>(x[i]);
        }
    }
    return static_cast<double>(l1 * absolute + l2 * square);
}

#ifdef L1L2_BENCH_EIGEN
template <class T>
auto eigen_array(const T* x, std::size_t n) {
    return Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(x, static_cast<Eigen::Index>(n));
}

/// As one writes it: an expression for each term, two passes.
template <class T>
double eigen_two(const T* x, std::size_t n, T l1, T l2) {
    const auto a = eigen_array(x, n);
    T penalty = 0;
    if (l1 != 0) {
        penalty += l1 * a.abs().sum();
    }
    if (l2 != 0) {
        penalty += l2 * a.square().sum();
    }
    return penalty;
}

/// Both terms in one expression and one pass, in Sum's arithmetic.
template <class T, class Sum>
double eigen_fused(const T* x, std::size_t n, T l1, T l2) {
    const auto a = eigen_array(x, n).template cast<Sum>();
    if (l1 != 0 && l2 != 0) {
        return (static_cast<Sum>(l1) * a.abs() + static_cast<Sum>(l2) * a.square()).sum();
    }
    return l1 != 0 ? l1 * a.abs().sum() : l2 * a.square().sum();
}
#endif

#ifdef L1L2_BENCH_OPENBLAS
double openblas(const float* x, std::size_t n, float l1, float l2) {
    const auto size = static_cast<blasint>(n);
    return (l1 != 0 ? l1 * cblas_sasum(size, x, 1) : 0.0F) +
           (l2 != 0 ? l2 * cblas_sdot(size, x, 1, x, 1) : 0.0F);
}
double openblas(const double* x, std::size_t n, double l1, double l2) {
    const auto size = static_cast<blasint>(n);
    return (l1 != 0 ? l1 * cblas_dasum(size, x, 1) : 0.0) +
           (l2 != 0 ? l2 * cblas_ddot(size, x, 1, x, 1) : 0.0);
}
#endif

template <class T>
std::vector<Peer<T>> make_peers() {
    std::vector<Peer<T>> peers;
#ifdef L1L2_BENCH_OPENBLAS
    openblas_set_num_threads(1);
    peers.push_back({"OpenBLAS asum + dot", openblas});
#endif
#ifdef L1L2_BENCH_EIGEN
    peers.push_back({"Eigen, two expressions", eigen_two<T>});
    peers.push_back({"Eigen, one expression", eigen_fused<T, T>});
    if (sizeof(T) < sizeof(double)) {
        peers.push_back({"Eigen, one expression in double", eigen_fused<T, double>});
    }
#endif
    peers.push_back({"plain loop", plain_loop<T, T>});
    if (sizeof(T) < sizeof(double)) {
        peers.push_back({"plain loop in double", plain_loop<T, double>});
    }
    return peers;
}

} // namespace

const std::vector<ReadLoop>& read_loops() {
    static const std::vector<ReadLoop> loops = {
        {"read 64 x 1", read<64, 1>},
        {"read 64 x 4", read<64, 4>},
        {"read 32 x 2", read<32, 2>},
        {"read 32 x 8", read<32, 8>},
        {"read 64 x 4, prefetch", read_with_prefetch<64, 4>},
    };
    return loops;
}

template <class T>
const std::vector<Peer<T>>& all() {
    static const std::vector<Peer<T>> peers = make_peers<T>();
    return peers;
}
template const std::vector<Peer<float>>& all<float>();
template const std::vector<Peer<double>>& all<double>();

} // namespace peers
