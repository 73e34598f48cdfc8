//! What is said of a library that is missing, foreign or too old.
#![cfg(all(feature = "load", target_os = "linux"))]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A shared library of its own, which says that it is libl1l2 0.2.2.
fn old_library(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("old.c"), folder.join("libold.so"));
    fs::write(&source, "unsigned l1l2_version_number(void) { return 202; }").unwrap();
    let compiler =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(compiler.unwrap().success());
    library
}

fn message(library: &Path) -> String {
    env::set_var("L1L2_LIBRARY", library);
    match l1l2::version() {
        Err(error @ l1l2::Error::Library(_)) => error.to_string(),
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
        (old_library(&folder), "found 0.2.2, need 0.4;"),
    ] {
        let sentence = format!(
            "cannot load libl1l2: looked for {} (which L1L2_LIBRARY names): {reason}",
            library.display()
        );
        let message = message(&library);
        assert!(message.starts_with(&sentence), "{message}");
        assert!(message.ends_with("; set L1L2_LIBRARY to the path of libl1l2 0.4 or later"));
    }

    assert!(l1l2::ExactSums::new().add_slice(&[1.0_f32]).is_err());
    env::set_var("L1L2_LIBRARY", given);
    assert!(l1l2::version().is_ok());
}
