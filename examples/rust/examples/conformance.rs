//! Every case of tests/conformance/vectors.txt through the crate, to the bit.
//!
//!     conformance vectors FILE     on four threads at once
//!     conformance memory           that an array of 1 GiB is not copied
//!     conformance lifetimes        that what is dropped is released, once
//!     conformance overhead         what a call costs

use l1l2::{ffi, Bf16, Element, ExactSums, JsonStyle, Regularizer, F16};
use std::error::Error;
use std::fmt::LowerHex;
use std::mem::size_of;
use std::num::ParseIntError;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use std::{env, fs, str, thread};

/// An error says what differs, or what is wrong with the line.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// An element, to and from its bits.
trait Bits: Element {
    type Unsigned: Eq + LowerHex;
    fn from_hex(digits: &str) -> Result<Self, ParseIntError>;
    fn bits(self) -> Self::Unsigned;
}

macro_rules! bits {
    ($($type:ty: $unsigned:ty, $from_bits:expr, $to_bits:expr;)*) => {
        $(impl Bits for $type {
            type Unsigned = $unsigned;
            fn from_hex(digits: &str) -> Result<Self, ParseIntError> {
                <$unsigned>::from_str_radix(digits, 16).map($from_bits)
            }
            fn bits(self) -> $unsigned {
                $to_bits(self)
            }
        })*
    };
}

bits! {
    f32: u32, f32::from_bits, f32::to_bits;
    f64: u64, f64::from_bits, f64::to_bits;
    F16: u16, F16, |x: F16| x.0;
    Bf16: u16, Bf16, |x: Bf16| x.0;
}

/// The digits of so many bytes.
fn hex(digits: &[u8], bytes: usize) -> Outcome<&str> {
    if digits.len() != 2 * bytes || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err("a number of another length, or not hexadecimal".into());
    }
    Ok(str::from_utf8(digits)?)
}

fn element<T: Bits>(digits: &[u8]) -> Outcome<T> {
    Ok(T::from_hex(hex(digits, size_of::<T>())?)?)
}

fn double(digits: &str) -> Outcome<f64> {
    element(digits.as_bytes())
}

fn array<T: Bits>(text: &str) -> Outcome<Vec<T>> {
    let (n, elements) = text.split_once(':').ok_or("an array without a colon")?;
    let n = n.parse()?;
    let pattern = elements
        .as_bytes()
        .chunks(2 * size_of::<T>())
        .map(element)
        .collect::<Outcome<Vec<T>>>()?;
    if pattern.len() > n || (pattern.is_empty() && n > 0) {
        return Err("an array with too many elements, or with none".into());
    }
    Ok(pattern.into_iter().cycle().take(n).collect())
}

/// What no call writes.
fn blank<T: Bits>(n: usize) -> Outcome<Vec<T>> {
    Ok(vec![element(&b"a5".repeat(size_of::<T>()))?; n])
}

fn text(digits: &str) -> Outcome<String> {
    if digits == "-" {
        return Ok(String::new());
    }
    let bytes = digits
        .as_bytes()
        .chunks(2)
        .map(|digits| Ok(u8::from_str_radix(hex(digits, 1)?, 16)?))
        .collect::<Outcome<Vec<u8>>>()?;
    Ok(String::from_utf8(bytes)?)
}

fn sums(text: &str) -> Outcome<Vec<i64>> {
    let mut numbers = vec![0; ExactSums::LENGTH];
    for item in text.split(',').filter(|&item| item != "-") {
        let (index, number) = item.split_once(':').ok_or("sums without a colon")?;
        let bits = u64::from_str_radix(number, 16)?;
        let place = numbers.get_mut(index.parse::<usize>()?);
        *place.ok_or("sums of another length")? = i64::from_ne_bytes(bits.to_ne_bytes());
    }
    Ok(numbers)
}

/// What is behind the arrow of a line.
struct Expected<'a> {
    status: i32,
    outputs: &'a [&'a str],
}

