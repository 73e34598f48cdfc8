/// The C++ header by itself, and that of the threads in C++.
#include <l1l2.hpp>
#include <l1l2_threads.h>

double use_header();

double use_header() {
    const float x[] = {1.0F};
    return l1l2::Regularizer::from_json("\"l1\"")(x);
}
