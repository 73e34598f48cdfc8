/// Proximal operators of arrays: the bits that l1l2.h specifies, exact zeros, every status.
#include "catch.hpp"
#include "training.hpp"

using namespace training;

namespace {

constexpr double steps[] = {1.0, 0.0, -0.0, 0.1, 1e-3, 40.0, 1e5, 1e-30, 5e-324};

/// Returns "" if a call does what l1l2.h says, in place or not.
template <class T>
std::string mistake(Coefficients c, double step, const std::vector<T>& x, std::size_t x_offset = 0,
                    std::size_t out_offset = 0) {
    const Handle handle(c);
    const std::vector<T> expected = specified_prox(c, x, step);
    for (const bool in_place : {false, true}) {
        Placed<T> placed_x(x, x_offset);
        Placed<T> placed_out(std::vector<T>(x.size(), from_bits<T>(0x5555)), out_offset);
        Placed<T>& written = in_place ? placed_x : placed_out;
        std::ostringstream text;
        text << "l1 = " << c.l1 << ", l2 = " << c.l2 << ", step = " << step << ", n = " << x.size()
             << (in_place ? ", in place: " : ": ");
        const l1l2_status status = l1l2_prox(handle.get(), Format<T>::dtype, placed_x.data(),
                                             x.size(), step, written.data());
        if (status != L1L2_OK) {
            return text.str() + "status " + std::to_string(status);
        }
        const std::string different = difference(written.values(), expected);
        if (!different.empty()) {
            return text.str() + different;
        }
        if (!placed_out.surroundings_intact() || !placed_x.surroundings_intact()) {
            return text.str() + "bytes beside an array were written";
        }
        if (!in_place && !difference(placed_x.values(), x).empty()) {
            return text.str() + "x was written";
        }
    }
    return "";
}

template <class T>
std::vector<T> prox_of(Coefficients c, double step, const std::vector<T>& x) {
    const Handle handle(c);
    std::vector<T> out(x.size());
    REQUIRE(l1l2_prox(handle.get(), Format<T>::dtype, x.data(), x.size(), step, out.data()) ==
            L1L2_OK);
    return out;
}

template <class T>
l1l2_status status_of_step(Coefficients c, double step) {
    const Handle handle(c);
    const std::vector<T> x = elements<T>({1, -2, 0});
    std::vector<T> out = elements<T>({10, 20, 30});
    const std::vector<T> before = out;
    const l1l2_status status =
        l1l2_prox(handle.get(), Format<T>::dtype, x.data(), x.size(), step, out.data());
    if (status != L1L2_OK) {
        CHECK(difference(out, before) == "");
    }
    return status;
}

} // namespace

TEMPLATE_TEST_CASE("prox shrinks by step l1 and divides by 1 + 2 step l2", "[prox][bits]", Float16,
                   Bfloat16, float, double) {
    const std::vector<TestType> x = elements<TestType>({1, -2, 0.5, 8.5, -0.25});
    CHECK(difference(prox_of({1.0, 1.0}, 0.5, x), elements<TestType>({0.25, -0.75, 0, 4, -0.0})) ==
          "");
    CHECK(difference(prox_of({1.0, 0.0}, 0.5, x), elements<TestType>({0.5, -1.5, 0, 8, -0.0})) ==
          "");
    CHECK(difference(prox_of({0.0, 1.5}, 1.0, x),
                     elements<TestType>({0.25, -0.5, 0.125, 2.125, -0.0625})) == "");
}

TEMPLATE_TEST_CASE("prox has the specified bits at every size, address and step, in place or not",
                   "[prox][bits]", Float16, Bfloat16, float, double) {
    for (const std::size_t n : telling_sizes()) {
        const std::vector<TestType> x = rough_elements<TestType>(n, static_cast<unsigned>(n));
        for (const Coefficients c : {l1_only, l2_only, both, neither}) {
            for (const double step : steps) {
                const std::string found = mistake(c, step, x, 7 * n, 13 * n + 5);
                if (!found.empty()) {
                    FAIL(found);
                }
            }
        }
    }
    SUCCEED("all sizes");
}

TEMPLATE_TEST_CASE("the address changes no bit of a prox", "[prox][bits]", Float16, Bfloat16, float,
                   double) {
    for (const std::size_t n : {std::size_t{3}, std::size_t{77}, std::size_t{4096 + 35}}) {
        const std::vector<TestType> x = rough_elements<TestType>(n, 3);
        for (std::size_t offset = 0; offset < 64; ++offset) {
            const std::string found = mistake(both, 1.0, x, offset, (offset * 5) % 64);
            if (!found.empty()) {
                FAIL(found << ", offset " << offset);
            }
        }
    }
    SUCCEED("all offsets");
}

