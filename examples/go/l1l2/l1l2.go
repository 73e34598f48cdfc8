// Package l1l2 is the L1/L2 (elastic-net) regularization of Keras, computed by the C library
// libl1l2: for slices of float32, float64, float16 and bfloat16, which are not copied.
//
//	penalty(x)  = l1 * sum(|x|) + l2 * sum(x^2)
//	gradient(x) = l1 * sign(x) + 2 * l2 * x
//	prox(x)     = sign(x) * max(|x| - step * l1, 0) / (1 + 2 * step * l2)
//
// With cgo, the program is linked with the library, which pkg-config finds. Without it
// (CGO_ENABLED=0) no C compiler is needed: the first call opens the library that the environment
// variable L1L2_LIBRARY names, or else libl1l2.so.0, and it stays open.
//
// A slice stands for a tensor of any shape: its elements in the order of memory. The header l1l2.h
// is the manual: it has the operations, the bounds of their errors and what their bits are.
//
// Any number of goroutines may call any function at once, also with the same regularizer, but for
// [Regularizer.Close]. The library reads the environment at its first call: os.Setenv must not run
// meanwhile.
package l1l2

import (
	"fmt"
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

// Status is the number of an error, an l1l2_status of the C library.
type Status int32

// What an [Error] may tell. Later versions of the library may have others.
const (
	InvalidArgument    Status = 10 // slices of different lengths, an unknown style, no regularizer
	InvalidCoefficient Status = 11 // negative, infinite, NaN or, in JSON, no number
	InvalidScale       Status = 13 // not finite, or its product with a coefficient is not
	InvalidStep        Status = 14 // negative or not finite, or its products are not
	Overlap            Status = 15 // slices that share memory and must not
	InvalidSums        Status = 18 // exact sums that are damaged
	UnknownLayout      Status = 19 // exact sums of another layout or byte order, or none
	CountOverflow      Status = 21 // exact sums of more elements or parts than can be counted
	OutOfMemory        Status = 30 // no memory for a new regularizer
	MalformedJSON      Status = 40 // not JSON
	UnknownConfig      Status = 41 // JSON that describes no L1L2, L1 or L2
)

// Error is a call that was refused, by the library, for slices of different lengths or for a
// regularizer that is none (any more). Nothing has been written then. All errors of this package are of this type, but for those of a library that
// could not be opened.
type Error struct {
	Status  Status
	Message string // a sentence in English without a full stop
}

func (e *Error) Error() string { return "l1l2: " + e.Message }

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
// the C library, which [Regularizer.Close] frees. A copy of the struct shares that memory: what
// closes one closes both. The zero value and nil are as if closed.
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
		length := 0
		for message[length] != 0 {
			length++
		}
		return nil, &Error{status, string(message[:length])}
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

// Coefficients returns the very numbers that the regularizer was made of. It fails only after
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

// Penalty returns l1 * sum(|x|) + l2 * sum(x^2). It is 0 if x is empty, and may be +Inf or NaN. A
// term whose coefficient is 0 is left out and sees no NaN. It fails only after Close.
func Penalty[T Element](r *Regularizer, x []T) (float64, error) {
	o, err := r.live()
	if err != nil {
		return 0, err
	}
	var result float64
	status := penalty(o.handle, dtypeOf[T](), first(x), len(x), &result)
	runtime.KeepAlive(o)
	return result, failure(status)
}

// AddGradient adds scale * (l1 * sign(x) + 2 * l2 * x) to gradient, which is as long as x and does
// not overlap it; scale is finite. The error's status is InvalidArgument, InvalidScale or Overlap.
func AddGradient[T Element](r *Regularizer, x []T, scale float64, gradient []T) error {
	return addGradientOf(r, x, scale, gradient, nil)
}

// AddGradientWithPenalty does what AddGradient does, and in the same pass over x what Penalty does.
// The penalty is not scaled.
func AddGradientWithPenalty[T Element](
	r *Regularizer, x []T, scale float64, gradient []T,
) (float64, error) {
	var result float64
	err := addGradientOf(r, x, scale, gradient, &result)
	return result, err
}

func addGradientOf[T Element](
	r *Regularizer, x []T, scale float64, gradient []T, result *float64,
) error {
	if len(x) != len(gradient) {
		return differentLengths(len(x), "gradient", len(gradient))
	}
	o, err := r.live()
	if err != nil {
		return err
	}
	status := addGradient(o.handle, dtypeOf[T](), first(x), len(x), scale, first(gradient), result)
	runtime.KeepAlive(o)
	return failure(status)
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

// ExactSumsLength is how many numbers [ExactSums] are.
const ExactSumsLength = 207

// ExactSums are the sums of |x| and x^2 without rounding, of elements that come in any number of
// pieces, from anywhere. The zero value is the sums of no elements.
//
// They may be copied, compared with ==, stored and sent to any machine. What the functions of this
// package write depends on nothing but the elements: not on their order, nor on the pieces. Numbers
// of up to 2^30 ExactSums may be added up index by index, by whoever can add int64, and used as any
// other; merged with zeros they become what the functions write.
//
// Whoever uses ExactSums checks them. The error's status is InvalidSums, UnknownLayout or
// CountOverflow, and nothing has been written then. One goroutine may change them at a time, while
// no other one uses them.
type ExactSums [ExactSumsLength]int64

// AddExact adds the elements of x to sums, which may have elements of several types.
func AddExact[T Element](sums *ExactSums, x []T) error {
	if err := open(); err != nil {
		return err
	}
	return failure(exactSumsAdd(&sums[0], dtypeOf[T](), first(x), len(x)))
}

// Merge adds the elements of others to s.
func (s *ExactSums) Merge(other *ExactSums) error {
	if err := open(); err != nil {
		return err
	}
	return failure(exactSumsMerge(&s[0], &other[0]))
}

// Check tells whether s, from a file or a network, are exact sums.
func (s *ExactSums) Check() error {
	if err := open(); err != nil {
		return err
	}
	return failure(exactSumsCheck(&s[0]))
}

// Read returns the sum of |x| and that of x^2, each rounded once, and the number of elements, with
// infinite ones and NaNs.
func (s *ExactSums) Read() (absolute, square float64, count int64, err error) {
	if err := open(); err != nil {
		return 0, 0, 0, err
	}
	status := exactSumsRead(&s[0], &absolute, &square, &count)
	return absolute, square, count, failure(status)
}

// PenaltyOfSums returns what [Penalty] does for the elements of sums, but the true value, rounded
// once. It also fails after Close.
func PenaltyOfSums(r *Regularizer, sums *ExactSums) (float64, error) {
	o, err := r.live()
	if err != nil {
		return 0, err
	}
	var result float64
	status := penaltyExactSums(o.handle, &sums[0], &result)
	runtime.KeepAlive(o)
	return result, failure(status)
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

func failure(status Status) error {
	if status == 0 {
		return nil
	}
	return &Error{status, statusString(status)}
}

func differentLengths(n int, name string, other int) error {
	return &Error{InvalidArgument, fmt.Sprintf("x has %d elements, %s %d", n, name, other)}
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
