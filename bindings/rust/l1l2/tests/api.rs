//! Errors, values, tensors, terms and exact sums, as Rust has them.

use l1l2::{
    add_gradient_of_terms, clip_by_norm, penalties_of_terms, prox_of_terms, prox_step_of_terms,
    Bf16, Element, Error, ExactSums, JsonStyle, Regularizer, Runner, Serial, Status, StepTerm,
    Term, Threads, View, ViewMut, F16,
};
use std::collections::HashSet;
use std::env;
use std::iter;
use std::panic::{self, AssertUnwindSafe};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

fn regularizer() -> Regularizer {
    Regularizer::new(0.01, 0.02).unwrap()
}

fn status<T: std::fmt::Debug>(result: Result<T, Error>) -> Status {
    result.unwrap_err().status().unwrap()
}

#[test]
fn an_error_has_a_status_and_a_sentence() {
    let error = Regularizer::new(-1.0, 0.0).unwrap_err();
    assert_eq!(error.status(), Some(Status::InvalidCoefficient));
    assert_eq!(error.to_string(), "a coefficient is not a finite number >= 0");
    assert_eq!(Status::InvalidCoefficient.code(), 11);
    let error = "{\"l3\": 0.1}".parse::<Regularizer>().unwrap_err();
    assert_eq!(error.status(), Some(Status::UnknownConfig));
    assert!(error.to_string().contains("l3"));
    assert_eq!(status(Regularizer::from_json(b"{\xff}")), Status::MalformedJson);
    assert_eq!(status(regularizer().prox(&mut [1.0_f32], -1.0)), Status::InvalidStep);
    let (x, mut gradient) = ([1.0_f32], [0.0]);
    assert_eq!(
        status(regularizer().add_gradient(&x, f64::NAN, &mut gradient)),
        Status::InvalidScale
    );
}

#[test]
fn a_status_has_the_number_of_the_header() {
    use Status::*;
    let refused =
        [InvalidArgument, InvalidCoefficient, UnsupportedDtype, InvalidScale, InvalidStep];
    assert_eq!(refused.map(Status::code), [10, 11, 12, 13, 14]);
    let refused = [Overlap, InvalidTensor, InvalidSums, UnknownLayout, CountOverflow, InvalidNorm];
    assert_eq!(refused.map(Status::code), [15, 16, 18, 19, 21, 22]);
    let others = [OutOfMemory, MalformedJson, UnknownConfig, RunnerFailed, Other(77)];
    assert_eq!(others.map(Status::code), [30, 40, 41, 50, 77]);
}

#[test]
fn slices_of_different_lengths_are_refused() {
    let (x, mut other) = ([1.0_f32; 3], [0.0; 4]);
    let (it, refused) = (regularizer(), Error::LengthMismatch { x: 3, other: 4 });
    assert_eq!(it.add_gradient(&x, 1.0, &mut other).unwrap_err(), refused);
    assert_eq!(it.prox_into(&x, 1.0, &mut other).unwrap_err(), refused);
    assert_eq!(Term::with_gradient(&it, &x, &mut other).unwrap_err(), refused);
    assert_eq!(Term::with_out(&it, &x, &mut other).unwrap_err(), refused);
}

#[test]
fn a_regularizer_is_a_value() {
    let made = regularizer();
    assert_eq!(made, made.clone());
    assert_ne!(made, Regularizer::new(0.01, 0.0).unwrap());
    assert_eq!(format!("{made:?}"), "Regularizer { l1: 0.01, l2: 0.02 }");
    assert_eq!(made.to_string(), r#"{"l1": 0.01, "l2": 0.02}"#);
    for style in [JsonStyle::Config, JsonStyle::Keras2, JsonStyle::Keras3] {
        assert_eq!(made.to_json(style).parse(), Ok(made.clone()));
    }
}

#[test]
fn threads_share_a_regularizer_and_the_last_one_drops_it() {
    let x = [1.0_f64, -2.0, 3.0];
    for l1 in [1.0, 2.0, 3.0, 4.0] {
        let shared = Arc::new(Regularizer::new(l1, 0.0).unwrap());
        let clone = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            while Arc::strong_count(&clone) > 1 {
                thread::yield_now();
            }
            clone.penalty(&x).unwrap()
        });
        drop(shared);
        assert_eq!(thread.join().unwrap(), 6.0 * l1);
    }
}