TEMPLATE_TEST_CASE("prox has the specified bits for every special value", "[prox][bits]", Float16,
                   Bfloat16, float, double) {
    const std::vector<TestType> special = special_values<TestType>();
    for (const Coefficients c : {l1_only, l2_only, both, neither, Coefficients{1.0, 0.5},
                                 Coefficients{5e-324, 5e-324}, Coefficients{1e30, 1e30}}) {
        for (const double step : steps) {
            CHECK(mistake(c, step, special) == "");
        }
    }
}

TEMPLATE_TEST_CASE("every value of a narrow type has the specified prox", "[prox][bits]", Float16,
                   Bfloat16) {
    const std::vector<TestType> all = all_values<TestType>();
    for (const Coefficients c : {l1_only, l2_only, both, neither, Coefficients{100.0, 1e-6}}) {
        for (const double step : {1.0, 0.1, 1e-3, 77.0, 1e-6}) {
            CHECK(mistake(c, step, all) == "");
        }
    }
}

TEMPLATE_TEST_CASE(
    "an element of at most step l1 becomes a zero of its sign, the next larger one does not",
    "[prox][bits]", Float16, Bfloat16, float, double) {
    using F = Format<TestType>;
    const Coefficients c = {0.5, 0.0};
    const TestType threshold = nearest<TestType>(0.25);
    const TestType above = from_bits<TestType>(to_bits(threshold) + 1);
    const TestType below = from_bits<TestType>(to_bits(threshold) - 1);
    const auto prox_bits = [&](std::uint64_t sign, TestType x) {
        return to_bits(
            prox_of(c, 0.5, std::vector<TestType>{from_bits<TestType>(to_bits(x) | sign)})[0]);
    };
    for (const std::uint64_t sign : {std::uint64_t{0}, std::uint64_t{F::sign}}) {
        CHECK(prox_bits(sign, threshold) == sign);
        CHECK(prox_bits(sign, below) == sign);
        CHECK(prox_bits(sign, from_bits<TestType>(1)) == sign);
        CHECK(prox_bits(sign, from_bits<TestType>(0)) == sign);
        // The difference of the two, which every type can represent.
        const TestType rest =
            nearest<TestType>(static_cast<typename F::Arithmetic>(value_of(above) - 0.25));
        CHECK(prox_bits(sign, above) == (to_bits(rest) | sign));
        CHECK(to_bits(rest) != 0);
    }
}

TEMPLATE_TEST_CASE("the threshold in double decides which elements become 0, for every type",
                   "[prox][bits]", Float16, Bfloat16, float, double) {
    // In every type but float64 the product of 0.1 and a step below lies between two numbers, some
    // above the nearest one and some below it.
    for (const double step : {0.3, 0.7, 1.1, 1.3, 1.9, 2.3}) {
        const Coefficients c = {0.1, 0.0};
        const double threshold = step * c.l1;
        const TestType near =
            nearest<TestType>(static_cast<typename Format<TestType>::Arithmetic>(threshold));
        for (int i = -2; i <= 2; ++i) {
            const TestType x = from_bits<TestType>(
                static_cast<std::uint64_t>(static_cast<std::int64_t>(to_bits(near)) + i));
            INFO("step " << step << ", " << i << " after the nearest");
            const bool zero = to_bits(prox_of(c, step, std::vector<TestType>{x})[0]) == 0;
            CHECK(zero == (static_cast<double>(value_of(x)) <= threshold));
        }
    }
}

TEMPLATE_TEST_CASE("a prox is within half an ulp and three roundings, in double four", "[prox]",
                   Float16, Bfloat16, float, double) {
    const Coefficients c = {0.1, 0.3};
    const double step = 0.7;
    const double threshold = step * c.l1; // in double, as l1l2.h says
    const std::vector<TestType> x = ordinary_elements<TestType>(100000, 25);
    const std::vector<TestType> out = prox_of(c, step, x);
    // In float32 two subtractions and the factor; in float64 one subtraction, and three for the
    // factor, which is computed in double.
    constexpr long double roundings =
        (std::is_same_v<TestType, double> ? 4 : 3) * unit_roundoff<TestType>;
    long double worst = 0.0L;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double result = std::fabs(value_of(out[i]));
        const long double above = static_cast<long double>(std::fabs(value_of(x[i]))) - threshold;
        const long double exact = above > 0 ? above / (1.0L + 2.0L * step * c.l2) : 0.0L;
        if (exact == 0.0L) {
            CHECK(result == 0.0L);
        } else {
            const long double allowed = half_a_unit<TestType>(exact) + roundings * exact;
            worst = std::max(worst, std::fabs(result - exact) / allowed);
        }
    }
    CHECK(worst <= 1.0L);
    CHECK(worst > 0.4L);
}

