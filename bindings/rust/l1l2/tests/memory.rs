//! An array of 1 GiB is not copied. Alone in its process, as the peak of memory is the process's.
#![cfg(target_os = "linux")]

use l1l2::{
    add_gradient_of_terms, clip_by_norm, prox_step_of_terms, ExactSums, Regularizer, StepTerm,
    Term, Threads, View, ViewMut,
};

/// The most memory that the process has had so far, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn an_array_of_1_gib_is_not_copied() {
    let n = 1_u32 << 28;
    let mut x = vec![1.0_f32; n as usize];
    let (it, threads, half) = (Regularizer::new(0.01, 0.02).unwrap(), Threads(2), x.len() / 2);
    let before = peak_memory();
    let penalty = it.penalty(&x).unwrap();
    let mut sums = ExactSums::new();
    sums.add_slice(&x).unwrap();
    it.prox(&mut x, 1.0).unwrap();
    let rise = || peak_memory() - before;
    println!("an array of 1024 MiB: peak memory rose by {} KiB", rise());
    let shrunk = (1.0 - 0.01) / (1.0 + 2.0 * 0.02);
    assert!(x.iter().all(|&x| (f64::from(x) - shrunk).abs() < 1e-6));

    let (x, y) = x.split_at_mut(half);
    it.add_gradient(x, 1.0, y).unwrap();
    it.prox_step(x, Some(y), 1.0, Some(y)).unwrap();
    let view = View::new(x, 1, &[half / 2], &[2]).unwrap();
    let written = ViewMut::new(y, 1, &[half / 2], &[2]).unwrap();
    it.add_gradient_of_tensor(view, 1.0, written).unwrap();
    let with_gradient = Term::with_gradient(&it, x, y).unwrap();
    add_gradient_of_terms(&mut [with_gradient], 1.0, &threads).unwrap();
    let step = StepTerm::in_place(&it, x, Some(y), Some(y)).unwrap();
    prox_step_of_terms(&mut [step], 1.0, &threads).unwrap();
    clip_by_norm(&mut [Term::from(x), Term::from(y)], 1.0, None, &threads).unwrap();

    let rise = rise();
    println!("with gradients, views and lists: {rise} KiB");
    assert!(rise < 1126, "peak memory rose by {rise} KiB"); // 1.1 MiB
    let n = f64::from(n);
    assert_eq!((penalty, sums.absolute()), ((0.01 + 0.02) * n, n));
}
