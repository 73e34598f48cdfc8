// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

use std::ffi::CStr;
use std::fmt;
use std::os::raw::c_char;

/// Why the library refused a call: an `l1l2_status` of `l1l2.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// An argument that the library does not take.
    InvalidArgument,
    /// A coefficient that is negative, NaN, infinite or, in JSON, not a number.
    InvalidCoefficient,
    /// An element type that the library does not serve.
    UnsupportedDtype,
    /// A scale that is not finite, or whose product with a coefficient is not.
    InvalidScale,
    /// A step that is negative or not finite, or whose products are not finite.
    InvalidStep,
    /// Two arrays overlap that must not.
    Overlap,
    /// A tensor whose shape or strides are invalid, or do not fit the other tensor.
    InvalidTensor,
    /// Exact sums that are damaged.
    InvalidSums,
    /// Exact sums of another length, layout or byte order.
    UnknownLayout,
    /// Exact sums of more than 2^63 - 1 elements or 2^30 accumulators.
    CountOverflow,
    /// A norm or a largest norm that is negative, NaN or infinite.
    InvalidNorm,
    /// No memory for a regularizer.
    OutOfMemory,
    /// A text that is not JSON.
    MalformedJson,
    /// JSON that describes no L1L2, L1 or L2.
    UnknownConfig,
    /// A runner that left out a task.
    RunnerFailed,
    /// A status of a later version.
    Other(i32),
}

const CODES: [(Status, i32); 15] = [
    (Status::InvalidArgument, 10),
    (Status::InvalidCoefficient, 11),
    (Status::UnsupportedDtype, 12),
    (Status::InvalidScale, 13),
    (Status::InvalidStep, 14),
    (Status::Overlap, 15),
    (Status::InvalidTensor, 16),
    (Status::InvalidSums, 18),
    (Status::UnknownLayout, 19),
    (Status::CountOverflow, 21),
    (Status::InvalidNorm, 22),
    (Status::OutOfMemory, 30),
    (Status::MalformedJson, 40),
    (Status::UnknownConfig, 41),
    (Status::RunnerFailed, 50),
];

impl Status {
    fn from_code(code: i32) -> Self {
        let known = CODES.iter().find(|(_, known)| *known == code);
        known.map_or(Status::Other(code), |(status, _)| *status)
    }

    /// The number that `l1l2.h` has for it.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Status::Other(code) => code,
            _ => CODES.iter().find(|(status, _)| *status == self).map_or(0, |(_, code)| *code),
        }
    }
}

/// What went wrong. A call that fails has written nothing to its arrays, unless a
/// [`Runner`](crate::Runner) failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The library refused.
    Refused {
        /// The reason, to be matched.
        status: Status,
        /// The reason in words.
        message: String,
    },
    /// The library refused one of several terms.
    Term {
        /// The index of the first term that is wrong.
        index: usize,
        /// The reason, to be matched.
        status: Status,
        /// The reason in words.
        message: String,
    },
    /// Two slices that must have the same length do not.
    LengthMismatch {
        /// The number of elements of `x`.
        x: usize,
        /// The number of elements of `gradient`, `steps` or `out`.
        other: usize,
    },
    /// The library was not found or is too old: what was looked for and where, what was found, and
    /// what to do. Only with the feature `load`.
    Library(String),
}

impl Error {
    /// The reason of the library's refusal; `None` of an error that is not the library's.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match self {
            Error::Refused { status, .. } | Error::Term { status, .. } => Some(*status),
            _ => None,
        }
    }

    #[cold]
    pub(crate) fn of_code(code: i32) -> Self {
        // SAFETY: the function takes any number; its text is static and ends with a NUL.
        let message = unsafe { text(l1l2_sys::l1l2_status_string(code)) };
        Self::with_message(code, message)
    }

    #[cold]
    pub(crate) fn with_message(code: i32, message: String) -> Self {
        let status = Status::from_code(code);
        Error::Refused { status, message }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused { message, .. } | Error::Library(message) => f.write_str(message),
            Error::Term { index, message, .. } => write!(f, "term {index}: {message}"),
            Error::LengthMismatch { x, other } => {
                write!(f, "the slices have different lengths, {x} and {other}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Opens the library, which only the feature `load` has to do.
#[inline]
pub(crate) fn load() -> Result<(), Error> {
    l1l2_sys::load().map_err(Error::Library)
}

#[inline]
pub(crate) fn check(code: i32) -> Result<(), Error> {
    if code == 0 {
        Ok(())
    } else {
        Err(Error::of_code(code))
    }
}

#[inline]
pub(crate) fn same_length<T, U>(x: &[T], other: &[U]) -> Result<(), Error> {
    if x.len() == other.len() {
        return Ok(());
    }
    let (x, other) = (x.len(), other.len());
    Err(Error::LengthMismatch { x, other })
}

/// # Safety
///
/// `text` must end with a NUL.
pub(crate) unsafe fn text(text: *const c_char) -> String {
    CStr::from_ptr(text).to_string_lossy().into_owned()
}
