// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !windows

package l1l2

/*
#cgo CFLAGS: -I${SRCDIR}/../../include
#cgo LDFLAGS: -lm
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <l1l2.h>
#include <stdlib.h>

#define FUNCTIONS(F)                                                                               \
	F(version_number) F(version_string) F(isa) F(status_string) F(create) F(destroy)               \
	F(get_config) F(penalty) F(add_gradient) F(prox) F(penalty_dlpack) F(add_gradient_dlpack)      \
	F(prox_dlpack) F(penalty_terms) F(add_gradient_terms) F(prox_terms) F(exact_sums_length)       \
	F(exact_sums_add) F(exact_sums_add_dlpack) F(exact_sums_merge) F(exact_sums_check)             \
	F(exact_sums_read) F(penalty_exact_sums) F(to_json) F(from_json) F(prox_step)                  \
	F(prox_step_dlpack) F(prox_step_terms) F(clip_by_norm_terms) F(exact_sums_add_terms)           \
	F(exact_sums_subtract) F(exact_sums_norm)

// The functions of the library that is used: once open, never changed.
static struct {
#define MEMBER(name) __typeof__(&l1l2_##name) name;
	FUNCTIONS(MEMBER)
} api;

#ifdef __linux__
// Those of the static library, if package static has it; else NULL.
#define WEAK_(text) _Pragma(#text)
#define WEAK(name) WEAK_(weak l1l2_##name)
FUNCTIONS(WEAK)
#define LINKED(name) api.name = &l1l2_##name;
static int open_static(void) {
	FUNCTIONS(LINKED)
	return api.version_number != NULL;
}
#else
static int open_static(void) { return 0; }
#endif

static uint32_t version_of(void* library) {
	uint32_t (*version_number)(void);
	*(void**)&version_number = dlsym(library, "l1l2_version_number");
	return version_number == NULL ? 0 : version_number();
}

// Returns the name of a function that the library lacks, or NULL.
static const char* open_functions(void* library) {
#define OPENED(name)                                                                               \
	*(void**)&api.name = dlsym(library, "l1l2_" #name);                                            \
	if (api.name == NULL) return "l1l2_" #name;
	FUNCTIONS(OPENED)
	return NULL;
}

// Arrays as char*: for a void* cgo would search all of the Go object that the array is part of, and
// panic if there is a Go pointer in it, though the library sees nothing but the array.

typedef struct {
	double value;
	l1l2_status status;
} outcome;

static outcome penalty(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const char* x,
                       size_t n) {
	outcome result = {0, 0};
	result.status = api.penalty(regularizer, dtype, x, n, &result.value);
	return result;
}

static outcome add_gradient(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const char* x,
                            size_t n, double scale, char* gradient, int wanted) {
	outcome result = {0, 0};
	result.status = api.add_gradient(regularizer, dtype, x, n, scale, gradient,
	                                 wanted ? &result.value : NULL);
	return result;
}

static l1l2_status prox(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const char* x,
                        size_t n, double step, char* out) {
	return api.prox(regularizer, dtype, x, n, step, out);
}

static l1l2_status prox_step(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const char* x,
                             size_t n, const char* gradient, double step, const char* steps,
                             char* out) {
	return api.prox_step(regularizer, dtype, x, n, gradient, step, steps, out);
}

static outcome penalty_dlpack(const l1l2_regularizer* regularizer, const void* x) {
	outcome result = {0, 0};
	result.status = api.penalty_dlpack(regularizer, x, &result.value);
	return result;
}

static outcome add_gradient_dlpack(const l1l2_regularizer* regularizer, const void* x, double scale,
                                   const void* gradient) {
	outcome result = {0, 0};
	result.status = api.add_gradient_dlpack(regularizer, x, scale, gradient, &result.value);
	return result;
}

static l1l2_status prox_dlpack(const l1l2_regularizer* regularizer, const void* x, double step,
                               const void* out) {
	return api.prox_dlpack(regularizer, x, step, out);
}

static l1l2_status prox_step_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                    const void* gradient, double step, const void* steps,
                                    const void* out) {
	return api.prox_step_dlpack(regularizer, x, gradient, step, steps, out);
}

// The state is a number, which Go must not see as a pointer: it would be an invalid one.
extern int32_t goRunTasks(uintptr_t goroutines, void* task, void* work, size_t count);
static int32_t run_tasks(void* state, l1l2_task task, void* work, size_t count) {
	return goRunTasks((uintptr_t)state, (void*)task, work, count);
}

static l1l2_status penalty_terms(const l1l2_term* terms, size_t count, uintptr_t goroutines,
                                 double* penalties, double* total, size_t* faulty) {
	return api.penalty_terms(terms, sizeof(l1l2_term), count, run_tasks, (void*)goroutines,
	                         penalties, total, faulty);
}

static l1l2_status add_gradient_terms(const l1l2_term* terms, size_t count, double scale,
                                      uintptr_t goroutines, double* penalties, double* total,
                                      size_t* faulty) {
	return api.add_gradient_terms(terms, sizeof(l1l2_term), count, scale, run_tasks,
	                              (void*)goroutines, penalties, total, faulty);
}

static l1l2_status prox_terms(const l1l2_term* terms, size_t count, double step,
                              uintptr_t goroutines, size_t* faulty) {
	return api.prox_terms(terms, sizeof(l1l2_term), count, step, run_tasks, (void*)goroutines,
	                      faulty);
}

static l1l2_status prox_step_terms(const l1l2_term* terms, size_t count, double step,
                                   uintptr_t goroutines, size_t* faulty) {
	return api.prox_step_terms(terms, sizeof(l1l2_term), count, step, run_tasks,
	                           (void*)goroutines, faulty);
}

static l1l2_status clip_by_norm_terms(const l1l2_term* terms, size_t count, double norm,
                                      double max_norm, uintptr_t goroutines, size_t* faulty) {
	return api.clip_by_norm_terms(terms, sizeof(l1l2_term), count, norm, max_norm, run_tasks,
	                              (void*)goroutines, faulty);
}

static l1l2_status exact_sums_add_terms(int64_t* sums, const l1l2_term* terms, size_t count,
                                        uintptr_t goroutines, size_t* faulty) {
	return api.exact_sums_add_terms(sums, terms, sizeof(l1l2_term), count, run_tasks,
	                                (void*)goroutines, faulty);
}

static l1l2_status exact_sums_add(int64_t* sums, l1l2_dtype dtype, const char* x, size_t n) {
	return api.exact_sums_add(sums, dtype, x, n);
}

static l1l2_status exact_sums_add_dlpack(int64_t* sums, const void* x) {
	return api.exact_sums_add_dlpack(sums, x);
}

static l1l2_status exact_sums_merge(int64_t* sums, const int64_t* other) {
	return api.exact_sums_merge(sums, other);
}

static l1l2_status exact_sums_subtract(int64_t* sums, const int64_t* other) {
	return api.exact_sums_subtract(sums, other);
}

static outcome exact_sums_norm(const int64_t* sums) {
	outcome result = {0, 0};
	result.status = api.exact_sums_norm(sums, &result.value);
	return result;
}

static l1l2_status exact_sums_check(const int64_t* sums) { return api.exact_sums_check(sums); }

static l1l2_status exact_sums_read(const int64_t* sums, double* absolute, double* square,
                                   int64_t* count) {
	return api.exact_sums_read(sums, absolute, square, count);
}

static outcome penalty_exact_sums(const l1l2_regularizer* regularizer, const int64_t* sums) {
	outcome result = {0, 0};
	result.status = api.penalty_exact_sums(regularizer, sums, &result.value);
	return result;
}

static l1l2_status create(double l1, double l2, l1l2_regularizer** regularizer) {
	return api.create(l1, l2, regularizer);
}

static void destroy(l1l2_regularizer* regularizer) { api.destroy(regularizer); }

static l1l2_status get_config(const l1l2_regularizer* regularizer, double* l1, double* l2) {
	return api.get_config(regularizer, l1, l2);
}

static l1l2_status to_json(const l1l2_regularizer* regularizer, l1l2_json_style style, char* json,
                           size_t capacity, size_t* length) {
	return api.to_json(regularizer, style, json, capacity, length);
}

static l1l2_status from_json(const char* json, size_t length, l1l2_regularizer** regularizer,
                             char* message, size_t capacity) {
	return api.from_json(json, length, regularizer, message, capacity);
}

static uint32_t version_number(void) { return api.version_number(); }
static const char* version_string(void) { return api.version_string(); }
static const char* isa(void) { return api.isa(); }
static const char* status_string(l1l2_status status) { return api.status_string(status); }
*/
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// With another length, or another size of a term, these would not compile.
var (
	_ = [C.L1L2_EXACT_SUMS_LENGTH]int64(ExactSums{})
	_ = [C.sizeof_l1l2_term]byte([unsafe.Sizeof(cTerm{})]byte{})
)

