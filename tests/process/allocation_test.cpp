/**
 * What the library allocates, what it does without memory, and how much stack it needs. This
 * program replaces malloc for itself and for the shared library with its own C++ runtime.
 */
#include "catch.hpp"
#include "failing_malloc.hpp"
#include "l1l2.hpp"
#include "training.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <pthread.h>

#ifdef L1L2_HAS_DLPACK
#include <dlpack/dlpack.h>
#endif

using failing_malloc::allocations;
using failing_malloc::balance;
using failing_malloc::mistake_without_memory;
using failing_malloc::Watch;

namespace {

/// All compute functions, for all types and sizes that are no multiples of a register or a block,
/// alone and in tasks.
class Computation {
  public:
    Computation() {
        std::size_t used = 0; // of each array, in doubles; no two terms write to the same place
        for (const l1l2_dtype dtype : dtypes) {
            for (const std::size_t n : sizes) {
                l1l2_term term = {};
                term.regularizer = handle_.get();
                term.dtype = dtype;
                term.n = n;
                term.x = x_.data();
                term.gradient = gradient_.data() + used;
                term.out = out_.data() + used;
                term.steps = ones_.data();
                terms_.push_back(term);
                used += n;
            }
        }
        penalties_.resize(terms_.size());
        alike_.resize(70);
        for (l1l2_term& term : alike_) {
            term.regularizer = handle_.get();
            term.x = x_.data();
            term.n = 77;
        }
    }

    /// Returns whether all calls succeeded.
    bool run() {
        bool well = true;
        for (const l1l2_term& term : terms_) {
            well = well && array(term) && exact_sums(term);
        }
        return well && in_terms(nullptr) && in_terms(run_in_a_row) && alike_terms();
    }

#ifdef L1L2_HAS_DLPACK
    /// The same for tensors of any strides.
    bool run_tensors() {
        bool well = true;
        for (const l1l2_dtype dtype : dtypes) {
            const unsigned bits = dtype == L1L2_FLOAT64 ? 64 : dtype == L1L2_FLOAT32 ? 32 : 16;
            std::int64_t shape[] = {50, 3, 70};
            std::int64_t strides[] = {-400, 1, 4};
            std::int64_t other_strides[] = {1, 50, 200};
            DLTensor x = {};
            x.data = x_.data();
            x.device = {kDLCPU, 0};
            x.ndim = 3;
            x.dtype = {static_cast<std::uint8_t>(dtype == L1L2_BFLOAT16 ? kDLBfloat : kDLFloat),
                       static_cast<std::uint8_t>(bits), 1};
            x.shape = shape;
            x.strides = strides;
            x.byte_offset = 49U * 400U * bits / 8U;
            DLTensor written = x;
            written.data = gradient_.data();
            written.strides = other_strides;
            written.byte_offset = 0;
            DLTensor ones = x;
            ones.data = ones_.data();
            double penalty = 0.0;
            std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
            well =
                well && l1l2_exact_sums_add_dlpack(sums, &x) == L1L2_OK &&
                l1l2_exact_sums_add_dlpack(sums, &ones) == L1L2_OK &&
                l1l2_penalty_dlpack(handle_.get(), &x, &penalty) == L1L2_OK &&
                l1l2_add_gradient_dlpack(handle_.get(), &x, 1.0, &written, &penalty) == L1L2_OK &&
                l1l2_prox_dlpack(handle_.get(), &x, 1.0, &written) == L1L2_OK &&
                l1l2_prox_dlpack(handle_.get(), &x, 1.0, &x) == L1L2_OK && steps(x, written);
        }
        return well;
    }
#endif

  private:
    static constexpr l1l2_dtype dtypes[] = {L1L2_FLOAT16, L1L2_BFLOAT16, L1L2_FLOAT32,
                                            L1L2_FLOAT64};

    static constexpr std::size_t sizes[] = {0, 1, 77, 4096, 50003};
    static constexpr std::size_t room = 4 * (1 + 77 + 4096 + 50003);

#ifdef L1L2_HAS_DLPACK
    /// A step of four tensors, of which each is gathered.
    bool steps(const DLTensor& x, const DLTensor& out) {
        DLTensor gradient = x;
        gradient.data = ones_.data();
        std::int64_t strides[] = {1, 50, 200};
        DLTensor steps = gradient;
        steps.dtype = {kDLFloat, static_cast<std::uint8_t>(x.dtype.bits == 64 ? 64 : 32), 1};
        steps.strides = strides;
        steps.byte_offset = 0;
        return l1l2_prox_step_dlpack(handle_.get(), &x, &gradient, 1.0, &steps, &out) == L1L2_OK;
    }
#endif

