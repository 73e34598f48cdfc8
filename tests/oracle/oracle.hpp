/**
 * Helpers for tests against other libraries: data of several distributions, and the allowed
 * difference of penalties.
 */
#pragma once

#include "training.hpp"

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace oracle {

/// Distributions by name. No square is below the normal range of float32.
struct Distribution {
    const char* name;
    double (*draw)(std::mt19937_64&);
};

inline double gaussian(std::mt19937_64& random) {
    return std::normal_distribution<double>()(random);
}

inline double with_a_sign(std::mt19937_64& random, double magnitude) {
    return random() % 2 == 0 ? magnitude : -magnitude;
}

inline const Distribution distributions[] = {
    {"Gaussian", gaussian},
    {"uniform",
     [](std::mt19937_64& random) { return std::uniform_real_distribution<double>(-1, 1)(random); }},
    {"log-normal",
     [](std::mt19937_64& random) { return with_a_sign(random, std::exp(1.5 * gaussian(random))); }},
    {"sparse",
     [](std::mt19937_64& random) {
         return random() % 10 == 0 ? gaussian(random) : with_a_sign(random, 0.0);
     }},
};

constexpr std::size_t sizes[] = {1,    2,    3,    7,    31,    32,    33,     100,
                                 1000, 4095, 4096, 4097, 12305, 65536, 100003, 1000000};

/// n elements, always the same for the same distribution, n and seed.
template <class T>
std::vector<T> draw(const Distribution& distribution, std::size_t n, unsigned seed) {
    std::mt19937_64 random(seed);
    std::vector<T> elements(n);
    for (T& element : elements) {
        element = static_cast<T>(distribution.draw(random));
    }
    return elements;
}

/// The sums that a peer computes. The formula is computed in double.
struct Sums {
    double absolute;
    double square;
};

/**
 * The allowed difference between a peer's penalty and ours.
 *
 * A sum of nonnegative terms, added in any order, is off by at most gamma(k) times itself, where
 * gamma(k) = k v / (1 - k v), v is the unit roundoff of the peer's arithmetic and k the number of
 * roundings between a term and the result (Higham, Accuracy and Stability of Numerical Algorithms,
 * 2nd ed., lemma 3.1 and section 4.2): n - 1 additions, 1 for a square, 2 for the product with a
 * coefficient and the sum of the two terms. Fused operations round less. With P the true penalty,
 *
 *     |peer - P| <= gamma(n + 2) P,   so   P <= peer / (1 - gamma(n + 2)),
 *     |ours - P| <= 185 * 2^-53 P     (docs/numerics.md).
 */
inline double allowed_difference(double peer, std::size_t n, double unit_roundoff) {
    const double roundings = static_cast<double>(n + 2) * unit_roundoff;
    const double gamma = roundings / (1.0 - roundings);
    return (gamma + 185 * 0x1p-53) * peer / (1.0 - gamma);
}

/// NaN counts as larger than any number.
inline double larger(double a, double b) {
    return std::isnan(a) || a >= b ? a : b;
}

/// The largest difference of our penalty and a peer's for some pairs of coefficients, in units of
/// the allowed difference: above 1, one of the two is wrong.
template <class T>
double difference(const std::vector<T>& x, Sums peer_sums, double unit_roundoff) {
    double largest = 0.0;
    for (const Coefficients c : {Coefficients{1.0, 0.0}, {0.0, 1.0}, training::both}) {
        const double peer = c.l1 * peer_sums.absolute + c.l2 * peer_sums.square;
        const double ours = training::penalty_of(Handle(c).get(), x);
        if (ours != peer) {
            const double allowed = allowed_difference(peer, x.size(), unit_roundoff);
            largest = larger(largest, std::fabs(ours - peer) / allowed);
        }
    }
    return largest;
}

} // namespace oracle
