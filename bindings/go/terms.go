// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Term is one tensor of a list: thousands of them cost little more than their elements. Large ones
// are cut into pieces that several goroutines work on; the results have the same bits on any number
// of them.
type Term struct {
	regularizer *Regularizer
	term        cTerm
}

// An l1l2_term.
type cTerm struct {
	regularizer unsafe.Pointer
	x           unsafe.Pointer
	n           uintptr
	gradient    unsafe.Pointer
	out         unsafe.Pointer
	dtype       dtype
	reserved    int32
	steps       unsafe.Pointer
}

// NewTerm makes a term of which only the penalty is computed, or which [AddExactTerms] adds.
func NewTerm[T Element](r *Regularizer, x []T) Term {
	return Term{r, cTerm{x: first(x), n: uintptr(len(x)), dtype: dtypeOf[T]()}}
}

// NewTermWithGradient makes a term whose gradient [AddGradientOfTerms] adds to gradient.
func NewTermWithGradient[T Element](r *Regularizer, x, gradient []T) (Term, error) {
	term := NewTerm(r, x)
	if len(x) != len(gradient) {
		return term, differentLengths(len(x), "gradient", len(gradient))
	}
	term.term.gradient = first(gradient)
	return term, nil
}

// NewTermWithOut makes a term whose proximal operator [ProxOfTerms] writes to out, which may be x.
// [ClipByNorm] writes there, too, and needs no regularizer.
func NewTermWithOut[T Element](r *Regularizer, x, out []T) (Term, error) {
	term := NewTerm(r, x)
	if len(x) != len(out) {
		return term, differentLengths(len(x), "out", len(out))
	}
	term.term.out = first(out)
	return term, nil
}

// NewTermWithStep makes a term whose proximal step [ProxStepOfTerms] writes to out, which may be x or
// gradient. A gradient of nil means 0.
func NewTermWithStep[T Element](r *Regularizer, x, gradient, out []T) (Term, error) {
	term, err := NewTermWithOut(r, x, out)
	if err != nil {
		return term, err
	}
	if err := checkStep(x, gradient, []float32(nil)); err != nil {
		return term, err
	}
	term.term.gradient = first(gradient)
	return term, nil
}

// WithSteps returns a term like the given one, of [NewTermWithStep], with factors of the step, as
// [ProxStepWithSteps] has them.
func WithSteps[S Step](term Term, steps []S) (Term, error) {
	if n := int(term.term.n); len(steps) != n {
		return term, differentLengths(n, "steps", len(steps))
	}
	if err := checkSteps[S](term.term.dtype); err != nil {
		return term, err
	}
	term.term.steps = first(steps)
	return term, nil
}

// TermsError is an [Error] that one of several terms has caused.
type TermsError struct {
	Index int // of the first term that is wrong
	Err   error
}

func (e *TermsError) Error() string {
	return fmt.Sprintf("l1l2: term %d: %s", e.Index, strings.TrimPrefix(e.Err.Error(), "l1l2: "))
}

// Unwrap returns what is wrong with the term.
func (e *TermsError) Unwrap() error { return e.Err }

