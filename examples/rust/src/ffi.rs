//! The C interface, for what the safe one leaves out. `l1l2.h` is its manual.

use crate::Error;
use std::os::raw::{c_char, c_void};

#[cfg(not(any(feature = "load", feature = "link")))]
compile_error!("one of the features `load` and `link` is needed");

/// `l1l2_regularizer`, which is opaque.
#[repr(C)]
pub struct Handle {
    opaque: [u8; 0],
}

macro_rules! interface {
    ($(fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of the library, each under its name without `l1l2_`.
        pub struct Api {
            $(
                #[doc = concat!("`l1l2_", stringify!($name), "`")]
                pub $name: unsafe extern "C" fn($($argument: $type),*) $(-> $result)?,
            )*
        }

        #[cfg(feature = "link")]
        static LINKED: Api = {
            extern "C" {
                $(
                    #[link_name = concat!("l1l2_", stringify!($name))]
                    fn $name($($argument: $type),*) $(-> $result)?;
                )*
            }
            Api { $($name),* }
        };

        #[cfg(not(feature = "link"))]
        impl Api {
            /// # Safety
            ///
            /// The library must be libl1l2 and stay open as long as a function may be called.
            unsafe fn of(library: &libloading::Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    $($name: *library.get(concat!("l1l2_", stringify!($name), "\0").as_bytes())?,)*
                })
            }
        }
    };
}

interface! {
    fn version_number() -> u32;
    fn version_string() -> *const c_char;
    fn status_string(status: i32) -> *const c_char;
    fn isa() -> *const c_char;
    fn create(l1: f64, l2: f64, regularizer: *mut *mut Handle) -> i32;
    fn destroy(regularizer: *mut Handle);
    fn get_config(regularizer: *const Handle, l1: *mut f64, l2: *mut f64) -> i32;
    fn penalty(
        regularizer: *const Handle, dtype: i32, x: *const c_void, n: usize, penalty: *mut f64
    ) -> i32;
    fn add_gradient(
        regularizer: *const Handle, dtype: i32, x: *const c_void, n: usize, scale: f64,
        gradient: *mut c_void, penalty: *mut f64
    ) -> i32;
    fn prox(
        regularizer: *const Handle, dtype: i32, x: *const c_void, n: usize, step: f64,
        out: *mut c_void
    ) -> i32;
    fn exact_sums_length() -> usize;
    fn exact_sums_add(sums: *mut i64, dtype: i32, x: *const c_void, n: usize) -> i32;
    fn exact_sums_merge(sums: *mut i64, other: *const i64) -> i32;
    fn exact_sums_check(sums: *const i64) -> i32;
    fn exact_sums_read(
        sums: *const i64, absolute: *mut f64, square: *mut f64, count: *mut i64
    ) -> i32;
    fn penalty_exact_sums(
        regularizer: *const Handle, sums: *const i64, penalty: *mut f64
    ) -> i32;
    fn to_json(
        regularizer: *const Handle, style: i32, json: *mut c_char, capacity: usize,
        length: *mut usize
    ) -> i32;
    fn from_json(
        json: *const c_char, length: usize, regularizer: *mut *mut Handle,
        message: *mut c_char, message_capacity: usize
    ) -> i32;
}

/// The functions of the library, which the first call opens for the rest of the process.
///
/// # Errors
///
/// [`Error::Library`] if it cannot be opened or lacks a function, which a later call tries again.
/// Never if it is linked.
pub fn api() -> Result<&'static Api, Error> {
    #[cfg(feature = "link")]
    let api = Ok(&LINKED);
    #[cfg(not(feature = "link"))]
    let api = opened();
    api
}

#[cfg(not(feature = "link"))]
fn opened() -> Result<&'static Api, Error> {
    use std::sync::{Mutex, PoisonError};

    static OPENED: Mutex<Option<&Api>> = Mutex::new(None);
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(api) = *opened {
        return Ok(api);
    }
    let api = open().map_err(|error| Error::Library(error.to_string()))?;
    *opened = Some(api);
    Ok(api)
}

#[cfg(not(feature = "link"))]
fn open() -> Result<&'static Api, libloading::Error> {
    let path = std::env::var_os("L1L2_LIBRARY").filter(|path| !path.is_empty());
    let path = path.unwrap_or_else(|| "libl1l2.so.0".into());
    // SAFETY: opening libl1l2 runs no code but the C++ runtime's within it; its functions have the
    // types above, and once they are handed out it stays open.
    unsafe {
        let library = libloading::Library::new(path)?;
        let api = Api::of(&library)?;
        std::mem::forget(library);
        Ok(Box::leak(Box::new(api)))
    }
}
