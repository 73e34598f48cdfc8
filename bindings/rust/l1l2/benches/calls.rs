// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//! What a call costs, beside one that does nothing.

use l1l2::{ExactSums, Regularizer, View};
use std::time::Instant;

const CALLS: u32 = 100_000;
const REPETITIONS: usize = 31;

/// The median, in ns, of so many calls' mean.
fn time(mut call: impl FnMut()) -> f64 {
    let mut times = [0.0; REPETITIONS];
    for time in &mut times {
        let start = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        *time = start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS);
    }
    times.sort_by(f64::total_cmp);
    times[REPETITIONS / 2]
}

fn main() {
    let regularizer = Regularizer::new(0.01, 0.02).unwrap();
    let x = [1.0_f32; 16];
    let mut gradient = x;
    let mut sums = ExactSums::new();
    let empty = time(|| {
        // SAFETY: the library is open; the function takes nothing and changes nothing.
        unsafe { l1l2_sys::l1l2_version_number() };
    });
    let penalty = time(|| assert!(regularizer.penalty(&x).is_ok()));
    println!("empty call {empty:.1} ns, penalty of 16 elements {penalty:.1} ns");
    let call = time(|| regularizer.add_gradient(&x, 1.0, &mut gradient).unwrap());
    println!("gradient of 16 elements {call:.1} ns");
    let view = || View::new(&x, 0, &[4, 4], &[1, 4]).unwrap();
    let call = time(|| assert!(regularizer.penalty_of_tensor(view()).is_ok()));
    println!("penalty of a transposed matrix of 4 x 4 {call:.1} ns");
    let call = time(|| sums.add_slice(&x).unwrap());
    println!("exact sums of 16 elements {call:.1} ns");
}
