//go:build !cgo

package l1l2

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The functions of the library, after open. purego keeps what their arguments point to alive and in
// its place during a call.
var (
	versionString func() string
	isa           func() string
	statusString  func(status Status) string
	create        func(l1, l2 float64, handle *unsafe.Pointer) Status
	destroy       func(handle unsafe.Pointer)
	getConfig     func(handle unsafe.Pointer, l1, l2 *float64) Status
	addGradient   func(handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, scale float64,
		gradient unsafe.Pointer, result *float64) Status
	prox func(handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, step float64,
		out unsafe.Pointer) Status
	exactSumsLength  func() int
	exactSumsAdd     func(sums *int64, t dtype, x unsafe.Pointer, n int) Status
	exactSumsMerge   func(sums, other *int64) Status
	exactSumsCheck   func(sums *int64) Status
	exactSumsRead    func(sums *int64, absolute, square *float64, count *int64) Status
	penaltyExactSums func(handle unsafe.Pointer, sums *int64, result *float64) Status
	toJSON           func(handle unsafe.Pointer, style JSONStyle, text *byte, capacity int,
		length *int) Status
	fromJSON func(text unsafe.Pointer, length int, handle *unsafe.Pointer, message *byte,
		capacity int) Status

	penaltyAddress uintptr
)

// A call of those above goes through reflection. This one needs none, since no argument is a
// floating-point number, and takes a third of the time.
func penalty(handle unsafe.Pointer, t dtype, x unsafe.Pointer, n int, result *float64) Status {
	status, _, _ := purego.SyscallN(penaltyAddress, uintptr(handle), uintptr(t), uintptr(x),
		uintptr(n), uintptr(unsafe.Pointer(result)))
	return Status(status)
}

var (
	opening   sync.Once
	openError error
)

func open() error {
	opening.Do(func() {
		if err := openLibrary(); err != nil {
			openError = fmt.Errorf("l1l2: %w", err)
		}
	})
	return openError
}

func openLibrary() error {
	// dlerror knows only what failed on its own thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	path := os.Getenv("L1L2_LIBRARY")
	if path == "" {
		path = "libl1l2.so.0"
	}
	library, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return err
	}
	if penaltyAddress, err = purego.Dlsym(library, "l1l2_penalty"); err != nil {
		return err
	}
	for name, function := range map[string]any{
		"l1l2_version_string":     &versionString,
		"l1l2_isa":                &isa,
		"l1l2_status_string":      &statusString,
		"l1l2_create":             &create,
		"l1l2_destroy":            &destroy,
		"l1l2_get_config":         &getConfig,
		"l1l2_add_gradient":       &addGradient,
		"l1l2_prox":               &prox,
		"l1l2_exact_sums_length":  &exactSumsLength,
		"l1l2_exact_sums_add":     &exactSumsAdd,
		"l1l2_exact_sums_merge":   &exactSumsMerge,
		"l1l2_exact_sums_check":   &exactSumsCheck,
		"l1l2_exact_sums_read":    &exactSumsRead,
		"l1l2_penalty_exact_sums": &penaltyExactSums,
		"l1l2_to_json":            &toJSON,
		"l1l2_from_json":          &fromJSON,
	} {
		address, err := purego.Dlsym(library, name)
		if err != nil {
			return err
		}
		purego.RegisterFunc(function, address)
	}
	if exactSumsLength() != ExactSumsLength {
		return errors.New("the library's exact sums have another length")
	}
	return nil
}
