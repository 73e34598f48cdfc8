// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

// Package l1l2 is the L1/L2 (elastic-net) regularization of Keras, computed by the C library
// libl1l2: for slices of float32, float64, float16 and bfloat16, which are not copied.
//
//	penalty(x)  = l1 * sum(|x|) + l2 * sum(x^2)
//	gradient(x) = l1 * sign(x) + 2 * l2 * x
//	prox(x)     = sign(x) * max(|x| - step * l1, 0) / (1 + 2 * step * l2)
//
// With cgo (the default) the library is linked statically and nothing is needed at run time. Without
// it, or on a system that has no static library here, the first call opens a shared library, which
// stays open: the one in this package or that of the system. Either way the environment variable
// L1L2_LIBRARY names another shared library to be used instead.
//
// A slice stands for a tensor of any shape: its elements in the order of memory. [Tensor] has
// strides, [Term] is one of many tensors in one call, and [ExactSums] take elements that come in
// pieces and have their norm, by which [ClipByNorm] clips gradients. The header l1l2.h is the manual:
// it has the operations, the bounds of their errors and what their bits are.
//
// Any number of goroutines may call any function at once, also with the same regularizer, but for
// [Regularizer.Close]. The library reads the environment at its first call: os.Setenv must not run
// meanwhile.
package l1l2

//go:generate ./build.sh

import (
	"bytes"
	"runtime"
	"unsafe"
)

// Float16 holds the bits of an IEEE 754 binary16.
type Float16 uint16

// BFloat16 holds the bits of a bfloat16: the upper half of a float32.
type BFloat16 uint16

// Element is the type of an array's elements.
type Element interface {
	~float32 | ~float64 | Float16 | BFloat16
}

// JSONStyle is one of the forms in which [Regularizer.JSON] writes.
type JSONStyle int32

const (
	// JSONConfig is {"l1": 0.01, "l2": 0.02}, what Keras's get_config returns.
	JSONConfig JSONStyle = 0
	// JSONKeras2 is {"class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.02}}.
	JSONKeras2 JSONStyle = 1
	// JSONKeras3 is that of Keras 3, with "module" and "registered_name" besides.
	JSONKeras3 JSONStyle = 2
)

// Enough for every JSON text and every message, says l1l2.h.
const textCapacity = 256

// Regularizer is an immutable pair of coefficients, made by [New] or [FromJSON]. It owns memory of
// the C library, which [Regularizer.Close] frees. A copy of the struct shares that memory: to close
// one closes both. The zero value and nil are as if closed.
type Regularizer struct {
	owner *owner
}

// What the finalizer is set on, so that copies of a Regularizer keep it alive.
type owner struct {
	handle unsafe.Pointer
}

// New makes a regularizer of two coefficients, which are finite and not negative. The error's
// status is InvalidCoefficient or OutOfMemory.
func New(l1, l2 float64) (*Regularizer, error) {
	if err := open(); err != nil {
		return nil, err
	}
	var handle unsafe.Pointer
	if status := create(l1, l2, &handle); status != 0 {
		return nil, failure(status)
	}
	return own(handle), nil
}

// FromJSON makes a regularizer of any form in which a version of Keras has written one. The error's
// status is MalformedJSON, UnknownConfig, InvalidCoefficient or OutOfMemory, and its message names
// the key, the class or the byte that is at fault.
func FromJSON(text []byte) (*Regularizer, error) {
	if err := open(); err != nil {
		return nil, err
	}
	var handle unsafe.Pointer
	var message [textCapacity]byte
	status := fromJSON(first(text), len(text), &handle, &message[0], len(message))
	if status != 0 {
		sentence, _, _ := bytes.Cut(message[:], []byte{0})
		return nil, &Error{status, string(sentence)}
	}
	return own(handle), nil
}

// The finalizer is a safety net: the garbage collector does not see C's memory, and may be late.
func own(handle unsafe.Pointer) *Regularizer {
	o := &owner{handle}
	runtime.SetFinalizer(o, (*owner).close)
	return &Regularizer{o}
}

// Close frees the regularizer's memory. No other call may be using it. Closing it again does
// nothing, and all other calls are refused after it, with InvalidArgument.
func (r *Regularizer) Close() {
	if o, err := r.live(); err == nil {
		runtime.SetFinalizer(o, nil)
		o.close()
	}
}

func (o *owner) close() {
	destroy(o.handle)
	o.handle = nil
}

// live returns the owner, which must be kept alive as long as its handle is used. Without one the
// library is not asked, since it may not have been opened yet.
func (r *Regularizer) live() (*owner, error) {
	if r == nil || r.owner == nil || r.owner.handle == nil {
		return nil, &Error{InvalidArgument, "the regularizer is closed or was never made"}
	}
	return r.owner, nil
}

// Coefficients returns the numbers that the regularizer was made of, and 0 for -0. It fails only after
// Close.
func (r *Regularizer) Coefficients() (l1, l2 float64, err error) {
	o, err := r.live()
	if err != nil {
		return 0, 0, err
	}
	status := getConfig(o.handle, &l1, &l2)
	runtime.KeepAlive(o)
	return l1, l2, failure(status)
}

// JSON writes the regularizer as Python's json.dumps does. It fails only after Close, and for an
// unknown style.
func (r *Regularizer) JSON(style JSONStyle) ([]byte, error) {
	o, err := r.live()
	if err != nil {
		return nil, err
	}
	text := make([]byte, textCapacity)
	var length int
	status := toJSON(o.handle, style, &text[0], len(text), &length)
	runtime.KeepAlive(o)
	return text[:length], failure(status)
}

// String returns the JSON of [JSONConfig], or "closed".
func (r *Regularizer) String() string {
	text, err := r.JSON(JSONConfig)
	if err != nil {
		return "closed"
	}
	return string(text)
}

