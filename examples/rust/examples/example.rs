//! The penalty of a few weights, its gradient and proximal operator; exact sums, JSON, errors,
//! threads.
//!
//!     cargo run --example example

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
    let mut sums = l1l2::ExactSums::new()?;
    for piece in weights.chunks(3).rev() {
        sums.add(piece)?;
    }
    println!("of two pieces {}", regularizer.penalty_of_sums(&sums)?);

    let json = regularizer.to_json(l1l2::JsonStyle::Keras3)?;
    println!("JSON {json}");
    let read = l1l2::Regularizer::from_json(&json)?;
    println!("read back l1 = {}, l2 = {}", read.l1(), read.l2());

    for result in [
        l1l2::Regularizer::new(-1.0, 0.02),
        l1l2::Regularizer::from_json(r#"{"l3": 0.1}"#),
    ] {
        if let Err(l1l2::Error::Status { status, message }) = result {
            println!("status {status}: {message}");
        }
    }

    // A regularizer never changes, so threads share it.
    thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(|| regularizer.penalty(&weights)));
        for thread in threads {
            println!("from a thread {}", thread.join().expect("no panic")?);
        }
        Ok(())
    })
}
