// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//! What terms and views borrow, in doctests that readers do not see. In a folder of its own, so that
//! scripts/mutate.py leaves it out.

/// Made, dropped, used compiles; made, used, dropped does not. (Only a nightly Rust looks at the
/// error.)
macro_rules! borrowed {
    ($test:ident: $($made:expr => $use:expr, $error:ident;)*) => {
        $(
            #[doc = borrowed!("no_run", $made, drop(made), $use)]
            #[doc = borrowed!(concat!("compile_fail,", stringify!($error)), $made, $use, drop(made))]
        )*
        struct $test;
    };
    ($kind:expr, $made:expr, $first:expr, $second:expr) => {
        concat!(
            "```", $kind, "\nuse l1l2::*;\nlet it = Regularizer::new(1.0, 1.0).unwrap();\n",
            "let (mut x, mut y, mut z, mut out) = (vec![1.0_f32], vec![1.0], vec![1.0], vec![1.0]);\n",
            "let made = ", stringify!($made), ";\n", stringify!($first), ";\n", stringify!($second),
            ";\n```"
        )
    };
}

borrowed! { Borrowed:
    Term::new(&it, &x) => drop(it), E0505;
    Term::new(&it, &x) => drop(x), E0505;
    Term::with_gradient(&it, &x, &mut y).unwrap() => dbg!(&y), E0502;
    Term::in_place(&it, &mut x) => drop(it), E0505;
    Term::in_place(&it, &mut x) => dbg!(&x), E0502;
    Term::with_out(&it, &x, &mut out).unwrap() => dbg!(&out), E0502;
    Term::from(&x[..]) => drop(x), E0505;
    Term::from(&mut x[..]) => dbg!(&x), E0502;
    StepTerm::in_place(&it, &mut x, Some(&y), Some(&z)).unwrap() => drop(y), E0505;
    StepTerm::in_place(&it, &mut x, Some(&y), Some(&z)).unwrap() => drop(z), E0505;
    StepTerm::with_out(&it, &x, Some(&y), Some(&z), &mut out).unwrap() => drop(y), E0505;
    StepTerm::with_out(&it, &x, Some(&y), Some(&z), &mut out).unwrap() => drop(z), E0505;
    StepTerm::with_out(&it, &x, Some(&y), Some(&z), &mut out).unwrap() => dbg!(&out), E0502;
    View::new(&x, 0, &[1], &[1]).unwrap() => drop(x), E0505;
    ViewMut::new(&mut x, 0, &[1], &[1]).unwrap() => dbg!(&x), E0502;
}

#[cfg(feature = "ndarray")]
borrowed! { BorrowedFromArrays:
    View::from(ndarray::ArrayView1::from(&x)) => drop(x), E0505;
    ViewMut::from(ndarray::ArrayViewMut1::from(&mut x)) => dbg!(&x), E0502;
}
