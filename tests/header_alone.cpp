/// The C++ header by itself.
#include <l1l2.hpp>

double use_header();

double use_header() {
    const float x[] = {1.0F};
    return l1l2::Regularizer::from_json("\"l1\"")(x);
}
