// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

/// An IEEE 754 binary16: only its bits, no arithmetic. `repr(transparent)`, so that a pointer to
/// `u16` may be cast to one to this. With the feature `half`, `half::f16` is an [`Element`] too.
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct F16(pub u16);

/// A bfloat16, the upper half of a binary32: only its bits, as [`F16`].
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct Bf16(pub u16);

mod sealed {
    /// The `l1l2_dtype` of a type. It stands for the type's layout, so no one else implements it.
    pub trait Dtype {
        const DTYPE: i32;
        const DLPACK_CODE: u8;
    }
}
pub(crate) use sealed::Dtype;

/// The element types: [`f32`], [`f64`], [`F16`], [`Bf16`] and, with the feature `half`, the types of
/// that crate.
pub trait Element: Copy + Send + Sync + Dtype + 'static {
    /// The type that gradients and proximal operators are computed in, and that steps have: [`f64`]
    /// of [`f64`], else [`f32`].
    type Arithmetic: Element;
}

macro_rules! elements {
    ($($(#[$attribute:meta])? $type:ty: $dtype:expr, $code:expr, $arithmetic:ty;)*) => {
        $(
            $(#[$attribute])?
            impl Dtype for $type {
                const DTYPE: i32 = $dtype;
                const DLPACK_CODE: u8 = $code;
            }
            $(#[$attribute])?
            impl Element for $type {
                type Arithmetic = $arithmetic;
            }
        )*
    };
}

elements! {
    f32: 1, 2, f32;
    f64: 2, 2, f64;
    F16: 3, 2, f32;
    Bf16: 4, 4, f32;
    #[cfg(feature = "half")] half::f16: 3, 2, f32;
    #[cfg(feature = "half")] half::bf16: 4, 4, f32;
}
