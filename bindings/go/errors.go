// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
	"errors"
	"fmt"
)

// Status is the reason of an [Error], an l1l2_status of the C library. It is an error itself, which
// [errors.Is] finds: errors.Is(err, l1l2.InvalidStep).
type Status int32

// The statuses that functions of this package return. Later versions of the library may have others.
const (
	InvalidArgument    Status = 10 // slices of different lengths, an unknown style, no regularizer
	InvalidCoefficient Status = 11 // negative, infinite, NaN or, in JSON, not a number
	InvalidScale       Status = 13 // not finite, or its product with a coefficient is not
	InvalidStep        Status = 14 // negative or not finite, or its products are not finite
	Overlap            Status = 15 // arrays that share memory and must not
	InvalidTensor      Status = 16 // a shape or strides that leave the slice, or another shape
	InvalidSums        Status = 18 // exact sums that are damaged
	UnknownLayout      Status = 19 // exact sums of another layout or byte order, or none
	CountOverflow      Status = 21 // exact sums of more elements or parts than can be counted
	InvalidNorm        Status = 22 // a norm or a largest norm that is negative, NaN or infinite
	OutOfMemory        Status = 30 // no memory for a new regularizer
	MalformedJSON      Status = 40 // not JSON
	UnknownConfig      Status = 41 // JSON that describes no L1L2, L1 or L2
)

var statusNames = map[Status]string{
	InvalidArgument: "invalid argument", InvalidCoefficient: "invalid coefficient",
	InvalidScale: "invalid scale", InvalidStep: "invalid step", Overlap: "overlap",
	InvalidTensor: "invalid tensor", InvalidSums: "invalid exact sums",
	UnknownLayout: "unknown layout of exact sums", CountOverflow: "count overflow",
	InvalidNorm: "invalid norm", OutOfMemory: "out of memory", MalformedJSON: "malformed JSON", UnknownConfig: "unknown config",
}

// String returns the name of the status.
func (s Status) String() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("status %d", int32(s))
}

// Error returns the name of the status, as String does.
func (s Status) Error() string { return s.String() }

// Error is a call that was refused: by the library, for slices that do not fit each other or their
// shape, or because the regularizer is closed. Nothing has been written then. All errors of this
// package are of this type, or a [TermsError] with one inside, except that the library cannot be used
// ([ErrLibrary]).
type Error struct {
	Status  Status
	Message string // a sentence in English without a full stop
}

func (e *Error) Error() string { return "l1l2: " + e.Message }

// Unwrap returns the status.
func (e *Error) Unwrap() error { return e.Status }

// ErrLibrary is found by [errors.Is] in an error that says why the library cannot be used: what was
// looked for and where, what was found, and what to do.
var ErrLibrary = errors.New("libl1l2 cannot be used")

type libraryError string

func (e libraryError) Error() string { return "l1l2: " + string(e) }

func (e libraryError) Is(target error) bool { return target == ErrLibrary }

func failure(status Status) error {
	if status == 0 {
		return nil
	}
	return &Error{status, statusString(status)}
}

func differentLengths(n int, name string, other int) error {
	return &Error{InvalidArgument, fmt.Sprintf("x has %d elements, %s %d", n, name, other)}
}