// Penalty returns l1 * sum(|x|) + l2 * sum(x^2). It is 0 if x is empty, and may be +Inf or NaN. A
// part whose coefficient is 0 is left out and sees no NaN. It fails only after Close.
func Penalty[T Element](r *Regularizer, x []T) (float64, error) {
	o, err := r.live()
	if err != nil {
		return 0, err
	}
	result, status := penalty(o.handle, dtypeOf[T](), first(x), len(x))
	runtime.KeepAlive(o)
	return result, failure(status)
}

// AddGradient adds scale * (l1 * sign(x) + 2 * l2 * x) to gradient, which is as long as x and does
// not overlap it; scale is finite. The error's status is InvalidArgument, InvalidScale or Overlap.
func AddGradient[T Element](r *Regularizer, x []T, scale float64, gradient []T) error {
	_, err := addGradientOf(r, x, scale, gradient, false)
	return err
}

// AddGradientWithPenalty does what AddGradient does, and in the same pass over x what Penalty does.
// The penalty is not scaled.
func AddGradientWithPenalty[T Element](
	r *Regularizer, x []T, scale float64, gradient []T,
) (float64, error) {
	return addGradientOf(r, x, scale, gradient, true)
}

func addGradientOf[T Element](
	r *Regularizer, x []T, scale float64, gradient []T, wanted bool,
) (float64, error) {
	if len(x) != len(gradient) {
		return 0, differentLengths(len(x), "gradient", len(gradient))
	}
	o, err := r.live()
	if err != nil {
		return 0, err
	}
	result, status := addGradient(o.handle, dtypeOf[T](), first(x), len(x), scale, first(gradient),
		wanted)
	runtime.KeepAlive(o)
	return result, failure(status)
}

// Prox writes the proximal operator of step * penalty, which makes exact zeros, to out. out is x
// itself, or as long as x without overlapping it; step is finite and not negative. The error's
// status is InvalidArgument, InvalidStep or Overlap.
func Prox[T Element](r *Regularizer, x []T, step float64, out []T) error {
	if len(x) != len(out) {
		return differentLengths(len(x), "out", len(out))
	}
	o, err := r.live()
	if err != nil {
		return err
	}
	status := prox(o.handle, dtypeOf[T](), first(x), len(x), step, first(out))
	runtime.KeepAlive(o)
	return failure(status)
}

// ProxStep takes a step of proximal gradient descent in one pass over memory: with
// v = x - step * gradient it writes sign(v) * max(|v| - step * l1, 0) / (1 + 2 * step * l2) to out.
// gradient is as long as x, or nil, which means 0. out is x or gradient itself, or as long as x
// without overlapping the others; step is finite and not negative. The error's status is
// InvalidArgument, InvalidStep or Overlap.
func ProxStep[T Element](r *Regularizer, x, gradient []T, step float64, out []T) error {
	return ProxStepWithSteps(r, x, gradient, step, []float32(nil), out)
}

// Step is the type of the factors of a step: that in which proximal operators are computed, float64
// for elements of float64, else float32.
type Step interface {
	~float32 | ~float64
}

// ProxStepWithSteps does what [ProxStep] does, with the step step * steps[i] for x[i]: the
// preconditioner of proximal Adagrad or Adam. steps are as long as x, finite and not negative.
func ProxStepWithSteps[T Element, S Step](
	r *Regularizer, x, gradient []T, step float64, steps []S, out []T,
) error {
	if len(x) != len(out) {
		return differentLengths(len(x), "out", len(out))
	}
	if err := checkStep(x, gradient, steps); err != nil {
		return err
	}
	o, err := r.live()
	if err != nil {
		return err
	}
	status := proxStep(o.handle, dtypeOf[T](), first(x), len(x), first(gradient), step, first(steps),
		first(out))
	runtime.KeepAlive(o)
	return failure(status)
}

// checkStep returns an error unless what a step reads fits x or is nil.
func checkStep[T Element, S Step](x, gradient []T, steps []S) error {
	switch {
	case gradient != nil && len(gradient) != len(x):
		return differentLengths(len(x), "gradient", len(gradient))
	case steps == nil:
		return nil
	case len(steps) != len(x):
		return differentLengths(len(x), "steps", len(steps))
	}
	return checkSteps[S](dtypeOf[T]())
}

// checkSteps returns an error unless S is the type of steps for elements of type t.
func checkSteps[S Step](t dtype) error {
	if (dtypeOf[S]() == float64Type) != (t == float64Type) {
		return &Error{InvalidArgument, "steps are float64 for elements of float64, else float32"}
	}
	return nil
}

// Version returns the version of the library that runs, "major.minor.patch". It fails only if there
// is none.
func Version() (string, error) {
	if err := open(); err != nil {
		return "", err
	}
	return versionString(), nil
}

// ISA returns the name of the instruction set that the library uses, "avx2" for instance. It fails
// only if there is no library.
func ISA() (string, error) {
	if err := open(); err != nil {
		return "", err
	}
	return isa(), nil
}

// An l1l2_dtype.
type dtype int32

const (
	float32Type  dtype = 1
	float64Type  dtype = 2
	float16Type  dtype = 3
	bfloat16Type dtype = 4
)

func dtypeOf[T Element]() dtype {
	var element T
	switch any(element).(type) {
	case Float16:
		return float16Type
	case BFloat16:
		return bfloat16Type
	}
	// The others may be types that are named elsewhere, of which only the size is known.
	if unsafe.Sizeof(element) == 8 {
		return float64Type
	}
	return float32Type
}

// An empty slice has no first element.
func first[T any](x []T) unsafe.Pointer {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Pointer(&x[0])
}