    bool array(const l1l2_term& term) {
        double penalty = 0.0;
        return l1l2_penalty(handle_.get(), term.dtype, term.x, term.n, &penalty) == L1L2_OK &&
               l1l2_add_gradient(handle_.get(), term.dtype, term.x, term.n, 1.0, term.gradient,
                                 &penalty) == L1L2_OK &&
               l1l2_prox(handle_.get(), term.dtype, term.x, term.n, 1.0, term.out) == L1L2_OK &&
               l1l2_prox_step(handle_.get(), term.dtype, term.x, term.n, term.gradient, 1.0,
                              ones_.data(), term.out) == L1L2_OK;
    }

    /// Exact sums of the elements, and of others that take another path of the kernels.
    bool exact_sums(const l1l2_term& term) {
        bool well = true;
        for (const void* const x : {term.x, static_cast<const void*>(ones_.data())}) {
            std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
            const std::int64_t zeros[L1L2_EXACT_SUMS_LENGTH] = {};
            std::int64_t count = 0;
            double number = 0.0;
            well = well && l1l2_exact_sums_add(sums, term.dtype, x, term.n) == L1L2_OK &&
                   l1l2_exact_sums_merge(sums, sums) == L1L2_OK &&
                   l1l2_exact_sums_check(sums) == L1L2_OK &&
                   l1l2_exact_sums_norm(sums, &number) == L1L2_OK &&
                   l1l2_exact_sums_subtract(sums, zeros) == L1L2_OK &&
                   l1l2_exact_sums_read(sums, &number, &number, &count) == L1L2_OK &&
                   l1l2_penalty_exact_sums(handle_.get(), sums, &number) == L1L2_OK &&
                   count == 2 * static_cast<std::int64_t>(term.n);
        }
        return well;
    }

    /// Small terms of one dtype, which are computed together.
    bool alike_terms() {
        bool well = true;
        for (const l1l2_dtype dtype : dtypes) {
            for (l1l2_term& term : alike_) {
                term.dtype = dtype;
            }
            double total = 0.0;
            well =
                well && l1l2_penalty_terms(alike_.data(), sizeof(l1l2_term), alike_.size(), nullptr,
                                           nullptr, nullptr, &total, nullptr) == L1L2_OK;
        }
        return well;
    }

    bool in_terms(l1l2_runner runner) {
        double total = 0.0;
        std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
        return l1l2_exact_sums_add_terms(sums, terms_.data(), sizeof(l1l2_term), terms_.size(),
                                         runner, nullptr, nullptr) == L1L2_OK &&
               l1l2_clip_by_norm_terms(terms_.data(), sizeof(l1l2_term), terms_.size(), 2.0, 1.0,
                                       runner, nullptr, nullptr) == L1L2_OK &&
               l1l2_clip_by_norm_terms(terms_.data(), sizeof(l1l2_term), terms_.size(), 1e300,
                                       1e-300, runner, nullptr, nullptr) == L1L2_OK &&
               l1l2_penalty_terms(terms_.data(), sizeof(l1l2_term), terms_.size(), runner, nullptr,
                                  penalties_.data(), &total, nullptr) == L1L2_OK &&
               l1l2_add_gradient_terms(terms_.data(), sizeof(l1l2_term), terms_.size(), 1.0, runner,
                                       nullptr, penalties_.data(), &total, nullptr) == L1L2_OK &&
               l1l2_prox_terms(terms_.data(), sizeof(l1l2_term), terms_.size(), 1.0, runner,
                               nullptr, nullptr) == L1L2_OK &&
               l1l2_prox_step_terms(terms_.data(), sizeof(l1l2_term), terms_.size(), 1.0, runner,
                                    nullptr, nullptr) == L1L2_OK;
    }

    const Handle handle_{training::both};
    std::vector<double> x_ = ordinary_elements<double>(50003, 1);
    /// 0x3F80 repeated: a number near 1 in every type but float64, where it is near 2^-7.
    std::vector<std::uint16_t> ones_ = std::vector<std::uint16_t>(4 * x_.size(), 0x3F80);
    std::vector<double> gradient_ = ordinary_elements<double>(room, 2);
    std::vector<double> out_ = ordinary_elements<double>(room, 3);
    std::vector<l1l2_term> terms_;
    std::vector<l1l2_term> alike_;
    std::vector<double> penalties_;
};

/// Returns how many bytes of stack a function needs, on a thread of its own.
std::size_t stack_of(void* (*function)(void*), void* argument) {
    constexpr unsigned char paint = 0xa5;
    static std::vector<unsigned char> memory(512 * 1024 + 4096);
    const std::size_t to_page = 4096 - reinterpret_cast<std::uintptr_t>(memory.data()) % 4096;
    unsigned char* const stack = memory.data() + to_page;
    const std::size_t size = memory.size() - 4096;
    std::fill_n(stack, size, paint);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, size);
    pthread_t thread;
    if (pthread_create(&thread, &attributes, function, argument) != 0) {
        return SIZE_MAX;
    }
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
    const auto deepest =
        std::find_if(stack, stack + size, [](unsigned char byte) { return byte != paint; });
    return static_cast<std::size_t>(stack + size - deepest); // stacks grow downwards
}

} // namespace

