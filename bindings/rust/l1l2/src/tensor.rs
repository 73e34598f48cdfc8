// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

use crate::element::Element;
use crate::error::{check, load, Error};
use crate::Regularizer;
use l1l2_sys as sys;
use std::marker::PhantomData;
use std::ptr;

/// The status of shapes and strides that make no tensor.
const INVALID_TENSOR: i32 = 16;

const CPU: i32 = 1;

/// Where the elements of a tensor are: from the first element on, in steps of the strides.
struct Layout<T> {
    data: *mut T,
    shape: Vec<i64>,
    strides: Vec<i64>,
}

// SAFETY: the pointer stands for the slice that `View` and `ViewMut` name beside it, which decides.
unsafe impl<T> Send for Layout<T> {}
unsafe impl<T> Sync for Layout<T> {}

impl<T: Element> Layout<T> {
    /// A shape and strides in elements over the slice of `length` elements at `data`, from its
    /// element `offset` on; refused unless every element lies in the slice.
    fn within(
        data: *mut T,
        length: usize,
        offset: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        if shape.len() != strides.len() || !fits(length, offset, shape, strides) {
            load()?; // of_code() reads the message from the library
            return Err(Error::of_code(INVALID_TENSOR));
        }
        // SAFETY: the offset lies in the slice, or there is no element.
        let data = unsafe { data.add(offset.min(length)) };
        Ok(Self::new(data, shape, strides))
    }

    fn new(data: *mut T, shape: &[usize], strides: &[isize]) -> Self {
        let shape = shape.iter().map(|&size| size as i64).collect();
        let strides = strides.iter().map(|&stride| stride as i64).collect();
        Self { data, shape, strides }
    }

    fn tensor(&self) -> sys::DLTensor {
        sys::DLTensor {
            data: self.data.cast(),
            device_type: CPU,
            device_id: 0,
            ndim: i32::try_from(self.shape.len()).unwrap_or(i32::MAX),
            dtype_code: T::DLPACK_CODE,
            dtype_bits: 8 * std::mem::size_of::<T>() as u8,
            dtype_lanes: 1,
            shape: self.shape.as_ptr(),
            strides: self.strides.as_ptr(),
            byte_offset: 0,
        }
    }
}

/// Whether all elements lie in a slice of `length`.
fn fits(length: usize, offset: usize, shape: &[usize], strides: &[isize]) -> bool {
    if shape.contains(&0) {
        return true;
    }
    let length = length as i128;
    let (mut first, mut last) = (offset as i128, offset as i128);
    for (&size, &stride) in shape.iter().zip(strides) {
        let reach = (size as i128 - 1) * stride as i128;
        if reach.abs() >= length {
            return false;
        }
        first += reach.min(0);
        last += reach.max(0);
    }
    first >= 0 && last < length
}

/// A tensor of any strides that is read. With the feature `ndarray`, `array.view().into()` is one.
///
/// ```
/// # fn main() -> Result<(), l1l2::Error> {
/// let regularizer = l1l2::Regularizer::new(0.01, 0.0)?;
/// let matrix = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]; // 2 x 3
/// let second_column = l1l2::View::new(&matrix, 1, &[2], &[3])?;
/// assert_eq!(regularizer.penalty_of_tensor(second_column)?, 0.07);
/// # Ok(())
/// # }
/// ```
pub struct View<'a, T> {
    layout: Layout<T>,
    elements: PhantomData<&'a [T]>,
}

impl<'a, T: Element> View<'a, T> {
    /// The tensor of `shape` whose first element is `data[offset]`; `strides` are in elements and of
    /// either sign.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidTensor`](crate::Status) if there are more strides than axes or fewer, or an
    /// element lies outside of `data`; [`Error::Library`].
    pub fn new(
        data: &'a [T],
        offset: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        let first = data.as_ptr() as *mut T; // never written
        let layout = Layout::within(first, data.len(), offset, shape, strides)?;
        Ok(Self { layout, elements: PhantomData })
    }

    pub(crate) fn tensor(&self) -> sys::DLTensor {
        self.layout.tensor()
    }
}

/// A tensor of any strides that is written. With the feature `ndarray`, `array.view_mut().into()`
/// is one.
pub struct ViewMut<'a, T> {
    layout: Layout<T>,
    elements: PhantomData<&'a mut [T]>,
}

