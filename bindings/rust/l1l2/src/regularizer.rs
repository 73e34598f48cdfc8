// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

use crate::element::Element;
use crate::error::{check, load, same_length, text, Error};
use crate::ExactSums;
use l1l2_sys as sys;
use std::os::raw::c_char;
use std::str::FromStr;
use std::{fmt, ptr};

/// Enough bytes for every text of the library.
const TEXT_CAPACITY: usize = 256;

/// The forms of [`Regularizer::to_json`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum JsonStyle {
    /// `{"l1": 0.01, "l2": 0.02}`
    Config = 0,
    /// With `class_name` and `config`.
    Keras2 = 1,
    /// With `module`, `class_name`, `config` and `registered_name`.
    Keras3 = 2,
}

/// A pair of coefficients that computes penalties, gradients and proximal operators. Immutable.
///
/// It is `Display`ed as the JSON of [`JsonStyle::Config`] and read by [`FromStr`] from every form
/// that a version of Keras writes:
///
/// ```
/// # fn main() -> Result<(), l1l2::Error> {
/// let regularizer: l1l2::Regularizer = r#"{"class_name": "L2", "config": {"l2": 0.5}}"#.parse()?;
/// assert_eq!(regularizer, l1l2::Regularizer::new(0.0, 0.5)?);
/// assert_eq!(regularizer.to_string(), r#"{"l1": 0.0, "l2": 0.5}"#);
/// # Ok(())
/// # }
/// ```
pub struct Regularizer {
    handle: ptr::NonNull<sys::l1l2_regularizer>,
}

// SAFETY: a handle belongs to no thread, and any number of them may use it at once; only its owner
// destroys it.
unsafe impl Send for Regularizer {}
unsafe impl Sync for Regularizer {}

impl Regularizer {
    /// Makes a regularizer of two coefficients, finite and >= 0.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidCoefficient`](crate::Status), [`Status::OutOfMemory`](crate::Status);
    /// [`Error::Library`].
    pub fn new(l1: f64, l2: f64) -> Result<Self, Error> {
        load()?;
        let mut handle = ptr::null_mut();
        // SAFETY: the output outlives the call.
        check(unsafe { sys::l1l2_create(l1, l2, &mut handle) })?;
        Ok(Self::own(handle))
    }