TEMPLATE_TEST_CASE("a prox keeps the sign of x and infinities, and a NaN becomes the canonical one",
                   "[prox][bits]", Float16, Bfloat16, float, double) {
    using F = Format<TestType>;
    const std::vector<TestType> x = rough_elements<TestType>(5000, 3);
    for (const Coefficients c : {l1_only, l2_only, both, neither, Coefficients{3.0, 1e30}}) {
        const std::vector<TestType> out = prox_of(c, 0.7, x);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const bool same_sign = ((to_bits(x[i]) ^ to_bits(out[i])) & F::sign) == 0;
            const bool stays =
                (to_bits(x[i]) & ~F::sign) != F::infinity || to_bits(out[i]) == to_bits(x[i]);
            if (is_nan(x[i]) ? to_bits(out[i]) != F::quiet_nan : !same_sign || !stays) {
                FAIL("element " << i << ", pattern " << +to_bits(x[i]));
            }
        }
    }
    SUCCEED("all elements");
}

TEMPLATE_TEST_CASE("a step of 0 of either sign changes nothing but the bits of NaNs",
                   "[prox][bits]", Float16, Bfloat16, float, double) {
    const std::vector<TestType> x = rough_elements<TestType>(5000, 3);
    std::vector<TestType> expected = x;
    for (TestType& value : expected) {
        value = is_nan(value) ? from_bits<TestType>(Format<TestType>::quiet_nan) : value;
    }
    for (const Coefficients c : {l1_only, l2_only, both, neither, Coefficients{largest, largest}}) {
        CHECK(difference(prox_of(c, 0.0, x), expected) == "");
        CHECK(difference(prox_of(c, -0.0, x), expected) == "");
    }
}

TEST_CASE("prox minimizes penalty(u) + |u - x|^2 / (2 step)", "[prox]") {
    for (const Coefficients c :
         {Coefficients{0.3, 0.7}, Coefficients{0.3, 0.0}, Coefficients{0.0, 0.7}}) {
        for (const double step : {0.01, 0.5, 3.0}) {
            const std::vector<double> x = ordinary_elements<double>(100, 5, -4, 3);
            const std::vector<double> out = prox_of(c, step, x);
            for (std::size_t i = 0; i < x.size(); ++i) {
                const auto objective = [&](long double u) {
                    const long double distance = u - static_cast<long double>(x[i]);
                    return c.l1 * std::fabs(u) + c.l2 * u * u + distance * distance / (2 * step);
                };
                const long double least = objective(out[i]);
                bool minimal = least <= objective(0.0L);
                for (const long double h : {1.0L, 1e-1L, 1e-3L, 1e-6L}) {
                    minimal =
                        minimal && least < objective(out[i] + h) && least < objective(out[i] - h);
                }
                INFO("l1 = " << c.l1 << ", l2 = " << c.l2 << ", step = " << step
                             << ", x = " << x[i]);
                CHECK(minimal);
            }
        }
    }
}

