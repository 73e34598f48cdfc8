//! Errors, values, tensors, terms and exact sums, as Rust has them.

use l1l2::{
    add_gradient_of_terms, penalties_of_terms, prox_of_terms, Error, ExactSums, JsonStyle,
    Regularizer, Runner, Serial, Status, Term, Threads, View, ViewMut,
};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;

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
fn slices_of_different_lengths_are_refused() {
    let (x, mut other) = ([1.0_f32; 3], [0.0; 4]);
    let refused = Err(Error::LengthMismatch { x: 3, other: 4 });
    assert_eq!(regularizer().add_gradient(&x, 1.0, &mut other), refused);
    assert_eq!(regularizer().prox_into(&x, 1.0, &mut other), refused);
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
    assert_eq!((regularizer().penalty(&x), regularizer().penalty(&y)), (exact.clone(), exact));
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
    match prox_of_terms(terms, 1.0, &Serial) {
        Err(Error::Term { index: 1, status: Status::InvalidArgument, .. }) => (),
        other => panic!("{other:?}"),
    }
    assert_eq!(out, [0.0]);
}

struct Lazy;

impl Runner for Lazy {
    fn run(&self, _: usize, _: &(dyn Fn(usize) + Sync)) {}
}

struct Panicking;

impl Runner for Panicking {
    fn run(&self, _: usize, _: &(dyn Fn(usize) + Sync)) {
        panic!("no threads");
    }
}

#[test]
fn a_runner_that_leaves_out_tasks_or_panics_is_noticed() {
    let (it, x) = (regularizer(), [1.0_f32]);
    let terms = [Term::new(&it, &x)];
    assert_eq!(status(penalties_of_terms(&terms, &Lazy)), Status::RunnerFailed);
    let call = AssertUnwindSafe(|| penalties_of_terms(&terms, &Panicking));
    let cause = panic::catch_unwind(call).unwrap_err();
    assert_eq!(cause.downcast_ref(), Some(&"no threads"));
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
