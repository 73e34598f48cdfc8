// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//! The C interface of libl1l2. Its manual is the header,
//! [`l1l2.h`](https://example.invalid/l1l2/blob/main/include/l1l2.h); the crate `l1l2` is the safe
//! interface.
//!
//! Functions have the names that they have in C. With the feature `load` they are those of a library
//! that [`load`] opens; otherwise they are linked, and [`load`] does nothing.
//!
//! ```
//! # fn main() -> Result<(), String> {
//! l1l2_sys::load()?;
//! // SAFETY: the library has been opened; the function takes nothing and changes nothing.
//! let version = unsafe { l1l2_sys::l1l2_version_number() };
//! assert!(version >= l1l2_sys::NEEDED_VERSION);
//! # Ok(())
//! # }
//! ```
//!
//! The bundled library is linked statically, and the C++ runtime that it needs (`libstdc++`, or what
//! the environment variable `CXXSTDLIB` names) as the platform has it.

#![warn(missing_docs)]
#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_void};

#[cfg(not(any(feature = "bundled", feature = "system", feature = "load")))]
compile_error!("one of the features `bundled`, `system` and `load` is needed");

/// The oldest library that this package can use, as [`l1l2_version_number`] numbers versions.
pub const NEEDED_VERSION: u32 = 400;

/// The length of an accumulator of exact sums.
pub const L1L2_EXACT_SUMS_LENGTH: usize = 207;

/// A pair of coefficients; opaque.
#[repr(C)]
pub struct l1l2_regularizer {
    opaque: [u8; 0],
}

/// One piece of work of a runner.
pub type l1l2_task = unsafe extern "C" fn(work: *mut c_void, index: usize);

/// What runs the tasks of one call, on any threads.
pub type l1l2_runner = unsafe extern "C" fn(
    state: *mut c_void,
    task: l1l2_task,
    work: *mut c_void,
    count: usize,
) -> i32;

/// One tensor of a list.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct l1l2_term {
    /// A live handle.
    pub regularizer: *const l1l2_regularizer,
    /// `n` contiguous elements.
    pub x: *const c_void,
    /// The number of elements.
    pub n: usize,
    /// What the gradient is added to, or what a proximal step reads; or NULL.
    pub gradient: *mut c_void,
    /// What receives the result of a proximal operator or step, or of clipping.
    pub out: *mut c_void,
    /// The type of the elements.
    pub dtype: i32,
    /// 0.
    pub reserved: i32,
    /// The factors of the step of a proximal step, or NULL.
    pub steps: *const c_void,
}

/// A tensor of any strides: the `DLTensor` of DLPack.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DLTensor {
    /// The first element, before `byte_offset`.
    pub data: *mut c_void,
    /// 1 is the CPU.
    pub device_type: i32,
    /// Any.
    pub device_id: i32,
    /// The number of axes.
    pub ndim: i32,
    /// 2: floating point; 4: bfloat16.
    pub dtype_code: u8,
    /// The size of an element in bits.
    pub dtype_bits: u8,
    /// 1.
    pub dtype_lanes: u16,
    /// The sizes of the axes.
    pub shape: *const i64,
    /// In elements; NULL is compact in row-major order.
    pub strides: *const i64,
    /// Added to `data`.
    pub byte_offset: u64,
}

macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        #[cfg(not(feature = "load"))]
        extern "C" {
            $(
                #[doc = concat!("`", stringify!($name), "` of `l1l2.h`.")]
                pub fn $name($($argument: $type),*) $(-> $result)?;
            )*
        }

        #[cfg(feature = "load")]
        struct Api {
            $($name: unsafe extern "C" fn($($argument: $type),*) $(-> $result)?,)*
        }

        #[cfg(feature = "load")]
        impl Api {
            /// # Safety
            ///
            /// The library must be libl1l2 and stay open as long as a function may be called.
            unsafe fn of(library: &libloading::Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    $($name: *library.get(concat!(stringify!($name), "\0").as_bytes())?,)*
                })
            }
        }

        $(
            #[doc = concat!("`", stringify!($name), "` of `l1l2.h`.")]
            ///
            /// # Safety
            ///
            /// As the header says; and [`load`] must have succeeded.
            #[cfg(feature = "load")]
            #[inline]
            #[allow(clippy::too_many_arguments)]
            pub unsafe fn $name($($argument: $type),*) $(-> $result)? {
                (loaded::api().$name)($($argument),*)
            }
        )*
    };
}