impl<'a, T: Element> ViewMut<'a, T> {
    /// As [`View::new`]. That elements share memory is found by the call that writes them.
    ///
    /// # Errors
    ///
    /// As [`View::new`].
    pub fn new(
        data: &'a mut [T],
        offset: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Self, Error> {
        let layout = Layout::within(data.as_mut_ptr(), data.len(), offset, shape, strides)?;
        Ok(Self { layout, elements: PhantomData })
    }
}

#[cfg(feature = "ndarray")]
impl<'a, T: Element, D: ndarray::Dimension> From<ndarray::ArrayView<'a, T, D>> for View<'a, T> {
    fn from(array: ndarray::ArrayView<'a, T, D>) -> Self {
        let layout = Layout::new(array.as_ptr() as *mut T, array.shape(), array.strides());
        Self { layout, elements: PhantomData }
    }
}

#[cfg(feature = "ndarray")]
impl<'a, T: Element, D: ndarray::Dimension> From<ndarray::ArrayViewMut<'a, T, D>>
    for ViewMut<'a, T>
{
    fn from(mut array: ndarray::ArrayViewMut<'a, T, D>) -> Self {
        let layout = Layout::new(array.as_mut_ptr(), array.shape(), array.strides());
        Self { layout, elements: PhantomData }
    }
}

/// NULL for none.
fn pointer_to(tensor: &Option<sys::DLTensor>) -> *const sys::DLTensor {
    tensor.as_ref().map_or(ptr::null(), |tensor| tensor)
}

/// Tensors of any strides. The elements are walked in the order of memory, and nothing is copied.
impl Regularizer {
    /// [`Regularizer::penalty`] of a tensor.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidTensor`](crate::Status) of more than 64 axes.
    pub fn penalty_of_tensor<'a, T: Element>(
        &self,
        x: impl Into<View<'a, T>>,
    ) -> Result<f64, Error> {
        let x = x.into();
        let mut penalty = 0.0;
        // SAFETY: the handle is alive, the view has its elements, the output outlives the call.
        check(unsafe { sys::l1l2_penalty_dlpack(self.handle(), &x.tensor(), &mut penalty) })?;
        Ok(penalty)
    }

    /// [`Regularizer::penalty_and_add_gradient`] of tensors of the same shape.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidScale`](crate::Status); [`Status::InvalidTensor`](crate::Status) of other
    /// shapes or more than 64 axes; [`Status::Overlap`](crate::Status) of a gradient whose elements
    /// share memory.
    pub fn add_gradient_of_tensor<'a, 'b, T: Element>(
        &self,
        x: impl Into<View<'a, T>>,
        scale: f64,
        gradient: impl Into<ViewMut<'b, T>>,
    ) -> Result<f64, Error> {
        let (x, gradient) = (x.into(), gradient.into());
        let mut penalty = 0.0;
        // SAFETY: the handle is alive, the views have their elements, the output outlives the call.
        check(unsafe {
            sys::l1l2_add_gradient_dlpack(
                self.handle(),
                &x.tensor(),
                scale,
                &gradient.layout.tensor(),
                &mut penalty,
            )
        })?;
        Ok(penalty)
    }

    /// [`Regularizer::prox`] of a tensor, in place.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidStep`](crate::Status); [`Status::InvalidTensor`](crate::Status) of more than 64
    /// axes; [`Status::Overlap`](crate::Status) of a tensor whose elements share memory.
    pub fn prox_of_tensor<'a, T: Element>(
        &self,
        x: impl Into<ViewMut<'a, T>>,
        step: f64,
    ) -> Result<(), Error> {
        let x = x.into();
        let tensor = x.layout.tensor();
        // SAFETY: the handle is alive, the view has its elements.
        check(unsafe { sys::l1l2_prox_dlpack(self.handle(), &tensor, step, &tensor) })
    }

    /// [`Regularizer::prox_step`] of a tensor, in place. All have the shape of `x`.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidStep`](crate::Status); [`Status::InvalidTensor`](crate::Status) of other
    /// shapes or more than 64 axes; [`Status::Overlap`](crate::Status) of a tensor whose elements
    /// share memory.
    pub fn prox_step_of_tensor<'a, T: Element>(
        &self,
        x: impl Into<ViewMut<'a, T>>,
        gradient: Option<View<'_, T>>,
        step: f64,
        steps: Option<View<'_, T::Arithmetic>>,
    ) -> Result<(), Error> {
        let x = x.into();
        let tensor = x.layout.tensor();
        let (gradient_tensor, steps_tensor) =
            (gradient.as_ref().map(View::tensor), steps.as_ref().map(View::tensor));
        // SAFETY: the handle is alive, the views have their elements.
        check(unsafe {
            sys::l1l2_prox_step_dlpack(
                self.handle(),
                &tensor,
                pointer_to(&gradient_tensor),
                step,
                pointer_to(&steps_tensor),
                &tensor,
            )
        })
    }
}