TEST_CASE("l1l2_penalty and l1l2_to_json allocate nothing", "[allocation]") {
    const std::vector<float> x(100003, 0.5F);
    l1l2_regularizer* regularizer = nullptr;
    REQUIRE(l1l2_create(0.01, 0.02, &regularizer) == L1L2_OK);
    double penalty = 0.0;
    char json[256];
    std::size_t length = 0;
    {
        const Watch watch;
        l1l2_penalty(regularizer, L1L2_FLOAT32, x.data(), x.size(), &penalty);
        l1l2_penalty(regularizer, L1L2_FLOAT64, x.data(), x.size() / 2, &penalty);
        l1l2_to_json(regularizer, L1L2_JSON_KERAS3, json, sizeof json, &length);
    }
    CHECK(allocations == 0);
    l1l2_destroy(regularizer);
}

TEST_CASE("compute functions use the instruction set of L1L2_ISA", "[isa]") {
    const char* const wanted = std::getenv("L1L2_ISA");
    if (wanted != nullptr && std::string(l1l2_isa()) != wanted) {
        WARN("this CPU does not have it");
    }
}

TEST_CASE("compute functions allocate nothing", "[allocation]") {
    Computation computation;
    bool well = false;
    {
        const Watch watch;
        well = computation.run();
    }
    CHECK(well);
    CHECK(allocations == 0);
}

TEST_CASE("compute functions need less than 64 KiB of stack", "[allocation]") {
    static Computation computation;
    static bool well = false;
    const auto run = [](void*) -> void* {
        well = computation.run();
        return nullptr;
    };
    const auto nothing = [](void*) -> void* { return nullptr; };
    CHECK(stack_of(run, nullptr) < stack_of(nothing, nullptr) + 64 * 1024);
    CHECK(well);
}

#ifdef L1L2_HAS_DLPACK

TEST_CASE("compute functions over tensors allocate nothing", "[allocation]") {
    Computation computation;
    bool well = false;
    {
        const Watch watch;
        well = computation.run_tensors();
    }
    CHECK(well);
    CHECK(allocations == 0);
}

TEST_CASE("compute functions over tensors need less than 64 KiB of stack", "[allocation]") {
    static Computation computation;
    static bool well = false;
    const auto run = [](void*) -> void* {
        well = computation.run_tensors();
        return nullptr;
    };
    const auto nothing = [](void*) -> void* { return nullptr; };
    CHECK(stack_of(run, nullptr) < stack_of(nothing, nullptr) + 64 * 1024);
    CHECK(well);
}

#endif

TEST_CASE("a handle is one allocation, and destroying it frees it", "[allocation]") {
    l1l2_regularizer* regularizer = nullptr;
    {
        const Watch watch;
        l1l2_create(0.01, 0.02, &regularizer);
        l1l2_destroy(regularizer);
    }
    CHECK(allocations == 1);
    CHECK(balance == 0);
}

TEST_CASE("l1l2_create reports that memory is exhausted", "[allocation]") {
    l1l2_regularizer* regularizer = nullptr;
    l1l2_status status = L1L2_OK;
    const auto call = [&] {
        regularizer = reinterpret_cast<l1l2_regularizer*>(&regularizer);
        status = l1l2_create(0.01, 0.02, &regularizer);
        l1l2_destroy(status == L1L2_OK ? regularizer : nullptr);
    };
    const auto well = [&](bool failed) {
        return status == (failed ? L1L2_ERROR_OUT_OF_MEMORY : L1L2_OK) &&
               (regularizer == nullptr) == failed;
    };
    CHECK(mistake_without_memory(call, well) == "");
}

