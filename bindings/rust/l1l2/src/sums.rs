// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

use crate::element::Element;
use crate::error::{check, load, Error};
use crate::tensor::View;
use crate::terms::{with_runner, Runner, Term};
use l1l2_sys as sys;
use std::fmt;
use std::iter::{FromIterator, Sum};
use std::mem::size_of;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// The status of what is not an accumulator of exact sums.
const UNKNOWN_LAYOUT: i32 = 19;

/// What [`Extend`] collects before it adds: as many elements as the library takes at once.
const CHUNK: usize = 4096;

const TOO_MANY: &str = "at most 2^63 - 1 elements";

/// Sums of `|x|` and `x^2` without rounding, of elements that come in any number of pieces, from
/// anywhere.
///
/// ```
/// # fn main() -> Result<(), l1l2::Error> {
/// let regularizer = l1l2::Regularizer::new(0.01, 0.02)?;
/// let mut sums = l1l2::ExactSums::new();
/// for chunk in [[0.5_f32], [2.0]] {
///     sums.add_slice(&chunk)?;
/// }
/// assert_eq!(regularizer.penalty_of_sums(&sums)?, 0.11);
///
/// // Of threads, files or machines: added up in any order, they are the same to the bit.
/// let parts = [[0.5_f32], [2.0]].map(|part| part.into_iter().collect::<l1l2::ExactSums>());
/// assert_eq!(parts.iter().sum::<l1l2::ExactSums>(), sums);
/// # Ok(())
/// # }
/// ```
///
/// Equal elements make equal sums, to the bit, in whatever pieces and order they were added. The
/// numbers can be stored and sent to any machine; [`ExactSums::try_from`] reads them. Numbers of up
/// to 2^30 sums may have been added up by anything that can add `i64`, element by element.
///
/// `+`, `+=`, `-`, `-=`, `sum()`, `extend` and `collect` panic where the other functions return an
/// [`Error`]: beyond 2^63 - 1 elements, when elements are subtracted that were not added and, with
/// the feature `load`, without the library.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ExactSums {
    /// Always an accumulator that the library has written, or zeros.
    numbers: [i64; ExactSums::LENGTH],
}

impl ExactSums {
    /// How many numbers there are.
    pub const LENGTH: usize = sys::L1L2_EXACT_SUMS_LENGTH;

    /// How many bytes [`ExactSums::to_bytes`] returns.
    pub const BYTES: usize = 8 * Self::LENGTH;

    /// Makes sums of no elements.
    #[must_use]
    pub const fn new() -> Self {
        Self { numbers: [0; Self::LENGTH] }
    }

    /// Adds elements; slices of several types may go to the same sums.
    ///
    /// # Errors
    ///
    /// [`Status::CountOverflow`](crate::Status); [`Error::Library`].
    pub fn add_slice<T: Element>(&mut self, x: &[T]) -> Result<(), Error> {
        load()?;
        let sums = self.numbers.as_mut_ptr();
        // SAFETY: the sums have their length, the slice has its elements.
        check(unsafe { sys::l1l2_exact_sums_add(sums, T::DTYPE, x.as_ptr().cast(), x.len()) })
    }