#[test]
fn what_stands_for_slices_goes_between_threads_as_they_do() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<(Regularizer, ExactSums, Error, Term, StepTerm, View<f32>, ViewMut<f32>)>();
}

/// Of a list that is shared, two threads could write the same elements at once.
#[test]
fn a_list_that_is_written_is_borrowed_mutably() {
    let _: fn(&mut [Term], f64, &Serial) -> _ = add_gradient_of_terms;
    let _: fn(&mut [Term], f64, &Serial) -> _ = prox_of_terms;
    let _: fn(&mut [StepTerm], f64, &Serial) -> _ = prox_step_of_terms;
    let _: fn(&mut [Term], f64, Option<f64>, &Serial) -> _ = clip_by_norm;
}

#[test]
fn a_view_stays_in_its_slice() {
    let x = [1.0_f32; 6];
    let view = |offset, shape: &[usize], strides: &[isize]| {
        View::new(&x, offset, shape, strides).and_then(|view| regularizer().penalty_of_tensor(view))
    };
    assert_eq!(view(0, &[2, 3], &[3, 1]), regularizer().penalty(&x));
    assert_eq!(view(5, &[6], &[-1]), regularizer().penalty(&x));
    assert_eq!(view(9, &[0], &[1]), Ok(0.0));
    for (offset, shape, strides) in [
        (0, &[7][..], &[1][..]),
        (1, &[6], &[1]),
        (4, &[6], &[-1]),
        (0, &[2, 4], &[3, 1]),
        (0, &[6], &[1, 1]),
        (6, &[1], &[1]),
        (2, &[2, 2], &[-3, 1]),
        (0, &[2], &[isize::MIN]),
        (0, &[usize::MAX, usize::MAX], &[isize::MAX, isize::MAX]),
    ] {
        assert_eq!(status(view(offset, shape, strides)), Status::InvalidTensor, "{shape:?}");
    }
}

#[test]
fn a_tensor_of_any_strides_has_the_results_of_its_elements() {
    let x = [1.0_f32, -2.0, 3.0, -4.0, 5.0, -6.0];
    let mut gradient = [0.0; 6];
    let column = || View::new(&x, 1, &[3], &[2]).unwrap();
    let every_other = ViewMut::new(&mut gradient, 0, &[3], &[2]).unwrap();
    let penalty = regularizer().add_gradient_of_tensor(column(), 1.0, every_other).unwrap();
    assert_eq!(Ok(penalty), regularizer().penalty(&[-2.0_f32, -4.0, -6.0]));
    assert_eq!(gradient.map(|it| it != 0.0), [true, false, true, false, true, false]);

    let (mut alone, mut strided) = ([-2.0_f32, -4.0, -6.0], x);
    regularizer().prox(&mut alone, 1.0).unwrap();
    let written = ViewMut::new(&mut strided, 1, &[3], &[2]).unwrap();
    regularizer().prox_of_tensor(written, 1.0).unwrap();
    assert_eq!(strided, [1.0, alone[0], 3.0, alone[1], 5.0, alone[2]]);

    let repeated = ViewMut::new(&mut strided, 0, &[3], &[0]).unwrap();
    assert_eq!(status(regularizer().prox_of_tensor(repeated, 1.0)), Status::Overlap);
}

fn written<'a>(y: &'a mut [f32], (shape, strides): (&[usize], &[isize])) -> ViewMut<'a, f32> {
    ViewMut::new(y, 0, shape, strides).unwrap()
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let (it, x, mut y, mut sums) = (regularizer(), [1.0_f32; 2], [1.0_f32; 2], ExactSums::new());
    let read = |(shape, strides)| View::new(&x, 0, shape, strides).unwrap();
    let (row, deep) = ((&[2][..], &[1][..]), (&[1; 65][..], &[1; 65][..])); // shape, strides
    for (of_x, of_y, refusal) in [
        (row, (&[1][..], &[1][..]), Status::InvalidTensor),
        (deep, deep, Status::InvalidTensor),
        (row, (&[2], &[0]), Status::Overlap),
    ] {
        let refused = it.add_gradient_of_tensor(read(of_x), 1.0, written(&mut y, of_y));
        assert_eq!(status(refused), refusal);
        for (gradient, steps) in [(Some(read(of_x)), None), (None, Some(read(of_x)))] {
            let refused = it.prox_step_of_tensor(written(&mut y, of_y), gradient, 1.0, steps);
            assert_eq!(status(refused), refusal);
        }
    }
    assert_eq!(status(it.penalty_of_tensor(read(deep))), Status::InvalidTensor);
    assert_eq!(status(sums.add_tensor(read(deep))), Status::InvalidTensor);
    assert_eq!(status(it.prox_of_tensor(written(&mut y, deep), 1.0)), Status::InvalidTensor);
    assert_eq!(y, x);
}

