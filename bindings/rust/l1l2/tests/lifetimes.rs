//! What is dropped is released, once. Alone in its process, as the peak of memory is the process's.
#![cfg(target_os = "linux")]

use l1l2::Regularizer;

/// The most memory that the process has had so far, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn dropped_regularizers_release_their_memory() {
    let make_and_drop = |count: u32| {
        for i in 0..count {
            let made = Regularizer::new(f64::from(i), 0.0).unwrap();
            let read = Regularizer::from_json(r#"{"l1": 0.01, "l2": 0.02}"#).unwrap();
            assert_eq!((made.l1(), read.l2()), (f64::from(i), 0.02));
            if i % 16 == 0 {
                assert!(Regularizer::from_json(r#"{"l1": 0.01, "l2": -1}"#).is_err());
                assert_eq!(made.clone(), made);
            }
        }
    };
    make_and_drop(10_000);
    let before = peak_memory();
    make_and_drop(250_000);
    let rise = peak_memory() - before;
    assert!(rise < 8192, "peak memory rose by {rise} KiB");
}
