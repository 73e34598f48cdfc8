// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//! The penalty of a few weights, its gradient and proximal operator; exact sums, JSON, errors,
//! many tensors, threads.
//!
//!     cargo run

use std::thread;

fn main() -> Result<(), l1l2::Error> {
    let regularizer = l1l2::Regularizer::new(0.01, 0.02)?;
    let weights = [0.5_f32, -1.25, 0.0, 2.0];
    let penalty = regularizer.penalty(&weights)?;
    println!("penalty {penalty}");
    println!("libl1l2 {}, {}", l1l2::version()?, l1l2::isa()?);

    let mut gradient = [0.0; 4];
    regularizer.add_gradient(&weights, 1.0, &mut gradient)?;
    println!("gradient {gradient:?}");

    let mut shrunk = weights;
    regularizer.prox(&mut shrunk, 0.1)?;
    println!("prox {shrunk:?}");

    // Of pieces, which may come from anywhere in any order.
    let mut sums = l1l2::ExactSums::new();
    sums.extend(weights.chunks(3).rev());
    println!("of two pieces {}", regularizer.penalty_of_sums(&sums)?);

    let json = regularizer.to_json(l1l2::JsonStyle::Keras3);
    println!("JSON {json}");
    println!("read back {}", json.parse::<l1l2::Regularizer>()?);

    for json in [r#"{"l1": -1.0}"#, r#"{"l3": 0.1}"#] {
        if let Err(error) = l1l2::Regularizer::from_json(json) {
            println!("{:?}: {error}", error.status());
        }
    }

    // Many tensors in one call, on all threads.
    let terms = [(); 1000].map(|()| l1l2::Term::new(&regularizer, &weights));
    let penalties = l1l2::penalties_of_terms(&terms, &l1l2::Threads::default())?;
    println!("of 1000 tensors {}", penalties.total);

    // A regularizer never changes, so threads share it.
    thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(|| regularizer.penalty(&weights)));
        for thread in threads {
            println!("from a thread {}", thread.join().expect("no panic")?);
        }
        Ok(())
    })
}
