// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

use crate::element::Element;
use crate::error::{check, load, same_length, Error};
use crate::regularizer::step_operands;
use crate::{ExactSums, Regularizer};
use l1l2_sys as sys;
use std::any::Any;
use std::marker::PhantomData;
use std::mem::size_of;
use std::os::raw::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::{ptr, thread};

/// One tensor of a list: a regularizer, the elements, and what is to be written.
#[derive(Debug)]
#[repr(transparent)]
pub struct Term<'a> {
    term: sys::l1l2_term,
    borrowed: PhantomData<&'a mut [u8]>,
}

// SAFETY: a term stands for references to elements, which are Send and Sync, and to a regularizer,
// which is Sync.
unsafe impl Send for Term<'_> {}
unsafe impl Sync for Term<'_> {}

impl<'a> Term<'a> {
    /// A tensor of which only the penalty is computed.
    #[must_use]
    pub fn new<T: Element>(regularizer: &'a Regularizer, x: &'a [T]) -> Self {
        let mut term = Self::from(x);
        term.term.regularizer = regularizer.handle();
        term
    }

    /// A tensor whose gradient [`add_gradient_of_terms`] adds to `gradient`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`].
    pub fn with_gradient<T: Element>(
        regularizer: &'a Regularizer,
        x: &'a [T],
        gradient: &'a mut [T],
    ) -> Result<Self, Error> {
        same_length(x, gradient)?;
        let mut term = Self::new(regularizer, x);
        term.term.gradient = gradient.as_mut_ptr().cast();
        Ok(term)
    }

    /// A tensor that [`prox_of_terms`] overwrites.
    #[must_use]
    pub fn in_place<T: Element>(regularizer: &'a Regularizer, x: &'a mut [T]) -> Self {
        let mut term = Self::from(x);
        term.term.regularizer = regularizer.handle();
        term
    }

    /// A tensor whose proximal operator [`prox_of_terms`] writes to `out`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`].
    pub fn with_out<T: Element>(
        regularizer: &'a Regularizer,
        x: &'a [T],
        out: &'a mut [T],
    ) -> Result<Self, Error> {
        same_length(x, out)?;
        let mut term = Self::new(regularizer, x);
        term.term.out = out.as_mut_ptr().cast();
        Ok(term)
    }
}

/// A tensor without a regularizer, for [`ExactSums::add_terms`].
impl<'a, T: Element> From<&'a [T]> for Term<'a> {
    fn from(x: &'a [T]) -> Self {
        let term = sys::l1l2_term {
            regularizer: ptr::null(),
            x: x.as_ptr().cast(),
            n: x.len(),
            gradient: ptr::null_mut(),
            out: ptr::null_mut(),
            dtype: T::DTYPE,
            reserved: 0,
            steps: ptr::null(),
        };
        Self { term, borrowed: PhantomData }
    }
}

/// A tensor without a regularizer, which [`clip_by_norm`] overwrites.
impl<'a, T: Element> From<&'a mut [T]> for Term<'a> {
    fn from(x: &'a mut [T]) -> Self {
        let out = x.as_mut_ptr().cast::<c_void>();
        let mut term = Self::from(&*x);
        term.term.x = out;
        term.term.out = out;
        term
    }
}

/// One tensor of [`prox_step_of_terms`]: a regularizer, the elements, what is read beside them, and
/// what is written.
#[derive(Debug)]
#[repr(transparent)]
pub struct StepTerm<'a> {
    term: Term<'a>,
}

impl<'a> StepTerm<'a> {
    /// A tensor that is overwritten; the arguments are those of [`Regularizer::prox_step`].
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`].
    pub fn in_place<T: Element>(
        regularizer: &'a Regularizer,
        x: &'a mut [T],
        gradient: Option<&'a [T]>,
        steps: Option<&'a [T::Arithmetic]>,
    ) -> Result<Self, Error> {
        let (gradient, steps) = step_operands(x, gradient, steps)?;
        Ok(Self::of(Term::in_place(regularizer, x), gradient, steps))
    }

    /// A tensor whose result is written to `out`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`].
    pub fn with_out<T: Element>(
        regularizer: &'a Regularizer,
        x: &'a [T],
        gradient: Option<&'a [T]>,
        steps: Option<&'a [T::Arithmetic]>,
        out: &'a mut [T],
    ) -> Result<Self, Error> {
        let (gradient, steps) = step_operands(x, gradient, steps)?;
        Ok(Self::of(Term::with_out(regularizer, x, out)?, gradient, steps))
    }

    fn of<T: Element>(term: Term<'a>, gradient: *const T, steps: *const T::Arithmetic) -> Self {
        let mut step = Self { term };
        step.term.term.gradient = gradient as *mut c_void; // only read by a proximal step
        step.term.term.steps = steps.cast();
        step
    }
}

/// The threads that work on a list of terms. The results have the same bits with every runner.
pub trait Runner: Sync {
    /// Calls `task` once with each of `0..tasks`, in any order and on any threads.
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

/// The calling thread, for [`Runner`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Serial;

impl Runner for Serial {
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).for_each(task);
    }
}