TEST_CASE("l1l2_prox reports what is wrong and writes nothing", "[prox]") {
    const Handle handle;
    const Handle zero(neither);
    const double x[] = {1.0, -2.0};
    double out[] = {10.0, 20.0};
    for (const Handle* regularizer : {&handle, &zero}) {
        const auto status = [&](l1l2_dtype dtype, const void* data, std::size_t n, void* output) {
            return l1l2_prox(regularizer->get(), dtype, data, n, 1.0, output);
        };
        for (const l1l2_dtype dtype : {0, -1, 5, INT32_MAX, INT32_MIN}) {
            CHECK(status(dtype, x, 2, out) == L1L2_ERROR_UNSUPPORTED_DTYPE);
            CHECK(status(dtype, x, 0, out) == L1L2_ERROR_UNSUPPORTED_DTYPE);
        }
        for (const l1l2_dtype dtype : {L1L2_FLOAT16, L1L2_BFLOAT16, L1L2_FLOAT32, L1L2_FLOAT64}) {
            const std::size_t size = dtype == L1L2_FLOAT64 ? 8 : dtype == L1L2_FLOAT32 ? 4 : 2;
            CHECK(status(dtype, nullptr, 1, out) == L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(status(dtype, x, 1, nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(status(dtype, x, PTRDIFF_MAX / size + 1, out) == L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(status(dtype, x, SIZE_MAX, out) == L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(l1l2_prox(nullptr, dtype, x, 1, 1.0, out) == L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(l1l2_prox(nullptr, dtype, nullptr, 0, 1.0, nullptr) ==
                  L1L2_ERROR_INVALID_ARGUMENT);
        }
    }
    CHECK(out[0] == 10.0);
    CHECK(out[1] == 20.0);
}

TEMPLATE_TEST_CASE("without elements no prox is written", "[prox]", Float16, Bfloat16, float,
                   double) {
    const Handle handle;
    TestType elements_of_other[] = {from_bits<TestType>(Format<TestType>::one),
                                    from_bits<TestType>(Format<TestType>::one)};
    CHECK(l1l2_prox(handle.get(), Format<TestType>::dtype, nullptr, 0, 1.0, nullptr) == L1L2_OK);
    // Arrays without elements overlap nothing.
    CHECK(l1l2_prox(handle.get(), Format<TestType>::dtype, elements_of_other, 0, 1.0,
                    reinterpret_cast<unsigned char*>(elements_of_other) + 1) == L1L2_OK);
    CHECK(to_bits(elements_of_other[0]) == Format<TestType>::one);
    CHECK(to_bits(elements_of_other[1]) == Format<TestType>::one);
}

TEMPLATE_TEST_CASE("out may be x, but must not overlap it otherwise", "[prox]", Float16, Bfloat16,
                   float, double) {
    const std::size_t n = 9;
    const std::size_t bytes = n * sizeof(TestType);
    const std::vector<TestType> x = ordinary_elements<TestType>(n, 1);
    std::vector<unsigned char> memory(4 * bytes, 0x3c);
    std::memcpy(memory.data() + bytes, x.data(), bytes);
    const std::vector<unsigned char> before = memory;
    for (const Coefficients c : {both, neither}) {
        const Handle handle(c);
        for (std::size_t at = 0; at <= 2 * bytes; ++at) {
            memory = before;
            const l1l2_status status = l1l2_prox(handle.get(), Format<TestType>::dtype,
                                                 memory.data() + bytes, n, 1.0, memory.data() + at);
            INFO("of " << bytes << " bytes each, x begins at " << bytes << ", out at " << at);
            if (at == 0 || at == bytes || at == 2 * bytes) {
                CHECK(status == L1L2_OK);
                std::vector<TestType> out(n);
                std::copy_n(memory.data() + at, bytes,
                            reinterpret_cast<unsigned char*>(out.data()));
                CHECK(difference(out, specified_prox(c, x, 1.0)) == "");
            } else {
                CHECK(status == L1L2_ERROR_OVERLAP);
                CHECK(memory == before);
            }
        }
    }
}

TEMPLATE_TEST_CASE("a step that is negative or not finite is refused, whatever the coefficients",
                   "[prox]", Float16, Bfloat16, float, double) {
    for (const Coefficients c : {l1_only, l2_only, both, neither}) {
        for (const double step :
             {-1.0, -5e-324, -infinity, infinity, not_a_number, -not_a_number}) {
            CHECK(status_of_step<TestType>(c, step) == L1L2_ERROR_INVALID_STEP);
        }
        CHECK(status_of_step<TestType>(c, 5e-324) == L1L2_OK);
        CHECK(l1l2_prox(Handle(c).get(), Format<TestType>::dtype, nullptr, 0, -1.0, nullptr) ==
              L1L2_ERROR_INVALID_STEP);
    }
    CHECK(status_of_step<TestType>(neither, largest) == L1L2_OK);
}

TEST_CASE("a step whose products overflow double is refused", "[prox]") {
    CHECK(status_of_step<double>({1e200, 0.0}, 1e200) == L1L2_ERROR_INVALID_STEP);
    CHECK(status_of_step<double>({0.0, 1e200}, 1e200) == L1L2_ERROR_INVALID_STEP);
    CHECK(status_of_step<double>({1.0, 1e200}, 1e200) == L1L2_ERROR_INVALID_STEP);
    CHECK(status_of_step<double>({0.0, 1.0}, 0x1p1023) == L1L2_ERROR_INVALID_STEP);
    CHECK(status_of_step<double>({0.0, 1.0}, 0x1p1022) == L1L2_OK);
    CHECK(status_of_step<double>({1.0, 0.0}, largest) == L1L2_OK);
    CHECK(status_of_step<double>({1e20, 1e20}, 1e30) == L1L2_OK);
}

TEMPLATE_TEST_CASE("a step whose products overflow float32 is refused", "[prox]", Float16, Bfloat16,
                   float) {
    CHECK(status_of_step<TestType>({1e20, 0.0}, 1e20) == L1L2_ERROR_INVALID_STEP);
    CHECK(status_of_step<TestType>({0.0, 1e20}, 1e20) == L1L2_ERROR_INVALID_STEP);
    CHECK(status_of_step<TestType>({1.0, 1e20}, 1e20) == L1L2_ERROR_INVALID_STEP);
    CHECK(status_of_step<TestType>({1.0, 0.0}, 0x1.fffffefffffffp127) == L1L2_OK);
    CHECK(status_of_step<TestType>({1.0, 0.0}, 0x1.ffffffp127) == L1L2_ERROR_INVALID_STEP);
    CHECK(status_of_step<TestType>({0.0, 1.0}, 1e38) == L1L2_OK);
    CHECK(status_of_step<TestType>({0.0, 1.0}, 0x1p128) == L1L2_ERROR_INVALID_STEP);
}

TEMPLATE_TEST_CASE("no byte beyond x and out is touched", "[prox][bits]", Float16, Bfloat16, float,
                   double) {
    const GuardedPages x_pages;
    const GuardedPages out_pages;
    const Handle handle(both);
    const std::size_t most = x_pages.size() / sizeof(TestType);
    const std::vector<TestType> all_x = ordinary_elements<TestType>(most, 1);
    for (std::size_t n = 0; n <= most; n += n < 140 ? 1 : 97) {
        const std::vector<TestType> x(all_x.begin(),
                                      all_x.begin() + static_cast<std::ptrdiff_t>(n));
        const std::vector<TestType> expected = specified_prox(both, x, 1.0);
        const std::size_t bytes = n * sizeof(TestType);
        for (const bool at_end : {true, false}) {
            unsigned char* const at_x = at_end ? x_pages.end() - bytes : x_pages.begin();
            unsigned char* const at_out = at_end ? out_pages.end() - bytes : out_pages.begin();
            for (unsigned char* const at : {at_out, at_x}) {
                std::copy_n(reinterpret_cast<const unsigned char*>(x.data()), bytes, at_x);
                l1l2_prox(handle.get(), Format<TestType>::dtype, at_x, n, 1.0, at);
                std::vector<TestType> out(n);
                std::copy_n(at, bytes, reinterpret_cast<unsigned char*>(out.data()));
                const std::string different = difference(out, expected);
                if (!different.empty()) {
                    FAIL("n = " << n << ": " << different);
                }
            }
        }
    }
    SUCCEED("all sizes"); // a byte too far would have crashed
}

TEMPLATE_TEST_CASE("the floating-point environment changes no prox", "[prox]", Float16, Bfloat16,
                   float, double) {
    std::vector<TestType> x = subnormal_elements<TestType>(5000, 1);
    const std::vector<TestType> rough = rough_elements<TestType>(5000, 1);
    x.insert(x.end(), rough.begin(), rough.end());
    for (const Coefficients c : small_coefficients<TestType>()) {
        INFO("l1 = " << c.l1 << ", l2 = " << c.l2);
        const Handle handle(c);
        const auto compute = [&] {
            std::vector<TestType> out(x.size());
            l1l2_prox(handle.get(), Format<TestType>::dtype, x.data(), x.size(), 0.7, out.data());
            return out;
        };
        const std::vector<TestType> expected = compute();
        CHECK(difference(expected, x) != "");
        std::vector<std::vector<TestType>> results;
        CHECK(in_hostile_environments([&] { results.push_back(compute()); }));
        for (const std::vector<TestType>& result : results) {
            CHECK(difference(result, expected) == "");
        }
    }
}

TEST_CASE("which steps are refused does not depend on the floating-point environment", "[prox]") {
    // Rounded upwards, the first would be infinite in float32; rounded towards zero, the second
    // would not.
    const Handle handle({1.0, 0.0});
    const float x = 1.0F;
    float out = 0.0F;
    std::vector<l1l2_status> statuses;
    CHECK(in_hostile_environments([&] {
        for (const double step : {0x1.fffffefffffffp127, 0x1.ffffffp127}) {
            statuses.push_back(l1l2_prox(handle.get(), L1L2_FLOAT32, &x, 1, step, &out));
        }
    }));
    for (std::size_t i = 0; i < statuses.size(); i += 2) {
        CHECK(statuses[i] == L1L2_OK);
        CHECK(statuses[i + 1] == L1L2_ERROR_INVALID_STEP);
    }
}