func openStatic() bool { return C.open_static() != 0 }

// openFile opens a shared library for the rest of the process. A found version of 0 is none.
func openFile(path string) (found uint32, err error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	// dlerror knows only what failed on its own thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	library := C.dlopen(name, C.RTLD_NOW|C.RTLD_LOCAL)
	if library == nil {
		return 0, errors.New(C.GoString(C.dlerror()))
	}
	found = uint32(C.version_of(library))
	if found < neededVersion {
		return found, nil
	}
	if missing := C.open_functions(library); missing != nil {
		return 0, errors.New("it lacks " + C.GoString(missing))
	}
	return found, nil
}

func versionNumber() uint32 { return uint32(C.version_number()) }

func versionString() string { return C.GoString(C.version_string()) }

func isa() string { return C.GoString(C.isa()) }

func statusString(status Status) string {
	return C.GoString(C.status_string(C.l1l2_status(status)))
}

func create(l1, l2 float64, handle *unsafe.Pointer) Status {
	var regularizer *C.l1l2_regularizer
	status := C.create(C.double(l1), C.double(l2), &regularizer)
	*handle = unsafe.Pointer(regularizer)
	return Status(status)
}

func destroy(handle unsafe.Pointer) { C.destroy((*C.l1l2_regularizer)(handle)) }

