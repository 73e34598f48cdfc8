// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
	"fmt"
	"runtime"
)

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
// All functions check ExactSums. The error's status is InvalidSums, UnknownLayout or
// CountOverflow, and nothing has been written then. One goroutine may change them at a time, while
// none other uses them.
type ExactSums [ExactSumsLength]int64

// AddExact adds the elements of x to sums, which may have elements of several types.
func AddExact[T Element](sums *ExactSums, x []T) error {
	if err := open(); err != nil {
		return err
	}
	return failure(exactSumsAdd(&sums[0], dtypeOf[T](), first(x), len(x)))
}

// AddExactTensor adds the elements of a tensor of any strides to sums.
func AddExactTensor[T Element](sums *ExactSums, x Tensor[T]) error {
	if err := open(); err != nil {
		return err
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	tensor, err := x.pinned(&pinner)
	if err != nil {
		return err
	}
	return failure(exactSumsAddDLPack(&sums[0], tensor))
}

// AddExactTerms adds the elements of all terms to sums, or none of them. At most so many goroutines
// work at once. Regularizers are ignored, and may be nil.
func AddExactTerms(sums *ExactSums, terms []Term, goroutines int) error {
	return withTerms(terms, false, func(array *cTerm, faulty *uintptr) Status {
		return exactSumsAddTerms(&sums[0], array, len(terms), uintptr(goroutines), faulty)
	})
}

// Merge adds the elements of other to s.
func (s *ExactSums) Merge(other *ExactSums) error {
	if err := open(); err != nil {
		return err
	}
	return failure(exactSumsMerge(&s[0], &other[0]))
}

// Subtract takes the elements of other out of s, which were added before. The error's status is
// InvalidSums, too, if other has more elements or is greater, or if what would be left cannot be the
// sums of so many elements. What was never added may go unnoticed.
func (s *ExactSums) Subtract(other *ExactSums) error {
	if err := open(); err != nil {
		return err
	}
	return failure(exactSumsSubtract(&s[0], &other[0]))
}

// Norm returns the Euclidean norm, the square root of the sum of x^2, rounded once: right also where
// that sum is beyond the range of float64. It is NaN or infinite if an element is.
func (s *ExactSums) Norm() (float64, error) {
	if err := open(); err != nil {
		return 0, err
	}
	result, status := exactSumsNorm(&s[0])
	return result, failure(status)
}

// Check returns an error unless s, from a file or a network, are exact sums.
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
	result, status := penaltyExactSums(o.handle, &sums[0])
	runtime.KeepAlive(o)
	return result, failure(status)
}

// String returns the sums and the number of elements.
func (s *ExactSums) String() string {
	absolute, square, count, err := s.Read()
	if err != nil {
		return "damaged exact sums"
	}
	return fmt.Sprintf("sum |x| = %v, sum x^2 = %v, %d elements", absolute, square, count)
}