// withTerms calls the library with the C form of terms, whose memory stays in its place meanwhile.
func withTerms(
	terms []Term, regularized bool, call func(terms *cTerm, faulty *uintptr) Status,
) error {
	if err := open(); err != nil {
		return err
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	array := make([]cTerm, len(terms)+1) // never empty, so that it has a first one
	for i, term := range terms {
		array[i] = term.term
		if term.term.dtype == 0 {
			return &TermsError{i, &Error{InvalidArgument, "the term was never made"}}
		}
		if regularized {
			o, err := term.regularizer.live()
			if err != nil {
				return &TermsError{i, err}
			}
			array[i].regularizer = o.handle
		}
		c := &array[i]
		for _, memory := range []unsafe.Pointer{c.x, c.gradient, c.out, c.steps} {
			if memory != nil {
				pinner.Pin(memory)
			}
		}
	}
	faulty := uintptr(len(terms))
	status := call(&array[0], &faulty)
	runtime.KeepAlive(terms)
	if err := failure(status); err != nil && faulty < uintptr(len(terms)) {
		return &TermsError{int(faulty), err}
	}
	return failure(status)
}

// PenaltiesOfTerms returns the penalty of each term and their sum, ((p0 + p1) + p2) and so on. At
// most so many goroutines work at once, the caller's among them.
func PenaltiesOfTerms(terms []Term, goroutines int) (each []float64, total float64, err error) {
	each = make([]float64, len(terms)+1)
	err = withTerms(terms, true, func(array *cTerm, faulty *uintptr) Status {
		return penaltyTerms(array, len(terms), uintptr(goroutines), &each[0], &total, faulty)
	})
	return each[:len(terms)], total, err
}

// AddGradientOfTerms adds the gradients of all terms that have one, times scale, and returns what
// PenaltiesOfTerms does, from the same pass over memory.
func AddGradientOfTerms(
	terms []Term, scale float64, goroutines int,
) (each []float64, total float64, err error) {
	each = make([]float64, len(terms)+1)
	err = withTerms(terms, true, func(array *cTerm, faulty *uintptr) Status {
		return addGradientTerms(array, len(terms), scale, uintptr(goroutines), &each[0], &total,
			faulty)
	})
	return each[:len(terms)], total, err
}

// ProxOfTerms computes the proximal operators of all terms, which all have an out.
func ProxOfTerms(terms []Term, step float64, goroutines int) error {
	return withTerms(terms, true, func(array *cTerm, faulty *uintptr) Status {
		return proxTerms(array, len(terms), step, uintptr(goroutines), faulty)
	})
}

// ProxStepOfTerms takes a step of proximal gradient descent on all terms, which all have an out.
func ProxStepOfTerms(terms []Term, step float64, goroutines int) error {
	return withTerms(terms, true, func(array *cTerm, faulty *uintptr) Status {
		return proxStepTerms(array, len(terms), step, uintptr(goroutines), faulty)
	})
}

// ClipByNorm clips tensors, the gradients of a model as a rule, by the norm of all of them together,
// which it returns: it multiplies every element by min(1, maxNorm / norm). If the norm is at most
// maxNorm, every element keeps its bits. The results have the same bits on any number of goroutines.
//
// The terms are those of [NewTermWithOut]; regularizers are ignored, and may be nil. The error's
// status is InvalidNorm if maxNorm or the norm is negative, infinite or NaN, as the norm is if an
// element is. Nothing has been written then.
func ClipByNorm(terms []Term, maxNorm float64, goroutines int) (norm float64, err error) {
	var sums ExactSums
	if err = AddExactTerms(&sums, terms, goroutines); err != nil {
		return 0, err
	}
	if norm, err = sums.Norm(); err != nil {
		return 0, err
	}
	return norm, ClipByGivenNorm(terms, norm, maxNorm, goroutines)
}

// ClipByGivenNorm does what [ClipByNorm] does, with a norm that [ExactSums.Norm] has returned: that of
// all elements, those of other machines included.
func ClipByGivenNorm(terms []Term, norm, maxNorm float64, goroutines int) error {
	return withTerms(terms, false, func(array *cTerm, faulty *uintptr) Status {
		return clipByNormTerms(array, len(terms), norm, maxNorm, uintptr(goroutines), faulty)
	})
}

// runTasks calls task with each index below count, on at most so many goroutines.
func runTasks(goroutines, count uintptr, task func(index uintptr)) {
	var next atomic.Uintptr
	work := func() {
		for index := next.Add(1) - 1; index < count; index = next.Add(1) - 1 {
			task(index)
		}
	}
	var group sync.WaitGroup
	for i := 1; i < int(goroutines) && i < int(count); i++ { // int: a negative number must not be a large one
		group.Add(1)
		go func() {
			defer group.Done()
			work()
		}()
	}
	work()
	group.Wait()
}