func getConfig(handle unsafe.Pointer, l1, l2 *float64) Status {
	return Status(C.get_config((*C.l1l2_regularizer)(handle), (*C.double)(l1), (*C.double)(l2)))
}

func penalty(handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int) (float64, Status) {
	result := C.penalty((*C.l1l2_regularizer)(handle), C.l1l2_dtype(t), (*C.char)(x), C.size_t(n))
	return float64(result.value), Status(result.status)
}

func addGradient(
	handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, scale float64, gradient unsafe.Pointer,
	wanted bool,
) (float64, Status) {
	var penaltyWanted C.int
	if wanted {
		penaltyWanted = 1
	}
	result := C.add_gradient((*C.l1l2_regularizer)(handle), C.l1l2_dtype(t), (*C.char)(x),
		C.size_t(n), C.double(scale), (*C.char)(gradient), penaltyWanted)
	return float64(result.value), Status(result.status)
}

func prox(
	handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, step float64, out unsafe.Pointer,
) Status {
	return Status(C.prox((*C.l1l2_regularizer)(handle), C.l1l2_dtype(t), (*C.char)(x), C.size_t(n),
		C.double(step), (*C.char)(out)))
}

func proxStep(
	handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, gradient unsafe.Pointer, step float64,
	steps, out unsafe.Pointer,
) Status {
	return Status(C.prox_step((*C.l1l2_regularizer)(handle), C.l1l2_dtype(t), (*C.char)(x),
		C.size_t(n), (*C.char)(gradient), C.double(step), (*C.char)(steps), (*C.char)(out)))
}

func penaltyDLPack(handle unsafe.Pointer, x *dlTensor) (float64, Status) {
	result := C.penalty_dlpack((*C.l1l2_regularizer)(handle), unsafe.Pointer(x))
	return float64(result.value), Status(result.status)
}

func addGradientDLPack(
	handle unsafe.Pointer, x *dlTensor, scale float64, gradient *dlTensor,
) (float64, Status) {
	result := C.add_gradient_dlpack((*C.l1l2_regularizer)(handle), unsafe.Pointer(x),
		C.double(scale), unsafe.Pointer(gradient))
	return float64(result.value), Status(result.status)
}

func proxDLPack(handle unsafe.Pointer, x *dlTensor, step float64, out *dlTensor) Status {
	return Status(C.prox_dlpack((*C.l1l2_regularizer)(handle), unsafe.Pointer(x), C.double(step),
		unsafe.Pointer(out)))
}

func proxStepDLPack(
	handle unsafe.Pointer, x, gradient *dlTensor, step float64, steps, out *dlTensor,
) Status {
	return Status(C.prox_step_dlpack((*C.l1l2_regularizer)(handle), unsafe.Pointer(x),
		unsafe.Pointer(gradient), C.double(step), unsafe.Pointer(steps), unsafe.Pointer(out)))
}

func penaltyTerms(
	terms *cTerm, count int, goroutines uintptr, penalties, total *float64, faulty *uintptr,
) Status {
	return Status(C.penalty_terms((*C.l1l2_term)(unsafe.Pointer(terms)), C.size_t(count),
		C.uintptr_t(goroutines), (*C.double)(penalties), (*C.double)(total),
		(*C.size_t)(unsafe.Pointer(faulty))))
}

