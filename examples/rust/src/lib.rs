//! L1/L2 (elastic-net) regularization as Keras defines it: libl1l2 for Rust.
//!
//! ```
//! # fn main() -> Result<(), l1l2::Error> {
//! let regularizer = l1l2::Regularizer::new(0.01, 0.02)?;
//! let mut weights = vec![0.5_f32, -1.25, 0.0, 2.0];
//! let mut gradient = vec![0.0; 4];
//! let penalty = regularizer.penalty_and_add_gradient(&weights, 1.0, &mut gradient)?;
//! regularizer.prox(&mut weights, 0.1)?;
//! # assert_eq!(penalty, 0.15375);
//! # Ok(())
//! # }
//! ```
//!
//! Arrays are contiguous slices of [`f32`], [`f64`], [`F16`] or [`Bf16`], whatever shape the tensor
//! has; they are used where they are, never copied. What `l1l2.h`, the manual of the library, says
//! of numbers holds here.
//!
//! The feature `load`, which is the default, opens the library at run time: the file that the
//! environment variable `L1L2_LIBRARY` names, else `libl1l2.so.0`. The feature `link` links it.
//!
//! Threads: everything here may be called from any number of threads at once, also on one
//! [`Regularizer`]. The library reads the environment at the first call that computes and the
//! locale in [`Regularizer::from_json`]; no other thread may be setting them meanwhile.

#![warn(missing_docs)]

use std::ffi::CStr;
use std::fmt;
use std::os::raw::c_char;
use std::ptr;

pub mod ffi;

/// The bytes that are enough for every text of the library.
const TEXT_CAPACITY: usize = 256;

/// The status of what is no vector of exact sums.
const UNKNOWN_LAYOUT: i32 = 19;

/// What went wrong. Nothing has been written to the arrays of a call that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The library refused: a coefficient, a scale, a step, a JSON text or exact sums.
    Status {
        /// The `l1l2_status`, as `l1l2.h` lists them.
        status: i32,
        /// What was wrong, in the library's words.
        message: String,
    },
    /// Two slices that must have the same length have not.
    LengthMismatch {
        /// The number of elements of `x`.
        x: usize,
        /// The number of elements of `gradient` or `out`.
        other: usize,
    },
    /// The library cannot be opened; why, in the dynamic linker's words.
    Library(String),
}

