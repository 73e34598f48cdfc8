//! What is said of a library that is missing, foreign or too old.
#![cfg(all(feature = "load", target_os = "linux"))]

use l1l2::{clip_by_norm, penalties_of_terms, Error, ExactSums, Regularizer, Serial, View};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A shared library of its own, which has nothing but a version.
fn library_of_version(version: u32, folder: &Path) -> PathBuf {
    let source = folder.join(format!("{version}.c"));
    let library = source.with_extension("so");
    fs::write(&source, format!("unsigned l1l2_version_number(void) {{ return {version}; }}"))
        .unwrap();
    let compiler =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(compiler.unwrap().success());
    library
}

fn message(library: &Path) -> String {
    env::set_var("L1L2_LIBRARY", library);
    match l1l2::version() {
        Err(error @ Error::Library(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

// One test: the environment is the process's, and so is the library once it is open.
#[test]
fn a_library_that_cannot_be_used_is_an_error_in_words() {
    let given = env::var_os("L1L2_LIBRARY").expect("the file of libl1l2");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));

    let text = folder.join("text.so");
    fs::write(&text, "no library").unwrap();
    for (library, reason) in [
        (folder.join("libnone.so"), ""),
        (text, ""),
        (PathBuf::from("libm.so.6"), "this is not libl1l2: "),
        (library_of_version(300, &folder), "found 0.3.0, need 0.4;"),
        (library_of_version(399, &folder), "found 0.3.99, need 0.4;"),
        (library_of_version(400, &folder), "this is not libl1l2: "),
    ] {
        let sentence = format!(
            "cannot load libl1l2: looked for {} (which L1L2_LIBRARY names): {reason}",
            library.display()
        );
        let message = message(&library);
        assert!(message.starts_with(&sentence), "{message}");
        assert!(message.ends_with("; set L1L2_LIBRARY to the path of libl1l2 0.4 or later"));
    }

    // Whatever is called first.
    let mut sums = ExactSums::new();
    let view = View::new(&[1.0_f32], 0, &[1], &[1]).unwrap();
    let refusals = [
        l1l2::isa().err(),
        Regularizer::new(1.0, 1.0).err(),
        Regularizer::from_json("{}").err(),
        View::new(&[1.0_f32], 0, &[2], &[1]).err(),
        sums.add_slice(&[1.0_f32]).err(),
        sums.add_tensor(view).err(),
        sums.add_terms(&[], &Serial).err(),
        sums.merge(&ExactSums::new()).err(),
        sums.subtract(&ExactSums::new()).err(),
        ExactSums::from_bytes(&[]).err(),
        ExactSums::try_from(&[][..]).err(),
        penalties_of_terms(&[], &Serial).err(),
        clip_by_norm(&mut [], 1.0, Some(1.0), &Serial).err(),
    ];
    assert!(refusals.iter().all(|error| matches!(error, Some(Error::Library(_)))), "{refusals:?}");
    assert_eq!((sums.absolute(), sums.square(), sums.count(), sums.norm()), (0.0, 0.0, 0, 0.0));
    env::set_var("L1L2_LIBRARY", given);
    let refused = View::new(&[1.0_f32], 0, &[2], &[1]).err();
    assert!(matches!(refused, Some(Error::Refused { .. })), "{refused:?}");
    assert!(l1l2::version().is_ok());
}
