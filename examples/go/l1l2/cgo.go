//go:build cgo

package l1l2

/*
#cgo pkg-config: l1l2
#include <l1l2.h>

// Arrays as char*: for a void* cgo would search all of the Go object that the array is part of, and
// panic if there is a Go pointer in it, though the library sees nothing but the array.

static l1l2_status penalty(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const char* x,
                           size_t n, double* result) {
	return l1l2_penalty(regularizer, dtype, x, n, result);
}

static l1l2_status add_gradient(const l1l2_regularizer* regularizer, l1l2_dtype dtype,
                                const char* x, size_t n, double scale, char* gradient,
                                double* result) {
	return l1l2_add_gradient(regularizer, dtype, x, n, scale, gradient, result);
}

static l1l2_status exact_sums_add(int64_t* sums, l1l2_dtype dtype, const char* x, size_t n) {
	return l1l2_exact_sums_add(sums, dtype, x, n);
}

static l1l2_status prox(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const char* x,
                        size_t n, double step, char* out) {
	return l1l2_prox(regularizer, dtype, x, n, step, out);
}
*/
import "C"

import "unsafe"

// The linker has found the library.
func open() error { return nil }

// With another length this would not compile.
var _ = [C.L1L2_EXACT_SUMS_LENGTH]int64(ExactSums{})

func versionString() string { return C.GoString(C.l1l2_version_string()) }

func isa() string { return C.GoString(C.l1l2_isa()) }

func statusString(status Status) string {
	return C.GoString(C.l1l2_status_string(C.l1l2_status(status)))
}

func create(l1, l2 float64, handle *unsafe.Pointer) Status {
	var regularizer *C.l1l2_regularizer
	status := C.l1l2_create(C.double(l1), C.double(l2), &regularizer)
	*handle = unsafe.Pointer(regularizer)
	return Status(status)
}

func destroy(handle unsafe.Pointer) { C.l1l2_destroy((*C.l1l2_regularizer)(handle)) }

func getConfig(handle unsafe.Pointer, l1, l2 *float64) Status {
	return Status(C.l1l2_get_config((*C.l1l2_regularizer)(handle), (*C.double)(l1), (*C.double)(l2)))
}

func penalty(handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, result *float64) Status {
	return Status(C.penalty((*C.l1l2_regularizer)(handle), C.l1l2_dtype(t), (*C.char)(x), C.size_t(n),
		(*C.double)(result)))
}

func addGradient(
	handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, scale float64, gradient unsafe.Pointer,
	result *float64,
) Status {
	return Status(C.add_gradient((*C.l1l2_regularizer)(handle), C.l1l2_dtype(t), (*C.char)(x),
		C.size_t(n), C.double(scale), (*C.char)(gradient), (*C.double)(result)))
}

func prox(
	handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, step float64, out unsafe.Pointer,
) Status {
	return Status(C.prox((*C.l1l2_regularizer)(handle), C.l1l2_dtype(t), (*C.char)(x), C.size_t(n),
		C.double(step), (*C.char)(out)))
}

func exactSumsAdd(sums *int64, t dtype, x unsafe.Pointer, n int) Status {
	return Status(C.exact_sums_add((*C.int64_t)(sums), C.l1l2_dtype(t), (*C.char)(x), C.size_t(n)))
}

func exactSumsMerge(sums, other *int64) Status {
	return Status(C.l1l2_exact_sums_merge((*C.int64_t)(sums), (*C.int64_t)(other)))
}

func exactSumsCheck(sums *int64) Status {
	return Status(C.l1l2_exact_sums_check((*C.int64_t)(sums)))
}

func exactSumsRead(sums *int64, absolute, square *float64, count *int64) Status {
	return Status(C.l1l2_exact_sums_read((*C.int64_t)(sums), (*C.double)(absolute),
		(*C.double)(square), (*C.int64_t)(count)))
}

func penaltyExactSums(handle unsafe.Pointer, sums *int64, result *float64) Status {
	return Status(C.l1l2_penalty_exact_sums((*C.l1l2_regularizer)(handle), (*C.int64_t)(sums),
		(*C.double)(result)))
}

func toJSON(handle unsafe.Pointer, style JSONStyle, text *byte, capacity int, length *int) Status {
	return Status(C.l1l2_to_json((*C.l1l2_regularizer)(handle), C.l1l2_json_style(style),
		(*C.char)(unsafe.Pointer(text)), C.size_t(capacity), (*C.size_t)(unsafe.Pointer(length))))
}

func fromJSON(
	text unsafe.Pointer, length int, handle *unsafe.Pointer, message *byte, capacity int,
) Status {
	var regularizer *C.l1l2_regularizer
	status := C.l1l2_from_json((*C.char)(text), C.size_t(length), &regularizer,
		(*C.char)(unsafe.Pointer(message)), C.size_t(capacity))
	*handle = unsafe.Pointer(regularizer)
	return Status(status)
}