impl Error {
    /// The `l1l2_status`, or `None` of an error that is not the library's.
    #[must_use]
    pub fn status(&self) -> Option<i32> {
        match self {
            Error::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Status { message, .. } | Error::Library(message) => f.write_str(message),
            Error::LengthMismatch { x, other } => {
                write!(f, "the slices have different lengths, {x} and {other}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// An IEEE 754 binary16, for slices of them: only its bits, no arithmetic. `repr(transparent)`, so
/// that a pointer to `u16` may be cast to one to this.
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct F16(pub u16);

/// A bfloat16, the upper half of a binary32, as [`F16`] is a binary16.
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct Bf16(pub u16);

mod sealed {
    /// The `l1l2_dtype` of a type. It stands for the type's layout, hence no one else implements it.
    pub trait Dtype {
        const DTYPE: i32;
    }
}
use sealed::Dtype;

/// The element types: [`f32`], [`f64`], [`F16`] and [`Bf16`].
pub trait Element: Copy + Dtype {}

macro_rules! elements {
    ($($type:ty: $dtype:expr,)*) => {
        $(
            impl Dtype for $type {
                const DTYPE: i32 = $dtype;
            }
            impl Element for $type {}
        )*
    };
}

// The place to add another crate's type of the same bits, `half::f16` for instance.
elements! {
    f32: 1,
    f64: 2,
    F16: 3,
    Bf16: 4,
}

/// The forms of [`Regularizer::to_json`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum JsonStyle {
    /// `{"l1": 0.01, "l2": 0.02}`
    Config = 0,
    /// With `class_name` and `config`.
    Keras2 = 1,
    /// With `module`, `class_name`, `config` and `registered_name`.
    Keras3 = 2,
}

/// A pair of coefficients that computes penalties, gradients and proximal operators.
///
/// Immutable; owns its handle of the library, which is destroyed when it is dropped.
pub struct Regularizer {
    handle: ptr::NonNull<ffi::Handle>,
    api: &'static ffi::Api,
}

// SAFETY: a handle belongs to no thread, and any number of them may use it at once; to destroy it
// takes the only owner.
unsafe impl Send for Regularizer {}
unsafe impl Sync for Regularizer {}

impl Regularizer {
    /// Makes a regularizer of two coefficients, finite and >= 0.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] of a coefficient that is negative, NaN or infinite (11), or without memory
    /// (30); [`Error::Library`] if the library cannot be opened.
    pub fn new(l1: f64, l2: f64) -> Result<Self, Error> {
        let api = ffi::api()?;
        let mut handle = ptr::null_mut();
        // SAFETY: the output outlives the call.
        let status = unsafe { (api.create)(l1, l2, &mut handle) };
        check(api, status)?;
        Ok(Self::own(api, handle))
    }

    /// Reads the JSON that any version of Keras writes for an `L1L2`, `L1` or `L2`.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] of a text that is no JSON (40), describes something else (41), or has a
    /// coefficient that [`Regularizer::new`] refuses (11), or without memory (30); its message names
    /// the key, the class or the byte at fault. [`Error::Library`] if the library cannot be opened.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let api = ffi::api()?;
        let mut handle = ptr::null_mut();
        let mut message: [c_char; TEXT_CAPACITY] = [0; TEXT_CAPACITY];
        // SAFETY: the text has its length in bytes, the message its capacity.
        let status = unsafe {
            (api.from_json)(
                json.as_ptr().cast(),
                json.len(),
                &mut handle,
                message.as_mut_ptr(),
                message.len(),
            )
        };
        if status != 0 {
            // SAFETY: the message ends with a NUL.
            let message = unsafe { text(message.as_ptr()) };
            return Err(Error::Status { status, message });
        }
        Ok(Self::own(api, handle))
    }

    fn own(api: &'static ffi::Api, handle: *mut ffi::Handle) -> Self {
        let handle = ptr::NonNull::new(handle).expect("a call that succeeds makes a handle");
        Self { handle, api }
    }

    /// Writes the regularizer as JSON, as Python's `json.dumps` would.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] of a style that the library does not know; this version knows all.
    pub fn to_json(&self, style: JsonStyle) -> Result<String, Error> {
        let mut json = vec![0_u8; TEXT_CAPACITY];
        let mut length = 0;
        // SAFETY: the handle is alive, the buffer has its capacity.
        let status = unsafe {
            (self.api.to_json)(
                self.handle.as_ptr(),
                style as i32,
                json.as_mut_ptr().cast(),
                json.len(),
                &mut length,
            )
        };
        check(self.api, status)?;
        json.truncate(length);
        Ok(String::from_utf8_lossy(&json).into_owned())
    }

    /// The coefficient of the L1 term.
    #[must_use]
    pub fn l1(&self) -> f64 {
        self.coefficients().0
    }

    /// The coefficient of the L2 term.
    #[must_use]
    pub fn l2(&self) -> f64 {
        self.coefficients().1
    }

    fn coefficients(&self) -> (f64, f64) {
        let (mut l1, mut l2) = (0.0, 0.0);
        // SAFETY: the handle is alive. (The only failure of this call is a NULL handle.)
        unsafe { (self.api.get_config)(self.handle.as_ptr(), &mut l1, &mut l2) };
        (l1, l2)
    }

    /// Computes the penalty `l1 * sum(|x|) + l2 * sum(x^2)`; of an empty slice it is 0.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] of an element type that the library does not serve; this version serves all.
    pub fn penalty<T: Element>(&self, x: &[T]) -> Result<f64, Error> {
        let mut penalty = 0.0;
        // SAFETY: the handle is alive, the slice has its elements, the output outlives the call.
        let status = unsafe {
            (self.api.penalty)(
                self.handle.as_ptr(),
                T::DTYPE,
                x.as_ptr().cast(),
                x.len(),
                &mut penalty,
            )
        };
        check(self.api, status)?;
        Ok(penalty)
    }

    /// Computes the penalty of exact sums, rounded once.
    ///
    /// # Errors
    ///
    /// None; the library knows the sums that an [`ExactSums`] holds.
    pub fn penalty_of_sums(&self, sums: &ExactSums) -> Result<f64, Error> {
        let mut penalty = 0.0;
        // SAFETY: the handle is alive, the sums have their length, the output outlives the call.
        let status = unsafe {
            (self.api.penalty_exact_sums)(self.handle.as_ptr(), sums.numbers.as_ptr(), &mut penalty)
        };
        check(self.api, status)?;
        Ok(penalty)
    }

    /// Adds the gradient of the penalty to one that the caller has:
    /// `gradient[i] += scale * (l1 * sign(x[i]) + 2 * l2 * x[i])`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; [`Error::Status`] of a scale that is not finite, or so large that
    /// its product with a coefficient is not (13).
    pub fn add_gradient<T: Element>(
        &self,
        x: &[T],
        scale: f64,
        gradient: &mut [T],
    ) -> Result<(), Error> {
        self.add_gradient_to(x, scale, gradient, None)
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
        self.add_gradient_to(x, scale, gradient, Some(&mut penalty))?;
        Ok(penalty)
    }

    fn add_gradient_to<T: Element>(
        &self,
        x: &[T],
        scale: f64,
        gradient: &mut [T],
        penalty: Option<&mut f64>,
    ) -> Result<(), Error> {
        same_length(x, gradient)?;
        // SAFETY: the handle is alive, both slices have x.len() elements, the penalty outlives the
        // call or is NULL.
        let status = unsafe {
            (self.api.add_gradient)(
                self.handle.as_ptr(),
                T::DTYPE,
                x.as_ptr().cast(),
                x.len(),
                scale,
                gradient.as_mut_ptr().cast(),
                penalty.map_or(ptr::null_mut(), |penalty| penalty),
            )
        };
        check(self.api, status)
    }

    /// Computes the proximal operator of `step * penalty` in place:
    /// `x[i] = sign(x[i]) * max(|x[i]| - step * l1, 0) / (1 + 2 * step * l2)`.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] of a step that is negative or not finite, or so large that its products
    /// are not (14).
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
        let handle = self.handle.as_ptr();
        let status = (self.api.prox)(handle, T::DTYPE, x.cast(), n, step, out.cast());
        check(self.api, status)
    }
}

impl Drop for Regularizer {
    fn drop(&mut self) {
        // SAFETY: the handle is alive, and nothing uses it any more.
        unsafe { (self.api.destroy)(self.handle.as_ptr()) }
    }
}

impl fmt::Debug for Regularizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Regularizer")
            .field("l1", &self.l1())
            .field("l2", &self.l2())
            .finish()
    }
}

