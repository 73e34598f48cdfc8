// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
	"fmt"
	"runtime"
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
}

// NewTerm makes a term of which only the penalty is computed.
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
func NewTermWithOut[T Element](r *Regularizer, x, out []T) (Term, error) {
	term := NewTerm(r, x)
	if len(x) != len(out) {
		return term, differentLengths(len(x), "out", len(out))
	}
	term.term.out = first(out)
	return term, nil
}

// TermsError is an [Error] that one of several terms has caused.
type TermsError struct {
	Index int // of the first term that is wrong
	Err   error
}

func (e *TermsError) Error() string { return fmt.Sprintf("l1l2: term %d: %v", e.Index, e.Err) }

// Unwrap returns what is wrong with the term.
func (e *TermsError) Unwrap() error { return e.Err }

// withTerms calls the library with the C form of terms, whose memory stays in its place meanwhile.
func withTerms(terms []Term, call func(terms *cTerm, faulty *uintptr) Status) error {
	if err := open(); err != nil {
		return err
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	array := make([]cTerm, len(terms)+1) // never empty, so that it has a first one
	for i, term := range terms {
		o, err := term.regularizer.live()
		if err != nil {
			return &TermsError{i, err}
		}
		array[i] = term.term
		array[i].regularizer = o.handle
		for _, memory := range []unsafe.Pointer{term.term.x, term.term.gradient, term.term.out} {
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
	err = withTerms(terms, func(array *cTerm, faulty *uintptr) Status {
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
	err = withTerms(terms, func(array *cTerm, faulty *uintptr) Status {
		return addGradientTerms(array, len(terms), scale, uintptr(goroutines), &each[0], &total,
			faulty)
	})
	return each[:len(terms)], total, err
}

// ProxOfTerms computes the proximal operators of all terms, which all have an out.
func ProxOfTerms(terms []Term, step float64, goroutines int) error {
	return withTerms(terms, func(array *cTerm, faulty *uintptr) Status {
		return proxTerms(array, len(terms), step, uintptr(goroutines), faulty)
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
	for i := uintptr(1); i < goroutines && i < count; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			work()
		}()
	}
	work()
	group.Wait()
}