impl Expected<'_> {
    /// What a call has returned, if it succeeds or fails as it must; `None` after a failure.
    fn accept<T>(&self, result: Result<T, l1l2::Error>) -> Outcome<Option<T>> {
        match result {
            Ok(value) if self.status == 0 => Ok(Some(value)),
            Ok(_) => Err("no error".into()),
            Err(error) if error.to_string().is_empty() => Err("an error without a message".into()),
            Err(error) if error.status() == Some(self.status) => Ok(None),
            Err(error) => Err(format!("status {:?}: {error}", error.status()).into()),
        }
    }

    fn outputs<const N: usize>(&self) -> Outcome<[&str; N]> {
        Ok(self
            .outputs
            .try_into()
            .map_err(|_| "another number of outputs")?)
    }
}

fn same<T: Bits>(values: &[T], expected: &[T]) -> Outcome {
    if values.len() != expected.len() {
        return Err("an array of another length".into());
    }
    for (i, (value, expected)) in values.iter().zip(expected).enumerate() {
        let (value, expected) = (value.bits(), expected.bits());
        if value != expected {
            return Err(format!("element {i} is {value:x}, not {expected:x}").into());
        }
    }
    Ok(())
}

fn refused(result: &Result<(), l1l2::Error>) -> Outcome {
    match result {
        Err(l1l2::Error::LengthMismatch { .. }) => Ok(()),
        _ => Err("arrays of different lengths are taken".into()),
    }
}

fn check_config(result: Result<Regularizer, l1l2::Error>, expected: &Expected) -> Outcome {
    if let Some(regularizer) = expected.accept(result)? {
        let [l1, l2] = expected.outputs()?;
        same(
            &[regularizer.l1(), regularizer.l2()],
            &[double(l1)?, double(l2)?],
        )?;
    }
    Ok(())
}

fn check_to_json(regularizer: &Regularizer, style: &str, expected: &Expected) -> Outcome {
    let style = match style {
        "0" => JsonStyle::Config,
        "1" => JsonStyle::Keras2,
        "2" => JsonStyle::Keras3,
        _ => return Err("an unknown style".into()),
    };
    if let Some(json) = expected.accept(regularizer.to_json(style))? {
        let [expected] = expected.outputs()?;
        if json != text(expected)? {
            return Err(json.into());
        }
    }
    Ok(())
}

fn check_penalty<T: Bits>(regularizer: &Regularizer, x: &[T], expected: &Expected) -> Outcome {
    if let Some(penalty) = expected.accept(regularizer.penalty(x))? {
        let [expected] = expected.outputs()?;
        same(&[penalty], &[double(expected)?])?;
    }
    Ok(())
}

fn check_add_gradient<T: Bits>(
    regularizer: &Regularizer,
    scale: f64,
    x: &[T],
    before: &[T],
    expected: &Expected,
) -> Outcome {
    let mut gradient = before.to_vec();
    let mut alone = before.to_vec();
    let result = regularizer.penalty_and_add_gradient(x, scale, &mut gradient);
    let after = match expected.accept(result)? {
        Some(penalty) => {
            let [after, expected] = expected.outputs()?;
            same(&[penalty], &[double(expected)?])?;
            array(after)?
        }
        None => before.to_vec(),
    };
    same(&gradient, &after)?;
    expected.accept(regularizer.add_gradient(x, scale, &mut alone))?;
    same(&alone, &after)?;
    refused(&regularizer.add_gradient(x, scale, &mut blank(x.len() + 1)?))
}

fn check_prox<T: Bits>(
    regularizer: &Regularizer,
    step: f64,
    x: &[T],
    expected: &Expected,
) -> Outcome {
    let mut out = blank(x.len())?;
    let mut in_place = x.to_vec();
    let succeeds = expected
        .accept(regularizer.prox_into(x, step, &mut out))?
        .is_some();
    expected.accept(regularizer.prox(&mut in_place, step))?;
    if succeeds {
        let [after] = expected.outputs()?;
        let after = array(after)?;
        same(&out, &after)?;
        same(&in_place, &after)?;
    } else {
        same(&out, &blank(x.len())?)?;
        same(&in_place, x)?;
    }
    refused(&regularizer.prox_into(x, step, &mut blank(x.len() + 1)?))
}

/// One of the parts of exact sums.
enum Part {
    F32(Vec<f32>),
    F64(Vec<f64>),
    F16(Vec<F16>),
    Bf16(Vec<Bf16>),
    Sums(Vec<i64>),
}

