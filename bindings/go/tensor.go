// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
	"math/bits"
	"runtime"
	"slices"
	"unsafe"
)

// Tensor is a tensor of any strides over a slice: its element at the indices i, j, ... is
// Data[Offset + i*Strides[0] + j*Strides[1] + ...]. Strides may be negative; nil stands for compact
// in row-major order. Elements are used where they are, never copied.
//
// A blas64.Vector v is Tensor[float64]{Data: v.Data, Offset: max(0, (1-v.N)*v.Inc), Shape: []int{v.N},
// Strides: []int{v.Inc}}, and a blas64.General m is Tensor[float64]{Data: m.Data,
// Shape: []int{m.Rows, m.Cols}, Strides: []int{m.Stride, 1}}.
type Tensor[T Element] struct {
	Data    []T
	Offset  int
	Shape   []int
	Strides []int
}

// A DLTensor of DLPack.
type dlTensor struct {
	data       unsafe.Pointer
	deviceType int32
	deviceID   int32
	ndim       int32
	code       uint8
	bits       uint8
	lanes      uint16
	shape      *int64
	strides    *int64
	byteOffset [2]uint64
}

// C may align byteOffset to 8 bytes where Go aligns it to 4. It is 0, and this only compiles if it fills both places.
var _ [unsafe.Sizeof(dlTensor{}) - (unsafe.Offsetof(dlTensor{}.byteOffset)+7)&^7 - 8]byte

const (
	cpu          = 1
	dlpackFloat  = 2
	dlpackBfloat = 4
	maxAxes      = 64
)

var errTensor = &Error{InvalidTensor, "the tensor's shape and strides do not fit its slice"}

// pinned returns the C form of t, which points to Go memory that stays in its place until the pinner
// unpins it.
func (t Tensor[T]) pinned(pinner *runtime.Pinner) (*dlTensor, error) {
	ndim := len(t.Shape)
	if ndim > maxAxes || t.Strides != nil && len(t.Strides) != ndim {
		return nil, errTensor
	}
	axes := make([]int64, 2*ndim+1)
	count, empty := 1, slices.Contains(t.Shape, 0)
	for i := ndim - 1; i >= 0; i-- {
		axes[i], axes[ndim+i] = int64(t.Shape[i]), int64(count)
		if t.Strides != nil {
			axes[ndim+i] = int64(t.Strides[i])
		}
		high, low := bits.Mul(uint(count), uint(t.Shape[i]))
		if t.Shape[i] < 0 || !empty && (high != 0 || int(low) < 0) {
			return nil, errTensor
		}
		count = int(low)
	}
	tensor := &dlTensor{deviceType: cpu, ndim: int32(ndim), lanes: 1, code: dlpackFloat,
		shape: &axes[0], strides: &axes[ndim]}
	var element T
	tensor.bits = uint8(8 * unsafe.Sizeof(element))
	if dtypeOf[T]() == bfloat16Type {
		tensor.code = dlpackBfloat
	}
	if count > 0 {
		if !within(len(t.Data), t.Offset, axes[:ndim], axes[ndim:2*ndim]) {
			return nil, errTensor
		}
		tensor.data = unsafe.Pointer(&t.Data[t.Offset])
		pinner.Pin(tensor.data)
	}
	pinner.Pin(tensor.shape)
	return tensor, nil
}

// within says whether all elements are among length ones. No axis is empty.
func within(length, offset int, shape, strides []int64) bool {
	if offset < 0 || offset >= length {
		return false
	}
	first, last := offset, offset
	for i, size := range shape {
		stride := strides[i]
		magnitude := uint64(stride)
		if stride < 0 {
			magnitude = -magnitude
		}
		high, reach := bits.Mul64(uint64(size-1), magnitude)
		if high != 0 || reach >= uint64(length) {
			return false
		}
		if stride < 0 {
			first -= int(reach)
		} else {
			last += int(reach)
		}
		if first < 0 || last >= length {
			return false
		}
	}
	return true
}

// PenaltyOfTensor returns what [Penalty] does for the elements of x in the order of memory. The
// error's status is InvalidTensor.
func PenaltyOfTensor[T Element](r *Regularizer, x Tensor[T]) (float64, error) {
	o, err := r.live()
	if err != nil {
		return 0, err
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	tensor, err := x.pinned(&pinner)
	if err != nil {
		return 0, err
	}
	result, status := penaltyDLPack(o.handle, tensor)
	runtime.KeepAlive(o)
	return result, failure(status)
}

// AddGradientOfTensor does what [AddGradientWithPenalty] does, for tensors of the same shape. The
// error's status is InvalidTensor, InvalidScale or Overlap.
func AddGradientOfTensor[T Element](
	r *Regularizer, x Tensor[T], scale float64, gradient Tensor[T],
) (float64, error) {
	o, err := r.live()
	if err != nil {
		return 0, err
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	tensor, err := x.pinned(&pinner)
	if err != nil {
		return 0, err
	}
	written, err := gradient.pinned(&pinner)
	if err != nil {
		return 0, err
	}
	result, status := addGradientDLPack(o.handle, tensor, scale, written)
	runtime.KeepAlive(o)
	return result, failure(status)
}

// ProxOfTensor does what [Prox] does, for tensors of the same shape. out may be x. The error's status
// is InvalidTensor, InvalidStep or Overlap.
func ProxOfTensor[T Element](r *Regularizer, x Tensor[T], step float64, out Tensor[T]) error {
	o, err := r.live()
	if err != nil {
		return err
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	tensor, err := x.pinned(&pinner)
	if err != nil {
		return err
	}
	written, err := out.pinned(&pinner)
	if err != nil {
		return err
	}
	status := proxDLPack(o.handle, tensor, step, written)
	runtime.KeepAlive(o)
	return failure(status)
}

// ProxStepOfTensor does what [ProxStep] does, for tensors of the same shape. out may be x or gradient;
// the zero value of a Tensor as gradient means 0. The error's status is InvalidTensor, InvalidStep or Overlap.
func ProxStepOfTensor[T Element](
	r *Regularizer, x, gradient Tensor[T], step float64, out Tensor[T],
) error {
	return ProxStepWithStepsOfTensor(r, x, gradient, step, Tensor[float32]{}, out)
}

// ProxStepWithStepsOfTensor does what [ProxStepWithSteps] does, as [ProxStepOfTensor].
func ProxStepWithStepsOfTensor[T Element, S Step](
	r *Regularizer, x, gradient Tensor[T], step float64, steps Tensor[S], out Tensor[T],
) error {
	o, err := r.live()
	if err != nil {
		return err
	}
	var pinner runtime.Pinner
	defer pinner.Unpin()
	tensor, err := x.pinned(&pinner)
	if err != nil {
		return err
	}
	var read, factors *dlTensor
	if !gradient.isZero() {
		if read, err = gradient.pinned(&pinner); err != nil {
			return err
		}
	}
	if !steps.isZero() {
		if err = checkSteps[S](dtypeOf[T]()); err != nil {
			return err
		}
		if factors, err = steps.pinned(&pinner); err != nil {
			return err
		}
	}
	written, err := out.pinned(&pinner)
	if err != nil {
		return err
	}
	status := proxStepDLPack(o.handle, tensor, read, step, factors, written)
	runtime.KeepAlive(o)
	return failure(status)
}

func (t Tensor[T]) isZero() bool { return t.Data == nil && t.Shape == nil }