    /// Reads the JSON that any version of Keras writes for an `L1L2`, `L1` or `L2`.
    ///
    /// # Errors
    ///
    /// [`Status::MalformedJson`](crate::Status), [`Status::UnknownConfig`](crate::Status), and as
    /// [`Regularizer::new`]. The message names the key, the class or the byte that is wrong.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Error> {
        load()?;
        let json = json.as_ref();
        let mut handle = ptr::null_mut();
        let mut message: [c_char; TEXT_CAPACITY] = [0; TEXT_CAPACITY];
        // SAFETY: the text has its length in bytes, the message its capacity.
        let code = unsafe {
            sys::l1l2_from_json(
                json.as_ptr().cast(),
                json.len(),
                &mut handle,
                message.as_mut_ptr(),
                message.len(),
            )
        };
        if code != 0 {
            // SAFETY: the message ends with a NUL.
            let message = unsafe { text(message.as_ptr()) };
            return Err(Error::with_message(code, message));
        }
        Ok(Self::own(handle))
    }

    fn own(handle: *mut sys::l1l2_regularizer) -> Self {
        let handle = ptr::NonNull::new(handle).expect("a call that succeeds makes a handle");
        Self { handle }
    }

    /// Writes the regularizer as JSON, as Python's `json.dumps` would.
    #[must_use]
    pub fn to_json(&self, style: JsonStyle) -> String {
        let mut json = vec![0_u8; TEXT_CAPACITY];
        let mut length = 0;
        // SAFETY: the handle is alive, the buffer has its capacity.
        let code = unsafe {
            let buffer = json.as_mut_ptr().cast();
            sys::l1l2_to_json(self.handle(), style as i32, buffer, json.len(), &mut length)
        };
        assert_eq!(code, 0, "every style is known and fits the buffer");
        json.truncate(length);
        String::from_utf8_lossy(&json).into_owned()
    }

    /// The coefficient of the L1 part.
    #[must_use]
    pub fn l1(&self) -> f64 {
        self.coefficients().0
    }

    /// The coefficient of the L2 part.
    #[must_use]
    pub fn l2(&self) -> f64 {
        self.coefficients().1
    }

    fn coefficients(&self) -> (f64, f64) {
        let (mut l1, mut l2) = (0.0, 0.0);
        // SAFETY: the handle is alive. (A NULL handle is this call's only failure.)
        unsafe { sys::l1l2_get_config(self.handle(), &mut l1, &mut l2) };
        (l1, l2)
    }

    #[inline]
    pub(crate) fn handle(&self) -> *mut sys::l1l2_regularizer {
        self.handle.as_ptr()
    }

    /// Computes the penalty `l1 * sum(|x|) + l2 * sum(x^2)`; of an empty slice it is 0.
    ///
    /// # Errors
    ///
    /// None that this version knows of.
    #[inline]
    pub fn penalty<T: Element>(&self, x: &[T]) -> Result<f64, Error> {
        let mut penalty = 0.0;
        // SAFETY: the handle is alive, the slice has its elements, the output outlives the call.
        let code = unsafe {
            sys::l1l2_penalty(self.handle(), T::DTYPE, x.as_ptr().cast(), x.len(), &mut penalty)
        };
        check(code)?;
        Ok(penalty)
    }

    /// Computes the penalty of exact sums; the true value is rounded once.
    ///
    /// # Errors
    ///
    /// None that this version knows of.
    pub fn penalty_of_sums(&self, sums: &ExactSums) -> Result<f64, Error> {
        let mut penalty = 0.0;
        // SAFETY: the handle is alive, the sums have their length, the output outlives the call.
        check(unsafe {
            sys::l1l2_penalty_exact_sums(self.handle(), sums.numbers().as_ptr(), &mut penalty)
        })?;
        Ok(penalty)
    }

    /// Adds the gradient of the penalty to `gradient`:
    /// `gradient[i] += scale * (l1 * sign(x[i]) + 2 * l2 * x[i])`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; [`Status::InvalidScale`](crate::Status).
    pub fn add_gradient<T: Element>(
        &self,
        x: &[T],
        scale: f64,
        gradient: &mut [T],
    ) -> Result<(), Error> {
        self.add_gradient_to(x, scale, gradient, ptr::null_mut())
    }

    /// [`Regularizer::add_gradient`], and returns the penalty of `x`, unscaled, from the same pass
    /// over memory.
    ///
    /// # Errors
    ///
    /// As [`Regularizer::add_gradient`].
    pub fn penalty_and_add_gradient<T: Element>(
        &self,
        x: &[T],
        scale: f64,
        gradient: &mut [T],
    ) -> Result<f64, Error> {
        let mut penalty = 0.0;
        self.add_gradient_to(x, scale, gradient, &mut penalty)?;
        Ok(penalty)
    }

    fn add_gradient_to<T: Element>(
        &self,
        x: &[T],
        scale: f64,
        gradient: &mut [T],
        penalty: *mut f64,
    ) -> Result<(), Error> {
        same_length(x, gradient)?;
        // SAFETY: the handle is alive, both slices have x.len() elements, the penalty outlives the
        // call or is NULL.
        check(unsafe {
            sys::l1l2_add_gradient(
                self.handle(),
                T::DTYPE,
                x.as_ptr().cast(),
                x.len(),
                scale,
                gradient.as_mut_ptr().cast(),
                penalty,
            )
        })
    }

    /// Computes the proximal operator of `step * penalty` in place:
    /// `x[i] = sign(x[i]) * max(|x[i]| - step * l1, 0) / (1 + 2 * step * l2)`.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidStep`](crate::Status).
    pub fn prox<T: Element>(&self, x: &mut [T], step: f64) -> Result<(), Error> {
        let out = x.as_mut_ptr();
        // SAFETY: x and out are the same slice, of x.len() elements.
        unsafe { self.prox_to(out, x.len(), step, out) }
    }

    /// [`Regularizer::prox`] into another slice.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`], and as [`Regularizer::prox`].
    pub fn prox_into<T: Element>(&self, x: &[T], step: f64, out: &mut [T]) -> Result<(), Error> {
        same_length(x, out)?;
        // SAFETY: both slices have x.len() elements.
        unsafe { self.prox_to(x.as_ptr(), x.len(), step, out.as_mut_ptr()) }
    }

    /// # Safety
    ///
    /// `n` elements may be read from `x` and written to `out`.
    unsafe fn prox_to<T: Element>(
        &self,
        x: *const T,
        n: usize,
        step: f64,
        out: *mut T,
    ) -> Result<(), Error> {
        check(sys::l1l2_prox(self.handle(), T::DTYPE, x.cast(), n, step, out.cast()))
    }

    /// Takes a step of proximal gradient descent in place, in one pass over memory: with
    /// `v = x[i] - s * gradient[i]`,
    /// `x[i] = sign(v) * max(|v| - s * l1, 0) / (1 + 2 * s * l2)`.
    ///
    /// `s` is `step * steps[i]`: the preconditioner of proximal Adagrad or Adam goes to `steps`.
    /// Without a gradient it is 0, without steps they are 1.
    ///
    /// ```
    /// # fn main() -> Result<(), l1l2::Error> {
    /// let regularizer = l1l2::Regularizer::new(1.0, 0.0)?;
    /// let (mut x, gradient) = ([1.0_f32, -3.0], [2.0, 2.0]);
    /// regularizer.prox_step(&mut x, Some(&gradient), 0.5, Some(&[1.0, 0.5]))?;
    /// assert_eq!(x, [0.0, -3.25]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; [`Status::InvalidStep`](crate::Status) if `step` or one of `steps`
    /// is negative or not finite, or its products are not finite. Nothing has been written then.
    pub fn prox_step<T: Element>(
        &self,
        x: &mut [T],
        gradient: Option<&[T]>,
        step: f64,
        steps: Option<&[T::Arithmetic]>,
    ) -> Result<(), Error> {
        let out = x.as_mut_ptr();
        let (gradient, steps) = step_operands(x, gradient, steps)?;
        // SAFETY: x and out are the same slice, the others are as long or NULL.
        unsafe { self.prox_step_to(out, x.len(), gradient, step, steps, out) }
    }

    /// [`Regularizer::prox_step`] into another slice.
    ///
    /// # Errors
    ///
    /// As [`Regularizer::prox_step`].
    pub fn prox_step_into<T: Element>(
        &self,
        x: &[T],
        gradient: Option<&[T]>,
        step: f64,
        steps: Option<&[T::Arithmetic]>,
        out: &mut [T],
    ) -> Result<(), Error> {
        same_length(x, out)?;
        let (gradient, steps) = step_operands(x, gradient, steps)?;
        // SAFETY: the slices have x.len() elements, or are NULL.
        unsafe { self.prox_step_to(x.as_ptr(), x.len(), gradient, step, steps, out.as_mut_ptr()) }
    }

    /// # Safety
    ///
    /// `n` elements may be read from `x`, `gradient` and `steps`, of which the last two may be NULL,
    /// and written to `out`.
    unsafe fn prox_step_to<T: Element>(
        &self,
        x: *const T,
        n: usize,
        gradient: *const T,
        step: f64,
        steps: *const T::Arithmetic,
        out: *mut T,
    ) -> Result<(), Error> {
        check(sys::l1l2_prox_step(
            self.handle(),
            T::DTYPE,
            x.cast(),
            n,
            gradient.cast(),
            step,
            steps.cast(),
            out.cast(),
        ))
    }
}

