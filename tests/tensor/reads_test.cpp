/**
 * How often Tensor::read() reads each number of a tensor's shape and strides. Whoever shares that
 * memory may change it after a check, so that only a number that is read once is safe.
 *
 * src/tensor.cpp is compiled into this program for the thread sanitizer, unoptimised, and this file
 * has the functions that such code calls before each access, in the place of the sanitizer's.
 */
#include "tensor.hpp"

#include <cstdint>
#include <cstdio>

namespace {

std::int64_t shape[3] = {2, 1, 3};
std::int64_t strides[3] = {100, 7, -4};
int reads_of_shape[3] = {};
int reads_of_strides[3] = {};

void count_read(const void* address) {
    for (int i = 0; i < 3; ++i) {
        reads_of_shape[i] += address == &shape[i] ? 1 : 0;
        reads_of_strides[i] += address == &strides[i] ? 1 : 0;
    }
}

} // namespace

// The interface of GCC's and clang's instrumentation. A number that is read in other sizes than its
// own counts, too, if its first byte is read.
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_read1(void* p) {
    count_read(p);
}
void __tsan_read2(void* p) {
    count_read(p);
}
void __tsan_read4(void* p) {
    count_read(p);
}
void __tsan_read8(void* p) {
    count_read(p);
}
void __tsan_read16(void* p) {
    count_read(p);
}
void __tsan_read_range(void* p, unsigned long) {
    count_read(p);
}
void __tsan_write1(void*) {}
void __tsan_write2(void*) {}
void __tsan_write4(void*) {}
void __tsan_write8(void*) {}
void __tsan_write16(void*) {}
void __tsan_write_range(void*, unsigned long) {}
void* __tsan_memcpy(void* to, const void* from, unsigned long n) {
    return __builtin_memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, unsigned long n) {
    return __builtin_memmove(to, from, n);
}
void* __tsan_memset(void* to, int byte, unsigned long n) {
    return __builtin_memset(to, byte, n);
}
}

int main() {
    float data[200] = {};
    l1l2::core::DLTensor given = {&data[100], 1, 0, 3, 2, 32, 1, shape, strides, 0};
    l1l2::core::Tensor tensor;
    if (tensor.read(&given) != l1l2::core::TensorFault::none || tensor.count != 6) {
        std::puts("the tensor was refused");
        return 1;
    }
    for (int i = 0; i < 3; ++i) {
        // The stride of an axis of one element is not needed.
        if (reads_of_shape[i] != 1 || reads_of_strides[i] != (shape[i] > 1 ? 1 : 0)) {
            std::printf("axis %d: %d reads of the size, %d of the stride\n", i, reads_of_shape[i],
                        reads_of_strides[i]);
            return 1;
        }
    }
    return 0;
}