functions! {
    fn l1l2_version_number() -> u32;
    fn l1l2_version_string() -> *const c_char;
    fn l1l2_status_string(status: i32) -> *const c_char;
    fn l1l2_isa() -> *const c_char;
    fn l1l2_create(l1: f64, l2: f64, regularizer: *mut *mut l1l2_regularizer) -> i32;
    fn l1l2_destroy(regularizer: *mut l1l2_regularizer);
    fn l1l2_get_config(regularizer: *const l1l2_regularizer, l1: *mut f64, l2: *mut f64) -> i32;
    fn l1l2_penalty(
        regularizer: *const l1l2_regularizer, dtype: i32, x: *const c_void, n: usize,
        penalty: *mut f64,
    ) -> i32;
    fn l1l2_add_gradient(
        regularizer: *const l1l2_regularizer, dtype: i32, x: *const c_void, n: usize, scale: f64,
        gradient: *mut c_void, penalty: *mut f64,
    ) -> i32;
    fn l1l2_prox(
        regularizer: *const l1l2_regularizer, dtype: i32, x: *const c_void, n: usize, step: f64,
        out: *mut c_void,
    ) -> i32;
    fn l1l2_prox_step(
        regularizer: *const l1l2_regularizer, dtype: i32, x: *const c_void, n: usize,
        gradient: *const c_void, step: f64, steps: *const c_void, out: *mut c_void,
    ) -> i32;
    fn l1l2_penalty_dlpack(
        regularizer: *const l1l2_regularizer, x: *const DLTensor, penalty: *mut f64,
    ) -> i32;
    fn l1l2_add_gradient_dlpack(
        regularizer: *const l1l2_regularizer, x: *const DLTensor, scale: f64,
        gradient: *const DLTensor, penalty: *mut f64,
    ) -> i32;
    fn l1l2_prox_dlpack(
        regularizer: *const l1l2_regularizer, x: *const DLTensor, step: f64, out: *const DLTensor,
    ) -> i32;
    fn l1l2_prox_step_dlpack(
        regularizer: *const l1l2_regularizer, x: *const DLTensor, gradient: *const DLTensor,
        step: f64, steps: *const DLTensor, out: *const DLTensor,
    ) -> i32;
    fn l1l2_penalty_terms(
        terms: *const l1l2_term, term_size: usize, count: usize, runner: Option<l1l2_runner>,
        runner_state: *mut c_void, penalties: *mut f64, total: *mut f64, faulty: *mut usize,
    ) -> i32;
    fn l1l2_add_gradient_terms(
        terms: *const l1l2_term, term_size: usize, count: usize, scale: f64,
        runner: Option<l1l2_runner>, runner_state: *mut c_void, penalties: *mut f64,
        total: *mut f64, faulty: *mut usize,
    ) -> i32;
    fn l1l2_prox_terms(
        terms: *const l1l2_term, term_size: usize, count: usize, step: f64,
        runner: Option<l1l2_runner>, runner_state: *mut c_void, faulty: *mut usize,
    ) -> i32;
    fn l1l2_prox_step_terms(
        terms: *const l1l2_term, term_size: usize, count: usize, step: f64,
        runner: Option<l1l2_runner>, runner_state: *mut c_void, faulty: *mut usize,
    ) -> i32;
    fn l1l2_clip_by_norm_terms(
        terms: *const l1l2_term, term_size: usize, count: usize, norm: f64, max_norm: f64,
        runner: Option<l1l2_runner>, runner_state: *mut c_void, faulty: *mut usize,
    ) -> i32;
    fn l1l2_exact_sums_length() -> usize;
    fn l1l2_exact_sums_add(sums: *mut i64, dtype: i32, x: *const c_void, n: usize) -> i32;
    fn l1l2_exact_sums_add_dlpack(sums: *mut i64, x: *const DLTensor) -> i32;
    fn l1l2_exact_sums_add_terms(
        sums: *mut i64, terms: *const l1l2_term, term_size: usize, count: usize,
        runner: Option<l1l2_runner>, runner_state: *mut c_void, faulty: *mut usize,
    ) -> i32;
    fn l1l2_exact_sums_merge(sums: *mut i64, other: *const i64) -> i32;
    fn l1l2_exact_sums_subtract(sums: *mut i64, other: *const i64) -> i32;
    fn l1l2_exact_sums_check(sums: *const i64) -> i32;
    fn l1l2_exact_sums_read(
        sums: *const i64, absolute: *mut f64, square: *mut f64, count: *mut i64,
    ) -> i32;
    fn l1l2_exact_sums_norm(sums: *const i64, norm: *mut f64) -> i32;
    fn l1l2_penalty_exact_sums(
        regularizer: *const l1l2_regularizer, sums: *const i64, penalty: *mut f64,
    ) -> i32;
    fn l1l2_to_json(
        regularizer: *const l1l2_regularizer, style: i32, json: *mut c_char, capacity: usize,
        length: *mut usize,
    ) -> i32;
    fn l1l2_from_json(
        json: *const c_char, length: usize, regularizer: *mut *mut l1l2_regularizer,
        message: *mut c_char, message_capacity: usize,
    ) -> i32;
}