/// So many threads, the calling one among them, or as many as the system gives; for [`Runner`]. Each
/// run starts them anew.
#[derive(Clone, Copy, Debug)]
pub struct Threads(pub usize);

impl Default for Threads {
    /// As many as the machine runs at once.
    fn default() -> Self {
        Self(thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Runner for Threads {
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= tasks {
                return;
            }
            task(index);
        };
        thread::scope(|scope| {
            for _ in 1..self.0.min(tasks) {
                // Where the system gives no more threads, those that there are take all tasks.
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
    }
}

#[cfg(feature = "rayon")]
impl Runner for rayon::ThreadPool {
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};
        self.install(|| (0..tasks).into_par_iter().for_each(task));
    }
}

/// A runner on its way through C, which no panic may cross.
struct Lent<'a, R> {
    runner: &'a R,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// What the library hands to a runner: valid on every thread until the runner returns.
struct Work(sys::l1l2_task, *mut c_void);

// SAFETY: the library's tasks may run on any threads.
unsafe impl Sync for Work {}

impl Work {
    /// # Safety
    ///
    /// During the run.
    unsafe fn call(&self, index: usize) {
        (self.0)(self.1, index);
    }
}

/// # Safety
///
/// As `l1l2_runner`; `state` is a `Lent<R>`.
unsafe extern "C" fn run<R: Runner>(
    state: *mut c_void,
    task: sys::l1l2_task,
    work: *mut c_void,
    count: usize,
) -> i32 {
    let lent = &*state.cast::<Lent<R>>();
    let work = Work(task, work);
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the runner cannot keep the closure beyond this call.
        lent.runner.run(count, &|index| work.call(index));
    }));
    match result {
        Ok(()) => 0,
        Err(cause) => {
            *lent.panic.lock().expect("never poisoned") = Some(cause);
            1 // so that the library changes nothing; with_runner() resumes the panic
        }
    }
}

/// Calls the library with a runner, and turns what it says of a wrong term into an error.
pub(crate) fn with_runner<R: Runner>(
    count: usize,
    runner: &R,
    call: impl FnOnce(sys::l1l2_runner, *mut c_void, *mut usize) -> i32,
) -> Result<(), Error> {
    load()?; // terms without regularizers have not opened the library
    let mut lent = Lent { runner, panic: Mutex::new(None) };
    let mut faulty = count;
    let code = call(run::<R>, ptr::addr_of_mut!(lent).cast(), &mut faulty);
    if let Some(cause) = lent.panic.into_inner().expect("never poisoned") {
        panic::resume_unwind(cause);
    }
    check(code).map_err(|error| match error {
        Error::Refused { status, message } if faulty < count => {
            Error::Term { index: faulty, status, message }
        }
        error => error,
    })
}

/// The penalties of a list of terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Penalties {
    /// One for each term.
    pub each: Vec<f64>,
    /// Their sum, in their order.
    pub total: f64,
}

/// Computes the penalties of all terms in one call, at little more than the cost of the elements.
///
/// ```
/// use l1l2::{penalties_of_terms, Regularizer, Term, Threads};
/// # fn main() -> Result<(), l1l2::Error> {
/// let regularizer = Regularizer::new(0.01, 0.02)?;
/// let (kernel, bias) = (vec![0.5_f32; 1000], vec![0.25_f64; 10]);
/// let terms = [Term::new(&regularizer, &kernel), Term::new(&regularizer, &bias)];
/// let penalties = penalties_of_terms(&terms, &Threads::default())?;
/// assert_eq!(penalties.total, penalties.each[0] + penalties.each[1]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Status::InvalidArgument`](crate::Status) of a term without a regularizer;
/// [`Status::RunnerFailed`](crate::Status); [`Error::Library`].
///
/// # Panics
///
/// If the runner does.
pub fn penalties_of_terms<R: Runner>(terms: &[Term], runner: &R) -> Result<Penalties, Error> {
    let (mut each, mut total) = (vec![0.0; terms.len()], 0.0);
    // SAFETY: the terms are alive, and `each` has as many numbers.
    with_runner(terms.len(), runner, |run, state, faulty| unsafe {
        sys::l1l2_penalty_terms(
            terms.as_ptr().cast(),
            size_of::<Term>(),
            terms.len(),
            Some(run),
            state,
            each.as_mut_ptr(),
            &mut total,
            faulty,
        )
    })?;
    Ok(Penalties { each, total })
}