    /// Adds the elements of a tensor of any strides.
    ///
    /// # Errors
    ///
    /// As [`ExactSums::add_slice`]; [`Status::InvalidTensor`](crate::Status) of more than 64 axes.
    pub fn add_tensor<'a, T: Element>(&mut self, x: impl Into<View<'a, T>>) -> Result<(), Error> {
        load()?;
        let x = x.into();
        // SAFETY: the sums have their length, the view its elements.
        check(unsafe { sys::l1l2_exact_sums_add_dlpack(self.numbers.as_mut_ptr(), &x.tensor()) })
    }

    /// Adds the elements of all terms, whose regularizers are ignored, or none of them.
    ///
    /// ```
    /// # fn main() -> Result<(), l1l2::Error> {
    /// let (kernel, bias) = ([3.0_f32, 0.0], [4.0_f64]);
    /// let mut sums = l1l2::ExactSums::new();
    /// sums.add_terms(&[kernel[..].into(), bias[..].into()], &l1l2::Threads::default())?;
    /// assert_eq!(sums.norm(), 5.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ExactSums::add_slice`]; [`Status::RunnerFailed`](crate::Status).
    ///
    /// # Panics
    ///
    /// If the runner does.
    pub fn add_terms<R: Runner>(&mut self, terms: &[Term], runner: &R) -> Result<(), Error> {
        let sums = self.numbers.as_mut_ptr();
        // SAFETY: the sums have their length, the terms are alive.
        with_runner(terms.len(), runner, |run, state, faulty| unsafe {
            sys::l1l2_exact_sums_add_terms(
                sums,
                terms.as_ptr().cast(),
                size_of::<Term>(),
                terms.len(),
                Some(run),
                state,
                faulty,
            )
        })
    }

    /// Adds the elements of other sums.
    ///
    /// # Errors
    ///
    /// [`Status::CountOverflow`](crate::Status); [`Error::Library`].
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        self.merge_numbers(&other.numbers)
    }

    fn merge_numbers(&mut self, other: &[i64; Self::LENGTH]) -> Result<(), Error> {
        load()?;
        // SAFETY: both have their length.
        check(unsafe { sys::l1l2_exact_sums_merge(self.numbers.as_mut_ptr(), other.as_ptr()) })
    }

    /// Takes the elements of other sums out, which were added before.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidSums`](crate::Status) if the other sums have more elements or are greater,
    /// or what would be left cannot be the sums of so many elements; [`Error::Library`]. What was
    /// never added may go unnoticed.
    pub fn subtract(&mut self, other: &Self) -> Result<(), Error> {
        load()?;
        // SAFETY: both have their length.
        check(unsafe {
            sys::l1l2_exact_sums_subtract(self.numbers.as_mut_ptr(), other.numbers.as_ptr())
        })
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

    /// The Euclidean norm, the square root of the sum of `x^2`, rounded once: right also where that
    /// sum is beyond the range of [`f64`]. NaN or infinite if an element is.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let mut norm = 0.0;
        if self.numbers != [0; Self::LENGTH] {
            // SAFETY: as in `read`.
            unsafe { sys::l1l2_exact_sums_norm(self.numbers.as_ptr(), &mut norm) };
        }
        norm
    }

    /// The number of elements, infinite ones and NaNs among them.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.read().2
    }

    fn read(&self) -> (f64, f64, i64) {
        let (mut absolute, mut square, mut count) = (0.0, 0.0, 0);
        // Numbers other than zeros were written by the library, which is open then.
        if self.numbers != [0; Self::LENGTH] {
            let sums = self.numbers.as_ptr();
            // SAFETY: the sums have their length. (Only numbers that are not sums make it fail.)
            unsafe { sys::l1l2_exact_sums_read(sums, &mut absolute, &mut square, &mut count) };
        }
        (absolute, square, count)
    }

    /// The numbers, to be stored, sent or added up.
    #[must_use]
    pub fn numbers(&self) -> &[i64; Self::LENGTH] {
        &self.numbers
    }

    /// The numbers as bytes, the lowest of each first: the same on every machine for the same
    /// elements.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (bytes, number) in bytes.chunks_exact_mut(8).zip(self.numbers) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Takes the bytes that [`ExactSums::to_bytes`] has returned, here or elsewhere.
    ///
    /// # Errors
    ///
    /// As `try_from` for numbers; [`Status::UnknownLayout`](crate::Status) for another number of
    /// bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        load()?;
        if bytes.len() != Self::BYTES {
            check(UNKNOWN_LAYOUT)?;
        }
        let number = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let numbers: Vec<i64> = bytes.chunks_exact(8).map(number).collect();
        numbers[..].try_into()
    }
}

impl Default for ExactSums {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes numbers from elsewhere.
///
/// # Errors
///
/// [`Status::InvalidSums`](crate::Status), [`Status::UnknownLayout`](crate::Status),
/// [`Status::CountOverflow`](crate::Status); [`Error::Library`].
impl TryFrom<&[i64]> for ExactSums {
    type Error = Error;

    fn try_from(numbers: &[i64]) -> Result<Self, Error> {
        load()?;
        let mut sums = Self::new();
        match numbers.try_into() {
            Ok(numbers) => sums.merge_numbers(numbers)?,
            Err(_) => check(UNKNOWN_LAYOUT)?,
        }
        Ok(sums)
    }
}

impl AddAssign<&Self> for ExactSums {
    fn add_assign(&mut self, other: &Self) {
        self.merge(other).expect(TOO_MANY);
    }
}

impl Add<&Self> for ExactSums {
    type Output = Self;

    fn add(mut self, other: &Self) -> Self {
        self += other;
        self
    }
}

impl Add for ExactSums {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self + &other
    }
}

impl SubAssign<&Self> for ExactSums {
    fn sub_assign(&mut self, other: &Self) {
        self.subtract(other).expect("elements that were added");
    }
}

impl Sub<&Self> for ExactSums {
    type Output = Self;

    fn sub(mut self, other: &Self) -> Self {
        self -= other;
        self
    }
}

impl Sub for ExactSums {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self - &other
    }
}

impl<'a> Sum<&'a Self> for ExactSums {
    fn sum<I: Iterator<Item = &'a Self>>(sums: I) -> Self {
        sums.fold(Self::new(), |total, sums| total + sums)
    }
}

impl Sum for ExactSums {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::new(), |total, sums| total + sums)
    }
}

impl<T: Element> Extend<T> for ExactSums {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        let mut elements = elements.into_iter().fuse();
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            chunk.extend(elements.by_ref().take(CHUNK));
            if chunk.is_empty() {
                return;
            }
            self.add_slice(&chunk).expect(TOO_MANY);
        }
    }
}

impl<'a, T: Element> Extend<&'a [T]> for ExactSums {
    fn extend<I: IntoIterator<Item = &'a [T]>>(&mut self, slices: I) {
        for x in slices {
            self.add_slice(x).expect(TOO_MANY);
        }
    }
}

impl<T: Element> FromIterator<T> for ExactSums {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut sums = Self::new();
        sums.extend(elements);
        sums
    }
}

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
