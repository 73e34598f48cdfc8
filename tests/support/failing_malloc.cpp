#include "failing_malloc.hpp"

#include <cerrno>
#include <cstddef>

using namespace failing_malloc;

extern "C" {
// The names under which glibc keeps its own.
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);
}

namespace {

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

} // namespace

extern "C" {
void free(void* memory);

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
    if (size == 0) {
        free(memory);
        return nullptr;
    }
    if (!admit()) {
        return nullptr;
    }
    if (watching) {
        --balance; // what was there becomes what is there
    }
    return __libc_realloc(memory, size);
}
void free(void* memory) {
    if (watching && memory != nullptr) {
        --balance;
    }
    __libc_free(memory);
}
void* memalign(std::size_t alignment, std::size_t size) {
    return admit() ? __libc_memalign(alignment, size) : nullptr;
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    return memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    void* const made = aligned_alloc(alignment, size);
    if (made == nullptr) {
        return ENOMEM;
    }
    *memory = made;
    return 0;
}
}
