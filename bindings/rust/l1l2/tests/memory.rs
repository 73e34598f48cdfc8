//! An array of 1 GiB is not copied. Alone in its process, as the peak of memory is the process's.
#![cfg(target_os = "linux")]

use l1l2::{ExactSums, Regularizer};

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
    let regularizer = Regularizer::new(0.01, 0.02).unwrap();
    let before = peak_memory();
    let penalty = regularizer.penalty(&x).unwrap();
    let mut sums = ExactSums::new();
    sums.add_slice(&x).unwrap();
    regularizer.prox(&mut x, 1.0).unwrap();
    let rise = peak_memory() - before;
    println!("an array of 1024 MiB: peak memory rose by {rise} KiB");
    assert!(rise < 4096, "peak memory rose by {rise} KiB");
    let n = f64::from(n);
    assert_eq!((penalty, sums.absolute()), ((0.01 + 0.02) * n, n));
    let shrunk = (1.0 - 0.01) / (1.0 + 2.0 * 0.02);
    assert!(x.iter().all(|&x| (f64::from(x) - shrunk).abs() < 1e-6));
}