/// Opens the library for the rest of the process, if the feature `load` is on: the file that the
/// environment variable `L1L2_LIBRARY` names, else the system's. Cheap once it is open.
///
/// # Errors
///
/// A sentence that says what was looked for and where, what was found, and what to do. A later call
/// tries again.
#[inline]
pub fn load() -> Result<(), String> {
    #[cfg(feature = "load")]
    loaded::open()?;
    Ok(())
}

#[cfg(feature = "load")]
mod loaded {
    use super::{Api, NEEDED_VERSION};
    use std::sync::atomic::{AtomicPtr, Ordering};
    use std::{env, mem, ptr};

    static OPENED: AtomicPtr<Api> = AtomicPtr::new(ptr::null_mut());

    /// # Safety
    ///
    /// `open` must have succeeded.
    #[inline]
    pub(super) unsafe fn api() -> &'static Api {
        &*OPENED.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn open() -> Result<(), String> {
        if OPENED.load(Ordering::Acquire).is_null() {
            open_first()?;
        }
        Ok(())
    }

    const SYSTEM_LIBRARY: &str = if cfg!(windows) {
        "libl1l2-0.dll"
    } else if cfg!(target_os = "macos") {
        "libl1l2.0.dylib"
    } else {
        "libl1l2.so.0"
    };
    #[cold]
    fn open_first() -> Result<(), String> {
        let named = env::var_os("L1L2_LIBRARY").filter(|path| !path.is_empty());
        let place = match &named {
            Some(path) => format!("{} (which L1L2_LIBRARY names)", path.to_string_lossy()),
            None => format!("{SYSTEM_LIBRARY} in the system's library folders"),
        };
        let refused = |reason: String| {
            format!(
                "cannot load libl1l2: looked for {place}: {reason}; set L1L2_LIBRARY to the path of \
                 libl1l2 0.4 or later"
            )
        };
        let missing = |error: libloading::Error| refused(error.to_string());
        let foreign = |error: libloading::Error| refused(format!("this is not libl1l2: {error}"));
        // SAFETY: opening libl1l2 runs no code but the C++ runtime's within it; its functions have
        // the types above, and once they are handed out it stays open.
        let api = unsafe {
            let library = libloading::Library::new(named.unwrap_or_else(|| SYSTEM_LIBRARY.into()));
            let library = library.map_err(missing)?;
            let version: unsafe extern "C" fn() -> u32 =
                *library.get(b"l1l2_version_number\0").map_err(foreign)?;
            let found = version();
            if found < NEEDED_VERSION {
                let (major, minor, patch) = (found / 10000, found / 100 % 100, found % 100);
                return Err(refused(format!("found {major}.{minor}.{patch}, need 0.4")));
            }
            let api = Api::of(&library).map_err(foreign)?;
            mem::forget(library);
            api
        };
        // Of threads that come first together one counts; the other opening is of the same file.
        let api = Box::into_raw(Box::new(api));
        if OPENED
            .compare_exchange(ptr::null_mut(), api, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: no one else has seen it.
            drop(unsafe { Box::from_raw(api) });
        }
        Ok(())
    }
}