impl Part {
    fn parse(text: &str) -> Outcome<Self> {
        let (kind, content) = text.split_once(':').ok_or("a part without a colon")?;
        Ok(match kind {
            "float32" => Part::F32(array(content)?),
            "float64" => Part::F64(array(content)?),
            "float16" => Part::F16(array(content)?),
            "bfloat16" => Part::Bf16(array(content)?),
            "sums" => Part::Sums(sums(content)?),
            _ => return Err("an unknown dtype".into()),
        })
    }

    fn add_to(&self, sums: &mut ExactSums) -> Result<(), l1l2::Error> {
        match self {
            Part::F32(x) => sums.add(x),
            Part::F64(x) => sums.add(x),
            Part::F16(x) => sums.add(x),
            Part::Bf16(x) => sums.add(x),
            Part::Sums(numbers) => sums.merge(&ExactSums::try_from(&numbers[..])?),
        }
    }

    /// The numbers that it is or makes, as they are.
    fn numbers(&self) -> Result<Vec<i64>, l1l2::Error> {
        if let Part::Sums(numbers) = self {
            return Ok(numbers.clone());
        }
        let mut sums = ExactSums::new()?;
        self.add_to(&mut sums)?;
        Ok(sums.numbers().to_vec())
    }
}

/// Adds all parts to one, which a failure leaves as it was.
fn add_in_order(parts: &[Part]) -> Outcome<Result<ExactSums, l1l2::Error>> {
    let mut sums = ExactSums::new()?;
    for part in parts {
        let before = sums.clone();
        if let Err(error) = part.add_to(&mut sums) {
            if sums != before {
                return Err("sums that fail have changed".into());
            }
            return Ok(Err(error));
        }
    }
    Ok(Ok(sums))
}

/// Adds each part to sums of its own, and merges these, the last one first.
fn merge_backwards(parts: &[Part]) -> Result<ExactSums, l1l2::Error> {
    let mut sums = ExactSums::new()?;
    for part in parts.iter().rev() {
        let mut one = ExactSums::new()?;
        part.add_to(&mut one)?;
        sums.merge(&one)?;
    }
    Ok(sums)
}

/// Adds the numbers of all parts, one by one.
fn add_numbers(parts: &[Part]) -> Result<ExactSums, l1l2::Error> {
    let mut numbers = vec![0_i64; ExactSums::LENGTH];
    for part in parts {
        for (number, other) in numbers.iter_mut().zip(part.numbers()?) {
            *number = number.wrapping_add(other);
        }
    }
    ExactSums::try_from(&numbers[..])
}

fn check_sums(
    regularizer: &Regularizer,
    result: Result<ExactSums, l1l2::Error>,
    expected: &Expected,
) -> Outcome {
    if let Some(made) = expected.accept(result)? {
        let [penalty, absolute, square, count, numbers] = expected.outputs()?;
        same(
            &[
                regularizer.penalty_of_sums(&made)?,
                made.absolute(),
                made.square(),
            ],
            &[double(penalty)?, double(absolute)?, double(square)?],
        )?;
        if made.count() != count.parse::<i64>()? {
            return Err(format!("count {}", made.count()).into());
        }
        if made.numbers()[..] != sums(numbers)? {
            return Err(format!("other sums: {:x?}", made.numbers()).into());
        }
    }
    Ok(())
}

fn check_exact_sums(regularizer: &Regularizer, parts: &str, expected: &Expected) -> Outcome {
    let parts = parts
        .split('+')
        .map(Part::parse)
        .collect::<Outcome<Vec<Part>>>()?;
    check_sums(regularizer, add_in_order(&parts)?, expected)?;
    check_sums(regularizer, merge_backwards(&parts), expected)?;
    check_sums(regularizer, add_numbers(&parts), expected)
}