TEST_CASE("l1l2_from_json reports any failed allocation and leaks nothing", "[allocation]") {
    const std::string long_name(300, 'x');
    struct Case {
        std::string json;
        l1l2_status status;
    };
    const Case cases[] = {
        {R"({"module": "keras.regularizers", "class_name": "L1L2", "config": {"l1": 0.01,
             "l2": 2e-2, "l1": 3}, "registered_name": null})",
         L1L2_OK},
        {R"({"l1": 1, "l2": 0.25})", L1L2_OK},
        {R"({"class_name": "L2", "config": {"l": 1e-5}, "build_config": [[{"a": [1, "b"]}]]})",
         L1L2_OK},
        {R"({"name": "WeightRegularizer", "l1": 0.0, "l2": 5e-4})", L1L2_OK},
        {R"("l1_l2")", L1L2_OK},
        {R"({"class_name": ")" + long_name + "\"}", L1L2_ERROR_UNKNOWN_CONFIG},
        {R"({")" + long_name + "\": 1}", L1L2_ERROR_UNKNOWN_CONFIG},
        {R"({"class_name": {"a": "b"}})", L1L2_ERROR_UNKNOWN_CONFIG},
        {"[1, 2, 3]", L1L2_ERROR_UNKNOWN_CONFIG},
        {std::string(L1L2_JSON_MAX_LENGTH + 1, ' '), L1L2_ERROR_UNKNOWN_CONFIG},
        {R"({"class_name": "L1", "config": {"l1": 1, )", L1L2_ERROR_MALFORMED_JSON},
        {R"({"l1": "\u00e9\ud800"})", L1L2_ERROR_MALFORMED_JSON},
        {std::string(1000, '['), L1L2_ERROR_MALFORMED_JSON},
        {R"({"l1": 1e999})", L1L2_ERROR_INVALID_COEFFICIENT},
        {R"({"l1": -1, "l2": true})", L1L2_ERROR_INVALID_COEFFICIENT},
    };
    for (const Case& c : cases) {
        INFO(c.json.substr(0, 100));
        l1l2_regularizer* regularizer = nullptr;
        char message[64];
        l1l2_status status = L1L2_OK;
        std::array<double, 2> coefficients = {};
        const auto call = [&] {
            regularizer = reinterpret_cast<l1l2_regularizer*>(&regularizer);
            message[0] = '#';
            message[1] = '\0';
            status =
                l1l2_from_json(c.json.data(), c.json.size(), &regularizer, message, sizeof message);
            coefficients = {-1.0, -1.0};
            l1l2_get_config(regularizer, &coefficients[0], &coefficients[1]);
            l1l2_destroy(status == L1L2_OK ? regularizer : nullptr);
        };
        call();
        const std::array<double, 2> expected = coefficients;
        const auto well = [&](bool failed) {
            // The C++ runtime can do without some allocations.
            const bool out_of_memory = failed && status == L1L2_ERROR_OUT_OF_MEMORY &&
                                       std::string(message) == "out of memory";
            return (out_of_memory || (status == c.status && coefficients == expected)) &&
                   (regularizer != nullptr) == (status == L1L2_OK);
        };
        CHECK(mistake_without_memory(call, well) == "");
    }
}

TEST_CASE("without memory the C++ wrapper throws and leaks nothing", "[allocation]") {
    const std::vector<float> x(5000, 0.5F);
    const l1l2::Regularizer regularizer(0.01, 0.02);
    const std::vector<l1l2_term> terms(10, l1l2::make_term(regularizer, x));
    std::vector<l1l2_term> faulty = terms;
    faulty[3].reserved = 1;
    const auto never = [](std::size_t, const l1l2::Task&) { throw std::runtime_error("not now"); };

    const std::function<void()> calls[] = {
        [] { l1l2::Regularizer(0.01, 0.02); },
        [] { l1l2::Regularizer(-1.0, 0.0); },
        [] { l1l2::Regularizer::from_json(R"({"class_name": "L1L2", "config": {"l1": 0.25}})"); },
        [] { l1l2::Regularizer::from_json(R"({"class_name": "OrthogonalRegularizer"})"); },
        [&] { regularizer.to_json(l1l2::JsonStyle::keras3); },
        [&] {
            std::vector<double> penalties;
            l1l2::penalty_terms(terms, &penalties);
        },
        [&] { l1l2::penalty_terms(faulty); },
        [&] { l1l2::penalty_terms(terms, nullptr, never); },
    };
    enum class Outcome { done, error, out_of_memory, other };
    for (const std::function<void()>& function : calls) {
        Outcome outcome = Outcome::other;
        const auto call = [&] {
            try {
                function();
                outcome = Outcome::done;
            } catch (const std::bad_alloc&) {
                outcome = Outcome::out_of_memory;
            } catch (const l1l2::Error& error) {
                outcome = error.status() == L1L2_ERROR_OUT_OF_MEMORY ? Outcome::out_of_memory
                                                                     : Outcome::error;
            } catch (const std::runtime_error&) {
                outcome = Outcome::error;
            }
        };
        call();
        const Outcome ordinary = outcome;
        CHECK((ordinary == Outcome::done || ordinary == Outcome::error));
        const auto well = [&](bool failed) {
            // The C++ runtime keeps a reserve for exceptions.
            return outcome == ordinary || (failed && outcome == Outcome::out_of_memory);
        };
        CHECK(mistake_without_memory(call, well) == "");
    }
}
