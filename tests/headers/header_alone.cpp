/// l1l2.hpp alone, and l1l2_threads.h in C++.
#include <l1l2.hpp>
#include <l1l2_threads.h>

double use_header();

double use_header() {
    const float x[] = {1.0F};
    return l1l2::Regularizer::from_json("\"l1\"")(x);
}

// The types of <stdfloat>, where the compiler has them.
#ifdef __STDCPP_FLOAT16_T__
static_assert(l1l2::dtype_of<std::float16_t>::value == L1L2_FLOAT16);
#endif
#ifdef __STDCPP_BFLOAT16_T__
static_assert(l1l2::dtype_of<std::bfloat16_t>::value == L1L2_BFLOAT16);
#endif
#ifdef __STDCPP_FLOAT32_T__
static_assert(l1l2::dtype_of<std::float32_t>::value == L1L2_FLOAT32);
#endif
#ifdef __STDCPP_FLOAT64_T__
static_assert(l1l2::dtype_of<std::float64_t>::value == L1L2_FLOAT64);
#endif