fn penalty_of_row<T: Element>(x: &[T]) -> Result<f64, Error> {
    regularizer().penalty_of_tensor(View::new(x, 0, &[x.len()], &[1])?)
}

#[test]
fn tensors_have_elements_of_half_precisions() {
    let (x, y) = ([F16(0x3800), F16(0xbd00)], [Bf16(0x3f00), Bf16(0xbfa0)]); // 0.5, -1.25
    let exact = regularizer().penalty(&[0.5_f32, -1.25]);
    assert_eq!((penalty_of_row(&x), penalty_of_row(&y)), (exact.clone(), exact));
}

#[cfg(feature = "ndarray")]
#[test]
fn arrays_of_ndarray_are_tensors() {
    let mut x = ndarray::arr2(&[[1.0_f64, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let l1 = Regularizer::new(1.0, 0.0).unwrap();
    assert_eq!(l1.penalty_of_tensor(x.t()), Ok(21.0));
    assert_eq!(l1.penalty_of_tensor(x.slice(ndarray::s![.., ..;-2])), Ok(14.0));
    l1.prox_of_tensor(x.column_mut(1), 1.0).unwrap();
    assert_eq!(x, ndarray::arr2(&[[1.0, 1.0, 3.0], [4.0, 4.0, 6.0]]));
    let mut sums = ExactSums::new();
    sums.add_tensor(x.row(0)).unwrap();
    assert_eq!((sums.absolute(), sums.count()), (5.0, 3));
}

#[cfg(feature = "half")]
#[test]
fn elements_of_half_are_those_of_their_bits() {
    let x = [0.5, -1.25, 3.0].map(half::f16::from_f32);
    let y = [0.5, -1.25, 3.0].map(half::bf16::from_f32);
    let exact = regularizer().penalty(&[0.5_f32, -1.25, 3.0]);
    assert_eq!(
        (regularizer().penalty(&x), regularizer().penalty(&y)),
        (exact.clone(), exact.clone())
    );
    assert_eq!((penalty_of_row(&x), penalty_of_row(&y)), (exact.clone(), exact));
}

fn penalties_with(runner: &impl Runner) -> (f64, Vec<f32>) {
    let (it, large) = (regularizer(), vec![0.3_f32; 100_000]);
    let small = vec![[0.7_f32; 5]; 300];
    let mut gradient = vec![0.0; large.len()];
    let mut terms = vec![Term::with_gradient(&it, &large, &mut gradient).unwrap()];
    terms.extend(small.iter().map(|x| Term::new(&it, x)));
    let alone = penalties_of_terms(&terms, runner).unwrap();
    let penalties = add_gradient_of_terms(&mut terms, 1.0, runner).unwrap();
    assert_eq!(penalties, alone);
    assert_eq!((penalties.each.len(), it.penalty(&large)), (301, Ok(penalties.each[0])));
    let mut expected = vec![0.0; large.len()];
    it.add_gradient(&large, 1.0, &mut expected).unwrap();
    assert_eq!(gradient, expected);
    (penalties.total, gradient)
}

#[test]
fn terms_have_the_same_bits_with_every_runner() {
    let expected = penalties_with(&Serial);
    for runner in [Threads(1), Threads(2), Threads(7), Threads::default()] {
        assert_eq!(penalties_with(&runner), expected);
    }
    #[cfg(feature = "rayon")]
    assert_eq!(penalties_with(&rayon::ThreadPoolBuilder::new().build().unwrap()), expected);
}

#[test]
fn a_runner_calls_each_task_once() {
    let runners: [&dyn Runner; 3] = [&Serial, &Threads(1), &Threads(3)];
    for runner in runners {
        let calls = Mutex::new(vec![]);
        runner.run(20, &|index| calls.lock().unwrap().push(index));
        let mut calls = calls.into_inner().unwrap();
        calls.sort_unstable();
        assert!(calls.into_iter().eq(0..20));
    }
}

#[test]
fn as_many_threads_as_asked_work_at_once() {
    let (arrived, start) = (AtomicUsize::new(0), Instant::now());
    Threads(3).run(3, &|_| {
        arrived.fetch_add(1, Ordering::Relaxed);
        while arrived.load(Ordering::Relaxed) < 3 {
            assert!(start.elapsed() < Duration::from_secs(30), "fewer than three at once");
            thread::sleep(Duration::from_millis(1));
        }
    });
    let ids = Mutex::new(HashSet::new());
    Threads(2).run(20, &|_| {
        ids.lock().unwrap().insert(thread::current().id());
        thread::sleep(Duration::from_millis(5));
    });
    assert!(ids.into_inner().unwrap().len() <= 2);
}

/// No system gives a stack of 2^60 bytes.
#[test]
fn threads_that_cannot_be_had_are_done_without() {
    let (name, huge) = ("threads_that_cannot_be_had_are_done_without", (1_u64 << 60).to_string());
    if env::var("RUST_MIN_STACK").as_ref() == Ok(&huge) {
        penalties_with(&Threads(3));
        return;
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", name, "--test-threads=1"]).env("RUST_MIN_STACK", huge);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn proxes_of_terms_are_those_of_the_tensors() {
    let it = regularizer();
    let (mut x, y, mut out) = (vec![1.0_f32; 10], vec![2.0_f64; 3], vec![0.0; 3]);
    let terms = &mut [Term::in_place(&it, &mut x), Term::with_out(&it, &y, &mut out).unwrap()];
    prox_of_terms(terms, 1.0, &Threads(2)).unwrap();
    let (mut first, mut second) = ([1.0_f32], [2.0_f64]);
    it.prox(&mut first, 1.0).unwrap();
    it.prox(&mut second, 1.0).unwrap();
    assert_eq!((x, out), (vec![first[0]; 10], vec![second[0]; 3]));
}

#[test]
fn a_wrong_term_is_named() {
    let (it, x, y) = (regularizer(), [1.0_f32], [2.0_f32]);
    let mut out = [0.0];
    let terms = &mut [Term::with_out(&it, &x, &mut out).unwrap(), Term::new(&it, &y)];
    let unwritten = prox_of_terms(terms, 1.0, &Serial);
    let (mut z, mut unregularized) = (x, [Term::new(&it, &y), Term::from(&y[..])]);
    for refused in [
        unwritten.err(),
        penalties_of_terms(&unregularized, &Serial).err(),
        add_gradient_of_terms(&mut unregularized, 1.0, &Serial).err(),
        prox_of_terms(
            &mut [Term::in_place(&it, &mut [1.0_f32]), Term::from(&mut z[..])],
            1.0,
            &Serial,
        )
        .err(),
    ] {
        match refused {
            Some(Error::Term { index: 1, status: Status::InvalidArgument, .. }) => (),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(out, [0.0]);
}

struct Lazy;

impl Runner for Lazy {
    fn run(&self, _: usize, _: &(dyn Fn(usize) + Sync)) {}
}

/// When all tasks are done.
struct Panicking;

impl Runner for Panicking {
    fn run(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(task);
        panic!("no threads");
    }
}

#[test]
fn a_runner_that_leaves_out_tasks_or_panics_is_noticed() {
    let (it, x) = (regularizer(), [1.0_f32]);
    let terms = [Term::new(&it, &x)];
    let [mut y, mut z] = [x; 2];
    let written = &mut [Term::in_place(&it, &mut y)];
    let stepped = &mut [StepTerm::in_place(&it, &mut z, None, None).unwrap()];
    let mut sums = ExactSums::new();
    for left_out in [
        penalties_of_terms(&terms, &Lazy).err(),
        add_gradient_of_terms(written, 1.0, &Lazy).err(),
        prox_of_terms(written, 1.0, &Lazy).err(),
        prox_step_of_terms(stepped, 1.0, &Lazy).err(),
        clip_by_norm(written, 1.0, Some(2.0), &Lazy).err(),
        sums.add_terms(&terms, &Lazy).err(),
    ] {
        match left_out {
            Some(Error::Refused { status: Status::RunnerFailed, .. }) => (),
            other => panic!("{other:?}"),
        }
    }
    let call = AssertUnwindSafe(|| sums.add_terms(&terms, &Panicking));
    let cause = panic::catch_unwind(call).unwrap_err();
    assert_eq!(cause.downcast_ref(), Some(&"no threads"));
    assert_eq!(sums, ExactSums::new());
}

#[test]
fn exact_sums_add_up() {
    let parts = [[1.5_f32, -2.0], [0.0, 4.0]];
    let sums = parts.map(|part| part.into_iter().collect::<ExactSums>());
    let mut all = ExactSums::default();
    all.extend(parts.iter().map(|part| &part[..]));
    assert_eq!((all.absolute(), all.square(), all.count()), (7.5, 22.25, 4));
    assert_eq!(sums.iter().sum::<ExactSums>(), all);
    assert_eq!(sums[0].clone() + &sums[1], all);
    let [first, second] = sums;
    assert_eq!([second, first].into_iter().sum::<ExactSums>(), all);
    let many: ExactSums = (0..10_000).map(f64::from).collect();
    assert_eq!((many.absolute(), many.count()), (49_995_000.0, 10_000));
    assert_eq!(ExactSums::new().absolute(), 0.0);
    let mut resumed = [Some(1.0_f32), None, Some(2.0)].into_iter();
    let first: ExactSums = iter::from_fn(|| resumed.next().flatten()).collect();
    assert_eq!(first.absolute(), 1.0); // an iterator ends where it first says so
}

#[test]
fn more_elements_than_can_be_counted_are_refused() {
    let mut many: ExactSums = [1.0_f32].into_iter().collect();
    for _ in 0..62 {
        many.merge(&many.clone()).unwrap();
    }
    let before = many.clone();
    assert_eq!((many.count(), status(many.merge(&before))), (1 << 62, Status::CountOverflow));
    assert_eq!(many, before);
    assert!(panic::catch_unwind(|| many + before).is_err());
}

#[test]
fn numbers_from_elsewhere_are_checked() {
    let sums: ExactSums = [1.0_f32, f32::NAN].into_iter().collect();
    let mut numbers = sums.numbers().to_vec();
    assert_eq!(ExactSums::try_from(&numbers[..]), Ok(sums));
    numbers[7] ^= 1;
    assert_eq!(status(ExactSums::try_from(&numbers[..])), Status::InvalidSums);
    for length in [0, ExactSums::LENGTH - 1, ExactSums::LENGTH + 1] {
        let zeros = vec![0; length];
        assert_eq!(status(ExactSums::try_from(&zeros[..])), Status::UnknownLayout);
    }
    // SAFETY: the library is open; the function takes nothing and changes nothing.
    assert_eq!(ExactSums::LENGTH, unsafe { l1l2_sys::l1l2_exact_sums_length() });
}

fn norm_of(x: &[f64]) -> f64 {
    let mut sums = ExactSums::new();
    sums.add_slice(x).unwrap();
    sums.norm()
}

#[test]
fn the_norm_is_rounded_once_and_right_beyond_the_range_of_squares() {
    assert_eq!(ExactSums::new().norm(), 0.0);
    assert_eq!(norm_of(&[3.0, -4.0]), 5.0);
    assert_eq!(norm_of(&[1e200, 1.0, 1.0]), 1e200);
    // sqrt(3) times the double that is next to 1e-200, to the last bit.
    assert_eq!(norm_of(&[1e-200; 3]), 1.732_050_807_568_877_2e-200);
    assert_eq!(norm_of(&[1.7e308; 2]), f64::INFINITY);
    assert_eq!(norm_of(&[f64::NEG_INFINITY]), f64::INFINITY);
    assert!(norm_of(&[1.0, f64::NAN]).is_nan());
}

#[test]
fn what_was_added_can_be_subtracted_and_nothing_else() {
    let [first, second] = [[1.5_f32, f32::NAN], [0.0, 4.0]];
    let mut all: ExactSums = first.into_iter().chain(second).collect();
    let sums = |x: [f32; 2]| x.into_iter().collect::<ExactSums>();
    assert_eq!(all.clone() - sums(first), sums(second));
    all -= &sums(second);
    assert_eq!(all, sums(first));
    for other in [[1.5, 1.0], [1.0, 1.0]] {
        assert_eq!(status(all.subtract(&sums(other))), Status::InvalidSums);
    }
    let failure = panic::catch_unwind(|| sums(first) - sums(second));
    assert!(failure.is_err());
    assert_eq!(all.clone() - all, ExactSums::new());
}

#[test]
fn terms_are_added_on_any_threads_or_not_at_all() {
    let (large, small) = (vec![0.3_f32; 100_000], [F16(0x3c00), F16(0xc000)]);
    let mut expected = ExactSums::new();
    expected.add_slice(&large).unwrap();
    expected.add_slice(&small).unwrap();
    for threads in [1, 3] {
        let mut sums = ExactSums::new();
        let it = regularizer();
        let terms = [large[..].into(), Term::new(&it, &small)];
        sums.add_terms(&terms, &Threads(threads)).unwrap();
        assert_eq!(sums, expected);
        assert_eq!(status(sums.add_terms(&terms, &Lazy)), Status::RunnerFailed);
        assert_eq!(sums, expected);
    }
}

#[test]
fn tensors_are_clipped_by_the_norm_of_all() {
    let before: Vec<f32> = (0..70_000).map(|i| (i % 97) as f32 - 48.0).collect();
    let mut sums = ExactSums::new();
    sums.add_terms(&[before[..].into(), (&[64.0_f64][..]).into()], &Serial).unwrap();
    let squares: f64 = before.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    assert_eq!(sums.norm(), (squares + 64.0 * 64.0).sqrt());
    for (norm, threads) in [(None, 1), (None, 3), (Some(sums.norm()), 2)] {
        let (mut x, mut y) = (before.clone(), [64.0_f64]);
        let mut terms = [(&mut x[..]).into(), Term::from(&mut y[..])];
        let threads = Threads(threads);
        assert_eq!(clip_by_norm(&mut terms, 1e9, norm, &threads), Ok(sums.norm()));
        assert_eq!(clip_by_norm(&mut terms, 1.5, norm, &threads), Ok(sums.norm()));
        let factor = 1.5 / sums.norm();
        assert!(x.iter().zip(&before).all(|(&x, &b)| x == b * factor as f32));
        assert_eq!(y, [64.0 * factor]);
    }
    let mut half = [F16(0x5cb0)]; // 300
    assert_eq!(clip_by_norm(&mut [(&mut half[..]).into()], 1.0, None, &Serial), Ok(300.0));
    assert_eq!(half[0].0, 0x3c00); // 1
    assert_eq!(clip_by_norm(&mut [], 1.0, None, &Serial), Ok(0.0));
}

#[test]
fn a_norm_that_is_not_finite_clips_nothing() {
    let (mut x, mut bad) = ([30.0_f32], [f64::INFINITY]);
    let wrong = [(1.0, None), (1.0, Some(f64::NAN)), (1.0, Some(-1.0)), (f64::NAN, Some(1.0))];
    for (max_norm, norm) in wrong {
        let terms = &mut [(&mut x[..]).into(), (&mut bad[..]).into()];
        assert_eq!(status(clip_by_norm(terms, max_norm, norm, &Serial)), Status::InvalidNorm);
    }
    assert_eq!(Status::InvalidNorm.code(), 22);
    let terms = &mut [Term::from(&mut x[..]), Term::from(&[2.0_f32][..])];
    match clip_by_norm(terms, 1.0, None, &Serial) {
        Err(Error::Term { index: 1, status: Status::InvalidArgument, .. }) => (),
        other => panic!("{other:?}"),
    }
    assert_eq!(x, [30.0]);
}

/// With the step 0.7 and a factor for it, as `l1l2.h` has the formula.
fn stepped(x: f64, gradient: f64, factor: f64) -> f64 {
    let v = x - 0.7 * factor * gradient;
    let shrunk = (v.abs() - 0.7 * 0.01 * factor).max(0.0);
    (shrunk / (1.0 + 2.0 * (0.7 * 0.02) * factor)).copysign(v)
}

#[test]
fn a_proximal_step_follows_the_formula() {
    let it = regularizer();
    let x: Vec<f64> = (0..300).map(|i| f64::from(i).sin()).collect();
    let gradient: Vec<f64> = (0..300).map(|i| f64::from(i).cos()).collect();
    let steps: Vec<f64> = (0..300).map(|i| f64::from(i) / 200.0).collect();
    let expected: Vec<f64> =
        x.iter().zip(&gradient).zip(&steps).map(|((&x, &g), &s)| stepped(x, g, s)).collect();
    let mut out = vec![0.0; 300];
    it.prox_step_into(&x, Some(&gradient), 0.7, Some(&steps), &mut out).unwrap();
    assert_eq!(out, expected);
    let mut in_place = x.clone();
    it.prox_step(&mut in_place, Some(&gradient), 0.7, Some(&steps)).unwrap();
    assert_eq!(in_place, expected);

    // Of tensors, in another order of memory.
    let mut reversed: Vec<f64> = x.iter().rev().copied().collect();
    let written = ViewMut::new(&mut reversed, 299, &[300], &[-1]).unwrap();
    let view = |x| View::new(x, 0, &[300], &[1]).unwrap();
    let steps_view = Some(view(&steps));
    it.prox_step_of_tensor(written, Some(view(&gradient)), 0.7, steps_view).unwrap();
    assert!(reversed.iter().rev().eq(&expected));

    // Without a gradient and steps it is the proximal operator.
    let (mut stepped, mut proxed) = (x.clone(), x.clone());
    it.prox_step(&mut stepped, None, 0.7, None).unwrap();
    it.prox(&mut proxed, 0.7).unwrap();
    assert_eq!(stepped, proxed);
    it.prox_step_of_tensor(ViewMut::new(&mut stepped, 0, &[300], &[1]).unwrap(), None, 0.0, None)
        .unwrap();
    assert_eq!(stepped, proxed);
}

#[test]
fn steps_of_half_precisions_are_float32() {
    let l1 = Regularizer::new(1.0, 0.0).unwrap();
    let (mut x, gradient) = ([F16(0x3c00), F16(0xc200)], [F16(0x4000); 2]); // 1, -3 and 2, 2
    l1.prox_step(&mut x, Some(&gradient), 0.5, Some(&[1.0_f32, 0.5])).unwrap();
    assert_eq!(x.map(|x| x.0), [0, 0xc280]); // 0, -3.25
    l1.prox_step(&mut x, Some(&gradient), 0.5, None).unwrap();
    assert_eq!(x.map(|x| x.0), [0xb800, 0xc380]); // -0.5, -3.75
}

#[test]
fn proximal_steps_of_terms_are_those_of_the_tensors() {
    let it = regularizer();
    let (mut x, gradient, steps) = ([F16(0x3c00); 9], [F16(0x4000); 9], [0.5_f32; 9]);
    let (y, mut out) = (vec![2.0_f64; 70_000], vec![0.0; 70_000]);
    let (mut first, mut second) = (x, [0.0]);
    it.prox_step(&mut first, Some(&gradient), 0.3, Some(&steps)).unwrap();
    it.prox_step_into(&[2.0_f64], None, 0.3, None, &mut second).unwrap();
    let terms = &mut [
        StepTerm::in_place(&it, &mut x, Some(&gradient), Some(&steps)).unwrap(),
        StepTerm::with_out(&it, &y, None, None, &mut out).unwrap(),
    ];
    prox_step_of_terms(terms, 0.3, &Threads(2)).unwrap();
    assert_eq!(x.map(|x| x.0), first.map(|x| x.0));
    assert!(out.iter().all(|&out| out == second[0]));
}

#[test]
fn steps_that_are_wrong_write_nothing() {
    let (it, mut x) = (regularizer(), [1.0_f32; 3]);
    for wrong in [-1.0, f32::NAN, f32::INFINITY] {
        let steps = [1.0, 1.0, wrong];
        let refused = it.prox_step(&mut x, None, 1.0, Some(&steps));
        assert_eq!(status(refused), Status::InvalidStep);
        assert_eq!(status(it.prox_step(&mut x, None, wrong.into(), None)), Status::InvalidStep);
        let term = StepTerm::in_place(&it, &mut x, None, Some(&steps)).unwrap();
        match prox_step_of_terms(&mut [term], 1.0, &Serial) {
            Err(Error::Term { index: 0, status: Status::InvalidStep, .. }) => (),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(x, [1.0; 3]);
    let refused = Err(Error::LengthMismatch { x: 3, other: 2 });
    assert_eq!(it.prox_step(&mut x, Some(&[1.0; 2]), 1.0, None), refused);
    assert_eq!(it.prox_step(&mut x, None, 1.0, Some(&[1.0; 2])), refused);
    assert_eq!(it.prox_step_into(&x, None, 1.0, None, &mut [1.0; 2]), refused);
    assert!(StepTerm::in_place(&it, &mut x, Some(&[1.0; 2]), None).is_err());
    assert!(StepTerm::with_out(&it, &x, None, None, &mut [1.0; 2]).is_err());
}