/// Pointers to what a proximal step reads beside `x`; NULL for what is not given.
pub(crate) fn step_operands<T: Element>(
    x: &[T],
    gradient: Option<&[T]>,
    steps: Option<&[T::Arithmetic]>,
) -> Result<(*const T, *const T::Arithmetic), Error> {
    gradient.map_or(Ok(()), |gradient| same_length(x, gradient))?;
    steps.map_or(Ok(()), |steps| same_length(x, steps))?;
    Ok((
        gradient.map_or(ptr::null(), <[T]>::as_ptr),
        steps.map_or(ptr::null(), <[T::Arithmetic]>::as_ptr),
    ))
}

impl Drop for Regularizer {
    fn drop(&mut self) {
        // SAFETY: the handle is alive, and nothing uses it any more.
        unsafe { sys::l1l2_destroy(self.handle()) }
    }
}

impl Clone for Regularizer {
    /// # Panics
    ///
    /// Without memory.
    fn clone(&self) -> Self {
        Self::new(self.l1(), self.l2()).expect("memory for a regularizer")
    }
}

impl PartialEq for Regularizer {
    fn eq(&self, other: &Self) -> bool {
        self.coefficients() == other.coefficients()
    }
}

// Coefficients are never NaN.
impl Eq for Regularizer {}

impl fmt::Debug for Regularizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (l1, l2) = self.coefficients();
        f.debug_struct("Regularizer").field("l1", &l1).field("l2", &l2).finish()
    }
}

impl fmt::Display for Regularizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_json(JsonStyle::Config))
    }
}

impl FromStr for Regularizer {
    type Err = Error;

    fn from_str(json: &str) -> Result<Self, Error> {
        Self::from_json(json)
    }
}
