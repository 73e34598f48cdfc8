fn main() {
    println!("cargo:rerun-if-changed=build.rs");

    #[cfg(feature = "link")]
    pkg_config::Config::new()
        .atleast_version("0.3.0")
        .probe("l1l2")
        .unwrap_or_else(|error| panic!("{error}"));
}