/// Numbers of another length are no sums, and what `+=` adds is merged.
fn check_numbers() -> Outcome {
    // SAFETY: it takes nothing and changes nothing.
    if ExactSums::LENGTH != unsafe { (ffi::api()?.exact_sums_length)() } {
        return Err("the library's sums have another length".into());
    }
    for length in [0, ExactSums::LENGTH - 1, ExactSums::LENGTH + 1] {
        match ExactSums::try_from(&vec![0; length][..]) {
            Err(error) if error.status() == Some(19) => (),
            _ => return Err(format!("{length} numbers are taken for sums").into()),
        }
    }
    let (mut sums, mut twice) = (ExactSums::new()?, ExactSums::new()?);
    sums.add(&[1.5_f32, -2.0])?;
    for _ in 0..2 {
        twice += &sums;
    }
    if (twice.absolute(), twice.square(), twice.count()) != (7.0, 12.5, 4) || twice == sums {
        return Err(format!("{twice:?} is not twice {sums:?}").into());
    }
    Ok(())
}

fn check_array<T: Bits>(
    operation: &str,
    regularizer: &Regularizer,
    inputs: &[&str],
    expected: &Expected,
) -> Outcome {
    match (operation, inputs) {
        ("penalty", [x]) => check_penalty::<T>(regularizer, &array(x)?, expected),
        ("add_gradient", [scale, x, gradient]) => {
            let (x, gradient) = (array::<T>(x)?, array(gradient)?);
            check_add_gradient(regularizer, double(scale)?, &x, &gradient, expected)
        }
        ("prox", [step, x]) => check_prox::<T>(regularizer, double(step)?, &array(x)?, expected),
        _ => Err("an unknown operation, or one of other inputs".into()),
    }
}

fn check(line: &str) -> Outcome {
    let (inputs, expected) = line.split_once(" -> ").ok_or("a line without an arrow")?;
    let inputs: Vec<&str> = inputs.split(' ').collect();
    let expected: Vec<&str> = expected.split(' ').collect();
    let expected = Expected {
        status: expected[0].parse()?,
        outputs: &expected[1..],
    };
    if expected.status != 0 && !expected.outputs.is_empty() {
        return Err("outputs after a failure".into());
    }
    let regularizer = |l1, l2| -> Outcome<_> { Ok(Regularizer::new(double(l1)?, double(l2)?)?) };
    match inputs[..] {
        ["create", l1, l2] => check_config(Regularizer::new(double(l1)?, double(l2)?), &expected),
        ["from_json", json] => check_config(Regularizer::from_json(&text(json)?), &expected),
        ["exact_sums", l1, l2, parts] => check_exact_sums(&regularizer(l1, l2)?, parts, &expected),
        ["to_json", style, l1, l2] => check_to_json(&regularizer(l1, l2)?, style, &expected),
        [operation, dtype, l1, l2, ref inputs @ ..] => {
            let check = match dtype {
                "float32" => check_array::<f32>,
                "float64" => check_array::<f64>,
                "float16" => check_array::<F16>,
                "bfloat16" => check_array::<Bf16>,
                _ => return Err("an unknown operation or dtype".into()),
            };
            check(operation, &regularizer(l1, l2)?, inputs, &expected)
        }
        _ => Err("an unknown operation, or one of other inputs".into()),
    }
}

/// The numbers of cases and of those that fail.
fn check_text(path: &str, text: &str) -> (usize, usize) {
    let (mut cases, mut failed) = (0, 0);
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('#') {
            continue;
        }
        cases += 1;
        if let Err(what) = check(line) {
            eprintln!("{path}:{number}: {what}");
            failed += 1;
        }
    }
    (cases, failed)
}

fn check_vectors(path: &str) -> Outcome {
    check_numbers()?;
    let text = fs::read_to_string(path)?;
    let results = thread::scope(|scope| {
        [(); 4]
            .map(|()| scope.spawn(|| check_text(path, &text)))
            .map(|thread| thread.join().expect("a thread has panicked"))
    });
    let failed: usize = results.iter().map(|(_, failed)| failed).sum();
    if failed > 0 {
        return Err(format!("{failed} failures on four threads").into());
    }
    println!("{} cases, all bits equal", results[0].0);
    Ok(())
}

/// The most memory that the process has had so far, in KiB.
fn peak_memory() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    Ok(peak.ok_or("no VmHWM")?.parse()?)
}

