/**
 * What the library allocates, and what it does when it can't: this program replaces malloc, which
 * the shared library with its own C++ runtime then calls too.
 */
#include "catch.hpp"
#include "l1l2.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

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