/// Sums of `|x|` and `x^2` without rounding, of elements that come in any number of pieces, from
/// anywhere.
///
/// ```
/// # fn main() -> Result<(), l1l2::Error> {
/// # let (regularizer, chunks) = (l1l2::Regularizer::new(0.01, 0.02)?, [[0.5_f32], [2.0]]);
/// let mut sums = l1l2::ExactSums::new()?;
/// for chunk in &chunks {
///     sums.add(chunk)?;
/// }
/// let penalty = regularizer.penalty_of_sums(&sums)?;
/// # assert_eq!(penalty, 0.11);
/// # Ok(())
/// # }
/// ```
///
/// Equal elements make equal sums, to the bit, in whatever pieces and order they were added. The
/// numbers can be stored and sent to any machine, where [`ExactSums::try_from`] takes them. Numbers
/// of up to 2^30 sums may have been added up by whoever can add `i64`, element by element.
#[derive(Clone)]
pub struct ExactSums {
    /// Always a vector that the library has written, or zeros.
    numbers: [i64; ExactSums::LENGTH],
    api: &'static ffi::Api,
}

impl ExactSums {
    /// How many numbers there are.
    pub const LENGTH: usize = 207;

    /// Makes sums of no elements.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] if the library cannot be opened.
    pub fn new() -> Result<Self, Error> {
        let api = ffi::api()?;
        let numbers = [0; Self::LENGTH];
        Ok(Self { numbers, api })
    }

