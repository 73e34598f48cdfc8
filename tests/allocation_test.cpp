/**
 * What the library allocates, what it does when it can't, and how much stack it takes: this program
 * replaces malloc, which the shared library with its own C++ runtime then calls too.
 */
#include "catch.hpp"
#include "training.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include <pthread.h>

#ifdef L1L2_HAS_DLPACK
#include <dlpack/dlpack.h>
#endif

extern "C" {
// The names under which glibc keeps its own.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void __libc_free(void* memory);
}

namespace {

std::atomic<bool> watching{false};
std::atomic<long> allocations{0};
std::atomic<long> balance{0};
std::atomic<long> fail_at{-1}; ///< the number of the allocation that fails, -1 for none
std::atomic<bool> keep_failing{false};

/// Counts an allocation; false if it is to fail.
bool admit() {
    if (!watching) {
        return true;
    }
    const long number = allocations++;
    if (fail_at >= 0 && (number == fail_at || (keep_failing && number > fail_at))) {
        errno = ENOMEM;
        return false;
    }
    ++balance;
    return true;
}

/// Watches from here to the end of the scope.
class Watch {
  public:
    explicit Watch(long failing = -1, bool on_and_on = false) {
        allocations = 0;
        balance = 0;
        fail_at = failing;
        keep_failing = on_and_on;
        watching = true;
    }
    ~Watch() { watching = false; }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
};

/// Everything that computes: all types, with rests of vectors and blocks, and in tasks.
class Computation {
  public:
    Computation() {
        std::size_t used = 0; // of each array, in doubles; no two terms write to the same
        for (const l1l2_dtype dtype : dtypes) {
            for (const std::size_t n : sizes) {
                l1l2_term term = {};
                term.regularizer = handle_.get();
                term.dtype = dtype;
                term.n = n;
                term.x = x_.data();
                term.gradient = gradient_.data() + used;
                term.out = out_.data() + used;
                terms_.push_back(term);
                used += n;
            }
        }
        penalties_.resize(terms_.size());
    }

    /// Whether all went well.
    bool run() {
        bool well = true;
        for (const l1l2_term& term : terms_) {
            well = well && array(term);
        }
        return well && in_terms(nullptr) && in_terms(in_a_row);
    }

#ifdef L1L2_HAS_DLPACK
    /// The same of tensors of any strides.
    bool run_tensors() {
        bool well = true;
        for (const int bits : {16, 32, 64}) {
            std::int64_t shape[] = {50, 3, 70};
            std::int64_t strides[] = {-400, 1, 4};
            std::int64_t other_strides[] = {1, 50, 200};
            DLTensor x = {};
            x.data = x_.data();
            x.device = {kDLCPU, 0};
            x.ndim = 3;
            x.dtype = {kDLFloat, static_cast<std::uint8_t>(bits), 1};
            x.shape = shape;
            x.strides = strides;
            x.byte_offset = 49U * 400U * static_cast<unsigned>(bits) / 8U;
            DLTensor written = x;
            written.data = gradient_.data();
            written.strides = other_strides;
            written.byte_offset = 0;
            double penalty = 0.0;
            well =
                well && l1l2_penalty_dlpack(handle_.get(), &x, &penalty) == L1L2_OK &&
                l1l2_add_gradient_dlpack(handle_.get(), &x, 1.0, &written, &penalty) == L1L2_OK &&
                l1l2_prox_dlpack(handle_.get(), &x, 1.0, &written) == L1L2_OK &&
                l1l2_prox_dlpack(handle_.get(), &x, 1.0, &x) == L1L2_OK;
        }
        return well;
    }
#endif

  private:
    static constexpr l1l2_dtype dtypes[] = {L1L2_FLOAT16, L1L2_BFLOAT16, L1L2_FLOAT32,
                                            L1L2_FLOAT64};

    static constexpr std::size_t sizes[] = {0, 1, 77, 4096, 50003};
    static constexpr std::size_t room = 4 * (1 + 77 + 4096 + 50003);

    static std::int32_t in_a_row(void*, l1l2_task task, void* work, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            task(work, i);
        }
        return 0;
    }

    bool array(const l1l2_term& term) {
        double penalty = 0.0;
        return l1l2_penalty(handle_.get(), term.dtype, term.x, term.n, &penalty) == L1L2_OK &&
               l1l2_add_gradient(handle_.get(), term.dtype, term.x, term.n, 1.0, term.gradient,
                                 &penalty) == L1L2_OK &&
               l1l2_prox(handle_.get(), term.dtype, term.x, term.n, 1.0, term.out) == L1L2_OK;
    }