fn check_memory() -> Outcome {
    let n = 1_u32 << 28;
    let mut x = vec![1.0_f32; n as usize];
    let regularizer = Regularizer::new(0.01, 0.02)?;
    let before = peak_memory()?;
    let penalty = regularizer.penalty(&x)?;
    let mut sums = ExactSums::new()?;
    sums.add(&x)?;
    regularizer.prox(&mut x, 1.0)?;
    let rise = peak_memory()? - before;
    let n = f64::from(n);
    same(&[penalty, sums.absolute()], &[(0.01 + 0.02) * n, n])?;
    let shrunk = (1.0 - 0.01) / (1.0 + 2.0 * 0.02);
    if x.iter().any(|&x| (f64::from(x) - shrunk).abs() > 1e-6) {
        return Err("a wrong proximal operator".into());
    }
    println!("an array of 1024 MiB: peak memory rose by {rise} KiB");
    Ok(())
}

/// Makes and drops regularizers, of which every other is of JSON, and texts that make none.
fn make_and_drop(count: u32) -> Outcome {
    for i in 0..count / 2 {
        let made = Regularizer::new(f64::from(i), 0.0)?;
        let read = Regularizer::from_json(r#"{"l1": 0.01, "l2": 0.02}"#)?;
        if (made.l1(), read.l2()) != (f64::from(i), 0.02) {
            return Err("another regularizer's coefficients".into());
        }
        if i % 16 == 0 && Regularizer::from_json(r#"{"l1": 0.01, "l2": -1}"#).is_ok() {
            return Err("a negative coefficient is taken".into());
        }
    }
    Ok(())
}

fn check_dropped() -> Outcome {
    make_and_drop(20_000)?;
    let before = peak_memory()?;
    make_and_drop(500_000)?;
    let rise = peak_memory()? - before;
    if rise >= 8192 {
        return Err(format!("dropped regularizers: peak memory rose by {rise} KiB").into());
    }
    Ok(())
}

/// Each thread is the last to have a regularizer of another one for some time, and drops it.
fn check_shared() -> Outcome {
    let x = [1.0_f64, -2.0, 3.0];
    let threads = [1.0, 2.0, 3.0, 4.0].map(|l1| -> Outcome<_> {
        let shared = Arc::new(Regularizer::new(l1, 0.0)?);
        let moved = Regularizer::new(0.0, l1)?;
        let clone = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            while Arc::strong_count(&clone) > 1 {
                thread::yield_now();
            }
            Ok([clone.penalty(&x)?, moved.penalty(&x)?])
        });
        drop(shared);
        Ok((l1, thread))
    });
    for thread in threads {
        let (l1, thread) = thread?;
        let penalties: Result<_, l1l2::Error> = thread.join().expect("a thread has panicked");
        same(&penalties?, &[6.0 * l1, 14.0 * l1])?;
    }
    Ok(())
}

/// There is no call that releases, and none that copies: who has a regularizer may use it.
fn check_lifetimes() -> Outcome {
    check_dropped()?;
    check_shared()?;
    println!("handles are released");
    Ok(())
}

/// In ns, for one of many calls.
fn time(mut call: impl FnMut() -> Outcome) -> Outcome<f64> {
    const CALLS: u32 = 100_000;
    let start = Instant::now();
    for _ in 0..CALLS {
        call()?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS))
}

fn measure_overhead() -> Outcome {
    const REPETITIONS: usize = 31;
    let version_number = ffi::api()?.version_number;
    let regularizer = Regularizer::new(0.01, 0.02)?;
    let x = [1.0_f32; 16];
    let (mut empty, mut penalty) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        empty.push(time(|| {
            // SAFETY: it takes nothing and changes nothing.
            unsafe { version_number() };
            Ok(())
        })?);
        penalty.push(time(|| {
            regularizer.penalty(&x)?;
            Ok(())
        })?);
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[REPETITIONS / 2]
    };
    println!(
        "empty call {:.1} ns, penalty of 16 elements {:.1} ns",
        median(empty),
        median(penalty)
    );
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["vectors", path] => check_vectors(path),
        ["memory"] => check_memory(),
        ["lifetimes"] => check_lifetimes(),
        ["overhead"] => measure_overhead(),
        _ => Err("usage: conformance vectors FILE | memory | lifetimes | overhead".into()),
    };
    if let Err(error) = outcome {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
