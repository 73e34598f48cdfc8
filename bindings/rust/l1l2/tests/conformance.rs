//! Every case of tests/conformance/vectors.txt, or of the file that L1L2_VECTORS names, to the bit.

use l1l2::{Bf16, Element, Error, ExactSums, JsonStyle, Regularizer, F16};
use std::{env, fs, panic, thread};

mod vectors;
use vectors::{array, bytes, double, number, numbers, reversed, unrolled};

/// The outputs of one way to compute a case: arrays as bytes, all else as the text of its line.
type Results = Result<Vec<Vec<u8>>, Error>;

/// The case by each function that computes it. A failure must leave what is written as it was.
fn arrays<T: Element>(
    it: &Regularizer,
    name: &str,
    factor: f64,
    arrays: &[Vec<u8>],
) -> Vec<Results> {
    let x = array::<T>(arrays[0].clone());
    let before = arrays.last().unwrap();
    let (mut first, mut second) = (array::<T>(before.clone()), array::<T>(before.clone()));
    let penalty = it.penalty(&x).map(number);
    let [one, other] = match name {
        "penalty" => return vec![penalty.map(|penalty| vec![penalty])],
        "prox" => [
            it.prox_into(&x, factor, &mut first).map(|()| vec![]),
            it.prox(&mut second, factor).map(|()| vec![]),
        ],
        _ => [
            it.penalty_and_add_gradient(&x, factor, &mut first).map(|it| vec![number(it)]),
            it.add_gradient(&x, factor, &mut second).and(penalty).map(|it| vec![it]),
        ],
    };
    let written = |results: Results, after: &[T]| match results {
        Err(_) if reversed(after) != *before => Ok(vec![b"written".to_vec()]),
        results => results.map(|others| [vec![reversed(after)], others].concat()),
    };
    vec![written(one, &first), written(other, &second)]
}

fn add_part(sums: &mut ExactSums, part: &str) -> Result<(), Error> {
    let (kind, content) = part.split_once(':').unwrap();
    match kind {
        "float32" => sums.add_slice(&array::<f32>(unrolled(kind, content))),
        "float64" => sums.add_slice(&array::<f64>(unrolled(kind, content))),
        "float16" => sums.add_slice(&array::<F16>(unrolled(kind, content))),
        "bfloat16" => sums.add_slice(&array::<Bf16>(unrolled(kind, content))),
        _ => sums.merge(&ExactSums::try_from(&numbers(content)[..])?),
    }
}

/// All parts in one accumulator; each in its own, merged backwards; all numbers added up.
fn exact_sums(it: &Regularizer, parts: &[&str]) -> Vec<Results> {
    let mut accumulators = [(); 2].map(|()| ExactSums::new());
    let mut total = vec![0_i64; ExactSums::LENGTH];
    let added = parts.iter().try_for_each(|part| add_part(&mut accumulators[0], part));
    let merged = parts.iter().rev().try_for_each(|part| {
        let mut alone = ExactSums::new();
        add_part(&mut alone, part).and_then(|()| accumulators[1].merge(&alone))
    });
    for part in parts {
        let mut alone = ExactSums::new();
        let made = part.strip_prefix("sums:").map(numbers).unwrap_or_else(|| {
            add_part(&mut alone, part).map(|()| alone.numbers().to_vec()).unwrap()
        });
        total.iter_mut().zip(made).for_each(|(sum, number)| *sum = sum.wrapping_add(number));
    }
    let read = |sums: ExactSums| {
        let numbers = sums.numbers().iter().enumerate().filter(|(_, number)| **number != 0);
        let numbers: Vec<String> = numbers.map(|(i, number)| format!("{i}:{number:x}")).collect();
        let numbers = if numbers.is_empty() { "-".to_string() } else { numbers.join(",") };
        let rounded = [it.penalty_of_sums(&sums)?, sums.absolute(), sums.square()].map(number);
        Ok([&rounded[..], &[sums.count().to_string().into(), numbers.into()]].concat())
    };
    let [first, second] = accumulators;
    let made = [added.map(|()| first), merged.map(|()| second), ExactSums::try_from(&total[..])];
    made.into_iter().map(|sums| sums.and_then(read)).collect()
}

fn compute(inputs: &[&str]) -> Vec<Results> {
    let of = |l1, l2| Regularizer::new(double(l1), double(l2));
    let coefficients = |it: Regularizer| vec![number(it.l1()), number(it.l2())];
    match *inputs {
        ["create", l1, l2] => vec![of(l1, l2).map(coefficients)],
        ["from_json", json] => vec![Regularizer::from_json(bytes(json)).map(coefficients)],
        ["to_json", style, l1, l2] => {
            let styles = [JsonStyle::Config, JsonStyle::Keras2, JsonStyle::Keras3];
            let json = of(l1, l2).unwrap().to_json(styles[style.parse::<usize>().unwrap()]);
            vec![Ok(vec![json.into_bytes()])]
        }
        ["exact_sums", l1, l2, parts] => {
            exact_sums(&of(l1, l2).unwrap(), &parts.split('+').collect::<Vec<_>>())
        }
        [name, dtype, l1, l2, ref rest @ ..] => {
            let (tensors, factors): (Vec<&str>, Vec<&str>) =
                rest.iter().partition(|x| x.contains(':'));
            let tensors: Vec<_> = tensors.iter().map(|x| unrolled(dtype, x)).collect();
            let factor = factors.first().map_or(0.0, |factor| double(factor));
            let run = match dtype {
                "float32" => arrays::<f32>,
                "float64" => arrays::<f64>,
                "float16" => arrays::<F16>,
                _ => arrays::<Bf16>,
            };
            run(&of(l1, l2).unwrap(), name, factor, &tensors)
        }
        _ => panic!("an unknown operation"),
    }
}

/// What differs from the line.
fn difference(line: &str) -> Option<String> {
    let (inputs, expected) = line.split_once(" -> ")?;
    let inputs: Vec<&str> = inputs.split(' ').collect();
    let mut outputs = expected.split(' ');
    let status = outputs.next();
    let output = |text: &str| match inputs[0] {
        "to_json" => bytes(text),
        "add_gradient" | "prox" if text.contains(':') => unrolled(inputs[1], text),
        _ => text.into(),
    };
    let outputs: Vec<_> = outputs.map(output).collect();
    let equal = |results: &Results| match results {
        Ok(results) => status == Some("0") && *results == outputs,
        Err(error) => error.status().map(|it| it.code().to_string()).as_deref() == status,
    };
    let results = panic::catch_unwind(|| compute(&inputs));
    let results = results.unwrap_or_else(|_| vec![Ok(vec!["a panic".into()])]);
    results.into_iter().find(|results| !equal(results)).map(|results| format!("{results:?}"))
}

#[test]
fn every_vector_to_the_bit_on_four_threads() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/conformance/vectors.txt");
    let file = env::var("L1L2_VECTORS").unwrap_or_else(|_| default.into());
    let text = fs::read_to_string(&file).unwrap();
    let check = || {
        let cases = text.lines().zip(1..).filter(|(line, _)| !line.starts_with('#'));
        let wrong = cases.filter_map(|(line, number)| Some((number, difference(line)?)));
        wrong.map(|(number, what)| format!("{file}:{number}: {what:.300}\n")).collect::<String>()
    };
    let failures = thread::scope(|scope| {
        [(); 4].map(|()| scope.spawn(check)).map(|thread| thread.join().unwrap())
    });
    assert!(failures.iter().all(String::is_empty), "\n{}", failures.concat());
}
