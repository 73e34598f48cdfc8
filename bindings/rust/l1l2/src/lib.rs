// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//! L1/L2 (elastic-net) regularization as Keras defines it: libl1l2 for Rust.
//!
//! ```
//! # fn main() -> Result<(), l1l2::Error> {
//! let regularizer = l1l2::Regularizer::new(0.01, 0.02)?;
//! let mut weights = vec![0.5_f32, -1.25, 0.0, 2.0];
//! let mut gradient = vec![0.0; 4];
//! let penalty = regularizer.penalty_and_add_gradient(&weights, 1.0, &mut gradient)?;
//! regularizer.prox(&mut weights, 0.1)?;
//! assert_eq!(penalty, 0.15375);
//! let terms = [l1l2::Term::new(&regularizer, &weights)]; // all tensors of a model
//! let penalties = l1l2::penalties_of_terms(&terms, &l1l2::Threads(2))?; // on two threads
//! assert_eq!(penalties.total, regularizer.penalty(&weights)?);
//! # Ok(())
//! # }
//! ```
//!
//! Elements are [`f32`], [`f64`], [`F16`] or [`Bf16`], and with the feature `half` those of that
//! crate. They are used where they are, never copied:
//!
//! * a contiguous slice, whatever shape the tensor has: [`Regularizer::penalty`],
//!   [`Regularizer::add_gradient`], [`Regularizer::prox`], [`Regularizer::prox_step`];
//! * a tensor of any strides, a [`View`] or, with the feature `ndarray`, a view of that crate:
//!   [`Regularizer::penalty_of_tensor`] and so on;
//! * all tensors of a model in one call, on several threads: [`penalties_of_terms`] and so on, and
//!   [`clip_by_norm`] for their gradients;
//! * pieces that come one by one, from files, threads or machines: [`ExactSums`].
//!
//! Sums are carried in double precision in a fixed order: the same elements give the same bits on
//! every CPU and any number of threads.
//!
//! With the feature `serde` a [`Regularizer`] is serialized as the configuration of Keras, and read
//! from all that [`Regularizer::from_json`] takes; [`ExactSums`] are their bytes.
//!
//! # How the library is reached
//!
//! By default the C++ sources in `l1l2-sys` are compiled and linked statically; a C++17 compiler is
//! needed, nothing else. With `default-features = false` and the feature `system` an
//! installed libl1l2 is linked, which pkg-config finds; with `load` it is opened at run time: the
//! file that the environment variable `L1L2_LIBRARY` names, else the system's.
//!
//! # Threads
//!
//! Everything may be called from any number of threads at once, also on one [`Regularizer`]. The
//! environment is read at the first call that computes or asks for [`isa`] and, with the feature
//! `load`, at every call until the library is open; the locale is read in [`Regularizer::from_json`].
//! No other thread may be setting them meanwhile.

#![warn(missing_docs)]

#[cfg(doctest)]
mod doctests;
mod element;
mod error;
mod regularizer;
#[cfg(feature = "serde")]
mod serialization;
mod sums;
mod tensor;
mod terms;

pub use element::{Bf16, Element, F16};
pub use error::{Error, Status};
pub use regularizer::{JsonStyle, Regularizer};
pub use sums::ExactSums;
pub use tensor::{View, ViewMut};
pub use terms::{
    add_gradient_of_terms, clip_by_norm, penalties_of_terms, prox_of_terms, prox_step_of_terms,
    Penalties, Runner, Serial, StepTerm, Term, Threads,
};

/// The version of the library, "major.minor.patch".
///
/// # Errors
///
/// [`Error::Library`].
pub fn version() -> Result<String, Error> {
    error::load()?;
    // SAFETY: the text is static and ends with a NUL.
    Ok(unsafe { error::text(l1l2_sys::l1l2_version_string()) })
}

/// The name of the instruction set that the library computes with, "avx2" for instance.
///
/// # Errors
///
/// [`Error::Library`].
pub fn isa() -> Result<String, Error> {
    error::load()?;
    // SAFETY: the text is static and ends with a NUL.
    Ok(unsafe { error::text(l1l2_sys::l1l2_isa()) })
}