    /// Adds elements; slices of several types may go to the same sums.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] of more than 2^63 - 1 elements (21).
    pub fn add<T: Element>(&mut self, x: &[T]) -> Result<(), Error> {
        // SAFETY: the sums have their length, the slice has its elements.
        let status = unsafe {
            (self.api.exact_sums_add)(
                self.numbers.as_mut_ptr(),
                T::DTYPE,
                x.as_ptr().cast(),
                x.len(),
            )
        };
        check(self.api, status)
    }

    /// Adds the elements of other sums.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] of more than 2^63 - 1 elements (21).
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        self.merge_numbers(&other.numbers)
    }

    fn merge_numbers(&mut self, other: &[i64; Self::LENGTH]) -> Result<(), Error> {
        // SAFETY: both have their length.
        let status =
            unsafe { (self.api.exact_sums_merge)(self.numbers.as_mut_ptr(), other.as_ptr()) };
        check(self.api, status)
    }

    /// The sum of `|x|`, rounded once.
    #[must_use]
    pub fn absolute(&self) -> f64 {
        self.read().0
    }

    /// The sum of `x^2`, rounded once.
    #[must_use]
    pub fn square(&self) -> f64 {
        self.read().1
    }

    /// The number of elements, infinite ones and NaNs among them.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.read().2
    }

    fn read(&self) -> (f64, f64, i64) {
        let (mut absolute, mut square, mut count) = (0.0, 0.0, 0);
        // SAFETY: the sums have their length. (The only failure of this call is numbers that are no
        // sums.)
        unsafe {
            (self.api.exact_sums_read)(
                self.numbers.as_ptr(),
                &mut absolute,
                &mut square,
                &mut count,
            );
        }
        (absolute, square, count)
    }

    /// The numbers, to be stored, sent or added up.
    #[must_use]
    pub fn numbers(&self) -> &[i64; Self::LENGTH] {
        &self.numbers
    }
}

/// Takes numbers from elsewhere.
///
/// # Errors
///
/// [`Error::Status`] of numbers that are damaged (18), of another length, layout or byte order (19),
/// or of more than 2^63 - 1 elements or 2^30 sums (21); [`Error::Library`] if the library cannot be
/// opened.
impl TryFrom<&[i64]> for ExactSums {
    type Error = Error;

    fn try_from(numbers: &[i64]) -> Result<Self, Error> {
        let mut sums = Self::new()?;
        match numbers.try_into() {
            Ok(numbers) => sums.merge_numbers(numbers)?,
            Err(_) => check(sums.api, UNKNOWN_LAYOUT)?,
        }
        Ok(sums)
    }
}

/// As [`ExactSums::merge`].
///
/// # Panics
///
/// If there are more than 2^63 - 1 elements.
impl std::ops::AddAssign<&Self> for ExactSums {
    fn add_assign(&mut self, other: &Self) {
        self.merge(other).expect("at most 2^63 - 1 elements");
    }
}

impl PartialEq for ExactSums {
    fn eq(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }
}

impl Eq for ExactSums {}

impl fmt::Debug for ExactSums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (absolute, square, count) = self.read();
        f.debug_struct("ExactSums")
            .field("absolute", &absolute)
            .field("square", &square)
            .field("count", &count)
            .finish()
    }
}

/// The version of the library, "major.minor.patch".
///
/// # Errors
///
/// [`Error::Library`] if the library cannot be opened.
pub fn version() -> Result<String, Error> {
    // SAFETY: the text is static.
    ffi::api().map(|api| unsafe { text((api.version_string)()) })
}

/// The name of the instruction set that the library computes with, "avx2" for instance.
///
/// # Errors
///
/// [`Error::Library`] if the library cannot be opened.
pub fn isa() -> Result<String, Error> {
    // SAFETY: the text is static.
    ffi::api().map(|api| unsafe { text((api.isa)()) })
}

fn check(api: &ffi::Api, status: i32) -> Result<(), Error> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: the function takes any number, and its text is static.
    let message = unsafe { text((api.status_string)(status)) };
    Err(Error::Status { status, message })
}

fn same_length<T>(x: &[T], other: &[T]) -> Result<(), Error> {
    if x.len() == other.len() {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        x: x.len(),
        other: other.len(),
    })
}

/// # Safety
///
/// `text` must end with a NUL.
unsafe fn text(text: *const c_char) -> String {
    CStr::from_ptr(text).to_string_lossy().into_owned()
}