/// Adds the gradients of all terms that have one, and computes all penalties in the same pass.
///
/// # Errors
///
/// [`Status::InvalidScale`](crate::Status), [`Status::RunnerFailed`](crate::Status);
/// [`Status::InvalidArgument`](crate::Status) of a term without a regularizer; [`Error::Library`].
///
/// # Panics
///
/// If the runner does.
pub fn add_gradient_of_terms<R: Runner>(
    terms: &mut [Term],
    scale: f64,
    runner: &R,
) -> Result<Penalties, Error> {
    let (mut each, mut total) = (vec![0.0; terms.len()], 0.0);
    // SAFETY: the terms are alive, and `each` has as many numbers.
    with_runner(terms.len(), runner, |run, state, faulty| unsafe {
        sys::l1l2_add_gradient_terms(
            terms.as_ptr().cast(),
            size_of::<Term>(),
            terms.len(),
            scale,
            Some(run),
            state,
            each.as_mut_ptr(),
            &mut total,
            faulty,
        )
    })?;
    Ok(Penalties { each, total })
}

/// Computes the proximal operators of all terms.
///
/// # Errors
///
/// [`Status::InvalidStep`](crate::Status), [`Status::RunnerFailed`](crate::Status);
/// [`Status::InvalidArgument`](crate::Status) of a term that is not to be written or has no
/// regularizer; [`Error::Library`].
///
/// # Panics
///
/// If the runner does.
pub fn prox_of_terms<R: Runner>(terms: &mut [Term], step: f64, runner: &R) -> Result<(), Error> {
    // SAFETY: the terms are alive.
    with_runner(terms.len(), runner, |run, state, faulty| unsafe {
        sys::l1l2_prox_terms(
            terms.as_ptr().cast(),
            size_of::<Term>(),
            terms.len(),
            step,
            Some(run),
            state,
            faulty,
        )
    })
}

/// Takes a step of proximal gradient descent on each term: [`Regularizer::prox_step`].
///
/// ```
/// use l1l2::{prox_step_of_terms, Regularizer, StepTerm, Threads};
/// # fn main() -> Result<(), l1l2::Error> {
/// let regularizer = Regularizer::new(1.0, 0.0)?;
/// let (mut kernel, mut bias) = ([1.0_f32, -3.0], [0.25_f64]);
/// let terms = &mut [
///     StepTerm::in_place(&regularizer, &mut kernel, Some(&[2.0, 2.0]), Some(&[1.0, 0.5]))?,
///     StepTerm::in_place(&regularizer, &mut bias, None, None)?,
/// ];
/// prox_step_of_terms(terms, 0.5, &Threads::default())?;
/// assert_eq!((kernel, bias), ([0.0, -3.25], [0.0]));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Status::InvalidStep`](crate::Status), [`Status::RunnerFailed`](crate::Status);
/// [`Error::Library`].
///
/// # Panics
///
/// If the runner does.
pub fn prox_step_of_terms<R: Runner>(
    terms: &mut [StepTerm],
    step: f64,
    runner: &R,
) -> Result<(), Error> {
    // SAFETY: the terms are alive.
    with_runner(terms.len(), runner, |run, state, faulty| unsafe {
        sys::l1l2_prox_step_terms(
            terms.as_ptr().cast(),
            size_of::<StepTerm>(),
            terms.len(),
            step,
            Some(run),
            state,
            faulty,
        )
    })
}

/// Clips tensors, the gradients of a model as a rule, by the norm of all of them together: multiplies
/// every element by `min(1, max_norm / norm)`, and returns the norm.
///
/// `norm` is that of all elements, those of other machines included, from [`ExactSums::norm`]; with
/// `None` that of the terms is computed so. The result has the same bits on any number of threads.
/// If the norm is at most `max_norm`, every element keeps its bits. Regularizers are ignored.
///
/// ```
/// # fn main() -> Result<(), l1l2::Error> {
/// let (mut kernel, mut bias) = ([3.0_f32, 0.0], [4.0_f64]);
/// let terms = &mut [(&mut kernel[..]).into(), (&mut bias[..]).into()];
/// assert_eq!(l1l2::clip_by_norm(terms, 2.5, None, &l1l2::Threads::default())?, 5.0);
/// assert_eq!((kernel, bias), ([1.5, 0.0], [2.0]));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Status::InvalidNorm`](crate::Status) if the norm or `max_norm` is negative, infinite or NaN, as
/// the norm is if an element is: nothing has been written then.
/// [`Status::InvalidArgument`](crate::Status) of a term that is not to be written;
/// [`Status::RunnerFailed`](crate::Status); [`Error::Library`].
///
/// # Panics
///
/// If the runner does.
pub fn clip_by_norm<R: Runner>(
    terms: &mut [Term],
    max_norm: f64,
    norm: Option<f64>,
    runner: &R,
) -> Result<f64, Error> {
    let norm = match norm {
        Some(norm) => norm,
        None => {
            let mut sums = ExactSums::new();
            sums.add_terms(terms, runner)?;
            sums.norm()
        }
    };
    // SAFETY: the terms are alive.
    with_runner(terms.len(), runner, |run, state, faulty| unsafe {
        sys::l1l2_clip_by_norm_terms(
            terms.as_ptr().cast(),
            size_of::<Term>(),
            terms.len(),
            norm,
            max_norm,
            Some(run),
            state,
            faulty,
        )
    })?;
    Ok(norm)
}