    bool in_terms(l1l2_runner runner) {
        double total = 0.0;
        return l1l2_penalty_terms(terms_.data(), sizeof(l1l2_term), terms_.size(), runner, nullptr,
                                  penalties_.data(), &total, nullptr) == L1L2_OK &&
               l1l2_add_gradient_terms(terms_.data(), sizeof(l1l2_term), terms_.size(), 1.0, runner,
                                       nullptr, penalties_.data(), &total, nullptr) == L1L2_OK &&
               l1l2_prox_terms(terms_.data(), sizeof(l1l2_term), terms_.size(), 1.0, runner,
                               nullptr, nullptr) == L1L2_OK;
    }

    const training::Handle handle_{training::both};
    std::vector<double> x_ = ordinary_elements<double>(50003, 1);
    std::vector<double> gradient_ = ordinary_elements<double>(room, 2);
    std::vector<double> out_ = ordinary_elements<double>(room, 3);
    std::vector<l1l2_term> terms_;
    std::vector<double> penalties_;
};

/// How many bytes of its stack a thread takes that runs a function.
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

extern "C" {
void* malloc(std::size_t size) {
    return admit() ? __libc_malloc(size) : nullptr;
}
void* calloc(std::size_t count, std::size_t size) {
    return admit() ? __libc_calloc(count, size) : nullptr;
}
void* realloc(void* memory, std::size_t size) {
    if (memory == nullptr) {
        return malloc(size);
    }
    return __libc_realloc(memory, size);
}
void free(void* memory) {
    if (watching && memory != nullptr) {
        --balance;
    }
    __libc_free(memory);
}
}

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

TEST_CASE("what computes allocates nothing", "[allocation]") {
    Computation computation;
    bool well = false;
    {
        const Watch watch;
        well = computation.run();
    }
    CHECK(well);
    CHECK(allocations == 0);
}

TEST_CASE("what computes takes less than 64 KiB of stack", "[allocation]") {
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

TEST_CASE("what computes over tensors allocates nothing", "[allocation]") {
    Computation computation;
    bool well = false;
    {
        const Watch watch;
        well = computation.run_tensors();
    }
    CHECK(well);
    CHECK(allocations == 0);
}

TEST_CASE("what computes over tensors takes less than 64 KiB of stack", "[allocation]") {
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

TEST_CASE("without memory l1l2_create says so", "[allocation]") {
    l1l2_regularizer* regularizer = reinterpret_cast<l1l2_regularizer*>(&regularizer);
    l1l2_status status = L1L2_OK;
    {
        const Watch watch(0);
        status = l1l2_create(0.01, 0.02, &regularizer);
    }
    CHECK(status == L1L2_ERROR_OUT_OF_MEMORY);
    CHECK(regularizer == nullptr);
}

TEST_CASE("whichever allocation of l1l2_from_json fails, it says so and leaks nothing",
          "[allocation]") {
    const std::string long_name(300, 'x');
    struct Case {
        std::string json;
        l1l2_status status;
    };
    const Case cases[] = {
        {R"({"module": "keras.regularizers", "class_name": "L1L2", "config": {"l1": 0.01,
             "l2": 2e-2, "l1": 3}, "registered_name": null})",
         L1L2_OK},
        {R"({"class_name": ")" + long_name + "\"}", L1L2_ERROR_UNKNOWN_CONFIG},
        {R"({"class_name": "L1", "config": {"l1": 1, )", L1L2_ERROR_MALFORMED_JSON},
        {R"({"l1": 1e999})", L1L2_ERROR_INVALID_COEFFICIENT},
    };
    for (const Case& c : cases) {
        for (const bool on_and_on : {false, true}) {
            long failing = 0;
            for (; failing < 1000; ++failing) {
                l1l2_regularizer* regularizer = reinterpret_cast<l1l2_regularizer*>(&failing);
                char message[64] = "#";
                l1l2_status status = L1L2_OK;
                {
                    const Watch watch(failing, on_and_on);
                    status = l1l2_from_json(c.json.data(), c.json.size(), &regularizer, message,
                                            sizeof message);
                    l1l2_destroy(regularizer);
                }
                if (balance != 0) {
                    FAIL("leaked when allocation " << failing << " failed");
                }
                if (allocations <= failing) {
                    CHECK(status == c.status); // nothing failed any more
                    break;
                }
                // A failed allocation may also be one that the C++ runtime can do without.
                if (status != c.status) {
                    CHECK(status == L1L2_ERROR_OUT_OF_MEMORY);
                    CHECK(regularizer == nullptr);
                    CHECK(std::string(message) == "out of memory");
                }
            }
            CHECK(failing > 0);
            CHECK(failing < 1000);
        }
    }
}
