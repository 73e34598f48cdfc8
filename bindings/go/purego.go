// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build !cgo || windows

package l1l2

import (
	"errors"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The functions of the library, after open. purego keeps what their arguments point to alive and in
// its place during a call.
var (
	versionString     func() string
	isa               func() string
	statusString      func(status Status) string
	create            func(l1, l2 float64, handle *unsafe.Pointer) Status
	destroy           func(handle unsafe.Pointer)
	getConfig         func(handle unsafe.Pointer, l1, l2 *float64) Status
	callAddGradient   func(handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, scale float64, gradient unsafe.Pointer, result *float64) Status
	prox              func(handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, step float64, out unsafe.Pointer) Status
	proxStep          func(handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, gradient unsafe.Pointer, step float64, steps, out unsafe.Pointer) Status
	callPenaltyDLPack func(handle unsafe.Pointer, x *dlTensor, result *float64) Status
	callGradDLPack    func(handle unsafe.Pointer, x *dlTensor, scale float64, gradient *dlTensor, result *float64) Status
	proxDLPack        func(handle unsafe.Pointer, x *dlTensor, step float64, out *dlTensor) Status
	proxStepDLPack    func(handle unsafe.Pointer, x, gradient *dlTensor, step float64, steps, out *dlTensor) Status
	callPenaltyTerms  func(terms *cTerm, size, count int, runner, goroutines uintptr, penalties, total *float64, faulty *uintptr) Status
	callGradientTerms func(terms *cTerm, size, count int, scale float64, runner, goroutines uintptr, penalties, total *float64, faulty *uintptr) Status
	callProxTerms     func(terms *cTerm, size, count int, step float64, runner, goroutines uintptr, faulty *uintptr) Status
	callProxStepTerms func(terms *cTerm, size, count int, step float64, runner, goroutines uintptr, faulty *uintptr) Status
	callClipTerms     func(terms *cTerm, size, count int, norm, maxNorm float64, runner, goroutines uintptr, faulty *uintptr) Status

	exactSumsLength    func() int
	exactSumsAdd       func(sums *int64, t dtype, x unsafe.Pointer, n int) Status
	exactSumsAddDLPack func(sums *int64, x *dlTensor) Status
	callSumsAddTerms   func(sums *int64, terms *cTerm, size, count int, runner, goroutines uintptr, faulty *uintptr) Status
	exactSumsMerge     func(sums, other *int64) Status
	exactSumsSubtract  func(sums, other *int64) Status
	callSumsNorm       func(sums *int64, result *float64) Status
	exactSumsCheck     func(sums *int64) Status
	exactSumsRead      func(sums *int64, absolute, square *float64, count *int64) Status
	callPenaltySums    func(handle unsafe.Pointer, sums *int64, result *float64) Status
	toJSON             func(handle unsafe.Pointer, style JSONStyle, text *byte, capacity int, length *int) Status
	fromJSON           func(text unsafe.Pointer, length int, handle *unsafe.Pointer, message *byte, capacity int) Status

	versionAddress uintptr
	penaltyAddress uintptr
	runner         uintptr
)

func versionNumber() uint32 {
	number, _, _ := purego.SyscallN(versionAddress)
	return uint32(number)
}

// A call of those above goes through reflection. This one needs none, since no argument is a
// floating-point number, and takes a third of the time.
func penalty(handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int) (float64, Status) {
	var result float64
	status, _, _ := purego.SyscallN(penaltyAddress, uintptr(handle), uintptr(t), uintptr(x),
		uintptr(n), uintptr(unsafe.Pointer(&result)))
	return result, Status(status)
}

func addGradient(
	handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, scale float64, gradient unsafe.Pointer,
	wanted bool,
) (float64, Status) {
	if !wanted {
		return 0, callAddGradient(handle, t, x, n, scale, gradient, nil)
	}
	var result float64
	status := callAddGradient(handle, t, x, n, scale, gradient, &result)
	return result, status
}

func penaltyDLPack(handle unsafe.Pointer, x *dlTensor) (float64, Status) {
	var result float64
	status := callPenaltyDLPack(handle, x, &result)
	return result, status
}

func addGradientDLPack(
	handle unsafe.Pointer, x *dlTensor, scale float64, gradient *dlTensor,
) (float64, Status) {
	var result float64
	status := callGradDLPack(handle, x, scale, gradient, &result)
	return result, status
}

func penaltyExactSums(handle unsafe.Pointer, sums *int64) (float64, Status) {
	var result float64
	status := callPenaltySums(handle, sums, &result)
	return result, status
}

func exactSumsNorm(sums *int64) (float64, Status) {
	var result float64
	status := callSumsNorm(sums, &result)
	return result, status
}

const termSize = int(unsafe.Sizeof(cTerm{}))

func penaltyTerms(
	terms *cTerm, count int, goroutines uintptr, penalties, total *float64, faulty *uintptr,
) Status {
	return callPenaltyTerms(terms, termSize, count, runner, goroutines, penalties, total, faulty)
}

func addGradientTerms(
	terms *cTerm, count int, scale float64, goroutines uintptr, penalties, total *float64,
	faulty *uintptr,
) Status {
	return callGradientTerms(terms, termSize, count, scale, runner, goroutines, penalties, total,
		faulty)
}

func proxTerms(terms *cTerm, count int, step float64, goroutines uintptr, faulty *uintptr) Status {
	return callProxTerms(terms, termSize, count, step, runner, goroutines, faulty)
}

func proxStepTerms(
	terms *cTerm, count int, step float64, goroutines uintptr, faulty *uintptr,
) Status {
	return callProxStepTerms(terms, termSize, count, step, runner, goroutines, faulty)
}

func clipByNormTerms(
	terms *cTerm, count int, norm, maxNorm float64, goroutines uintptr, faulty *uintptr,
) Status {
	return callClipTerms(terms, termSize, count, norm, maxNorm, runner, goroutines, faulty)
}

func exactSumsAddTerms(
	sums *int64, terms *cTerm, count int, goroutines uintptr, faulty *uintptr,
) Status {
	return callSumsAddTerms(sums, terms, termSize, count, runner, goroutines, faulty)
}

func openStatic() bool { return false }

// openFile opens a shared library for the rest of the process. A found version of 0 is none.
func openFile(path string) (found uint32, err error) {
	library, err := loadLibrary(path)
	if err != nil {
		return 0, err
	}
	if versionAddress, err = findSymbol(library, "l1l2_version_number"); err != nil {
		return 0, nil
	}
	if found = versionNumber(); found < neededVersion {
		return found, nil
	}
	if penaltyAddress, err = findSymbol(library, "l1l2_penalty"); err != nil {
		return 0, err
	}
	for name, function := range map[string]any{
		"l1l2_version_string":        &versionString,
		"l1l2_isa":                   &isa,
		"l1l2_status_string":         &statusString,
		"l1l2_create":                &create,
		"l1l2_destroy":               &destroy,
		"l1l2_get_config":            &getConfig,
		"l1l2_add_gradient":          &callAddGradient,
		"l1l2_prox":                  &prox,
		"l1l2_prox_step":             &proxStep,
		"l1l2_prox_step_dlpack":      &proxStepDLPack,
		"l1l2_prox_step_terms":       &callProxStepTerms,
		"l1l2_clip_by_norm_terms":    &callClipTerms,
		"l1l2_exact_sums_add_terms":  &callSumsAddTerms,
		"l1l2_exact_sums_subtract":   &exactSumsSubtract,
		"l1l2_exact_sums_norm":       &callSumsNorm,
		"l1l2_penalty_dlpack":        &callPenaltyDLPack,
		"l1l2_add_gradient_dlpack":   &callGradDLPack,
		"l1l2_prox_dlpack":           &proxDLPack,
		"l1l2_penalty_terms":         &callPenaltyTerms,
		"l1l2_add_gradient_terms":    &callGradientTerms,
		"l1l2_prox_terms":            &callProxTerms,
		"l1l2_exact_sums_length":     &exactSumsLength,
		"l1l2_exact_sums_add":        &exactSumsAdd,
		"l1l2_exact_sums_add_dlpack": &exactSumsAddDLPack,
		"l1l2_exact_sums_merge":      &exactSumsMerge,
		"l1l2_exact_sums_check":      &exactSumsCheck,
		"l1l2_exact_sums_read":       &exactSumsRead,
		"l1l2_penalty_exact_sums":    &callPenaltySums,
		"l1l2_to_json":               &toJSON,
		"l1l2_from_json":             &fromJSON,
	} {
		address, err := findSymbol(library, name)
		if err != nil {
			return 0, err
		}
		purego.RegisterFunc(function, address)
	}
	if exactSumsLength() != ExactSumsLength {
		return 0, errors.New("its exact sums have another length")
	}
	runner = purego.NewCallback(func(goroutines, task, work, count uintptr) uintptr {
		runTasks(goroutines, count, func(index uintptr) { purego.SyscallN(task, work, index) })
		return 0
	})
	return found, nil
}