func addGradientTerms(
	terms *cTerm, count int, scale float64, goroutines uintptr, penalties, total *float64,
	faulty *uintptr,
) Status {
	return Status(C.add_gradient_terms((*C.l1l2_term)(unsafe.Pointer(terms)), C.size_t(count),
		C.double(scale), C.uintptr_t(goroutines), (*C.double)(penalties), (*C.double)(total),
		(*C.size_t)(unsafe.Pointer(faulty))))
}

func proxTerms(terms *cTerm, count int, step float64, goroutines uintptr, faulty *uintptr) Status {
	return Status(C.prox_terms((*C.l1l2_term)(unsafe.Pointer(terms)), C.size_t(count),
		C.double(step), C.uintptr_t(goroutines), (*C.size_t)(unsafe.Pointer(faulty))))
}

func proxStepTerms(
	terms *cTerm, count int, step float64, goroutines uintptr, faulty *uintptr,
) Status {
	return Status(C.prox_step_terms((*C.l1l2_term)(unsafe.Pointer(terms)), C.size_t(count),
		C.double(step), C.uintptr_t(goroutines), (*C.size_t)(unsafe.Pointer(faulty))))
}

func clipByNormTerms(
	terms *cTerm, count int, norm, maxNorm float64, goroutines uintptr, faulty *uintptr,
) Status {
	return Status(C.clip_by_norm_terms((*C.l1l2_term)(unsafe.Pointer(terms)), C.size_t(count),
		C.double(norm), C.double(maxNorm), C.uintptr_t(goroutines),
		(*C.size_t)(unsafe.Pointer(faulty))))
}

func exactSumsAddTerms(
	sums *int64, terms *cTerm, count int, goroutines uintptr, faulty *uintptr,
) Status {
	return Status(C.exact_sums_add_terms((*C.int64_t)(sums), (*C.l1l2_term)(unsafe.Pointer(terms)),
		C.size_t(count), C.uintptr_t(goroutines), (*C.size_t)(unsafe.Pointer(faulty))))
}

func exactSumsAdd(sums *int64, t dtype, x unsafe.Pointer, n int) Status {
	return Status(C.exact_sums_add((*C.int64_t)(sums), C.l1l2_dtype(t), (*C.char)(x), C.size_t(n)))
}

func exactSumsAddDLPack(sums *int64, x *dlTensor) Status {
	return Status(C.exact_sums_add_dlpack((*C.int64_t)(sums), unsafe.Pointer(x)))
}

func exactSumsMerge(sums, other *int64) Status {
	return Status(C.exact_sums_merge((*C.int64_t)(sums), (*C.int64_t)(other)))
}

func exactSumsSubtract(sums, other *int64) Status {
	return Status(C.exact_sums_subtract((*C.int64_t)(sums), (*C.int64_t)(other)))
}

func exactSumsNorm(sums *int64) (float64, Status) {
	result := C.exact_sums_norm((*C.int64_t)(sums))
	return float64(result.value), Status(result.status)
}

func exactSumsCheck(sums *int64) Status {
	return Status(C.exact_sums_check((*C.int64_t)(sums)))
}

func exactSumsRead(sums *int64, absolute, square *float64, count *int64) Status {
	return Status(C.exact_sums_read((*C.int64_t)(sums), (*C.double)(absolute), (*C.double)(square),
		(*C.int64_t)(count)))
}

func penaltyExactSums(handle unsafe.Pointer, sums *int64) (float64, Status) {
	result := C.penalty_exact_sums((*C.l1l2_regularizer)(handle), (*C.int64_t)(sums))
	return float64(result.value), Status(result.status)
}

func toJSON(handle unsafe.Pointer, style JSONStyle, text *byte, capacity int, length *int) Status {
	return Status(C.to_json((*C.l1l2_regularizer)(handle), C.l1l2_json_style(style),
		(*C.char)(unsafe.Pointer(text)), C.size_t(capacity), (*C.size_t)(unsafe.Pointer(length))))
}

func fromJSON(
	text unsafe.Pointer, length int, handle *unsafe.Pointer, message *byte, capacity int,
) Status {
	var regularizer *C.l1l2_regularizer
	status := C.from_json((*C.char)(text), C.size_t(length), &regularizer,
		(*C.char)(unsafe.Pointer(message)), C.size_t(capacity))
	*handle = unsafe.Pointer(regularizer)
	return Status(status)
}
