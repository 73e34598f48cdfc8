// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//! Builds the bundled C++ sources, or finds an installed libl1l2 (feature `system`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Documentation needs no library.
    if std::env::var_os("DOCS_RS").is_none() {
        provide();
    }
}

fn provide() {
    #[cfg(all(feature = "system", not(feature = "load")))]
    system::find();
    #[cfg(all(feature = "bundled", not(any(feature = "system", feature = "load"))))]
    bundled::build();
}

#[cfg(all(feature = "system", not(feature = "load")))]
mod system {
    use pkg_config::{Config, Library};
    use std::env;

    const WANTED: &str = "0.4.0";

    /// `L1L2_STATIC=1` links the static library.
    pub fn find() {
        println!("cargo:rerun-if-env-changed=L1L2_STATIC");
        let asked = env::var_os("L1L2_STATIC").map(|value| value != "0" && !value.is_empty());
        let linked_here = asked == Some(true);
        let config = |metadata| {
            let mut config = Config::new();
            if let Some(statik) = asked {
                config.statik(statik);
            }
            config.cargo_metadata(metadata);
            config
        };
        let reason = match config(false).probe("l1l2") {
            Err(error) => format!("not found ({})", error.to_string().trim()),
            Ok(library) if config(!linked_here).atleast_version(WANTED).probe("l1l2").is_err() => {
                format!("found {}, need {WANTED}", library.version)
            }
            Ok(library) if linked_here && !link_statically(&library) => {
                format!("found {} without libl1l2.a, for which L1L2_STATIC asks", library.version)
            }
            Ok(_) => return,
        };
        let path = env::var("PKG_CONFIG_PATH").unwrap_or_default();
        panic!(
            "cannot link libl1l2: looked for l1l2.pc with pkg-config (PKG_CONFIG_PATH={path}): \
             {reason}; set PKG_CONFIG_PATH to the folder of that of libl1l2 {WANTED} or later, or \
             build without the feature `system`"
        );
    }

    /// The crate pkg-config links the shared library if both are in a folder of the system.
    fn link_statically(library: &Library) -> bool {
        let mut folders = library.link_paths.iter();
        let folder = match folders.find(|folder| folder.join("libl1l2.a").exists()) {
            Some(folder) => folder,
            None => return false,
        };
        println!("cargo:rustc-link-search=native={}", folder.display());
        for name in &library.libs {
            let kind = if name == "l1l2" { "static=" } else { "" };
            println!("cargo:rustc-link-lib={kind}{name}");
        }
        true
    }
}

#[cfg(all(feature = "bundled", not(any(feature = "system", feature = "load"))))]
mod bundled {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::{env, fs, thread};

    /// The kernels of an architecture, and the macro that names them to the dispatcher.
    struct Kernels {
        define: Option<&'static str>,
        /// The file of each and the flags of its instruction set.
        files: Vec<(String, Vec<String>)>,
    }

    impl Kernels {
        fn of(arch: &str, little_endian: bool, native: &Path) -> Self {
            let mut files = vec![("generic".to_owned(), Vec::new())];
            let define = match arch {
                "x86_64" => {
                    let path = native.join("src/kernels/x86_64.flags");
                    let text = fs::read_to_string(path).expect("the flags of the kernels");
                    files.extend(text.lines().map(|line| {
                        let (name, flags) = line.split_once(':').expect("NAME: FLAGS");
                        (name.to_owned(), flags.split_whitespace().map(str::to_owned).collect())
                    }));
                    Some("-DL1L2_X86_64_KERNELS")
                }
                "aarch64" if little_endian => {
                    files.push(("neon64".to_owned(), Vec::new()));
                    Some("-DL1L2_AARCH64_KERNELS")
                }
                _ => None,
            };
            Self { define, files }
        }
    }

    /// The files of src/kernels that are not compiled on every architecture.
    const SPECIAL: [&str; 4] = ["sse2", "avx2", "avx512bw", "neon64"];

    /// What only a shared library has.
    const LEFT_OUT: &str = "unload";

    /// What comes after the flags of the user and of the profile, and wins over them: results depend
    /// on the arithmetic, and each kernel on the instruction set that it was written for.
    fn last_flags(arch: &str) -> Vec<&'static str> {
        let mut flags = vec![
            "-std=c++17",
            "-O3",
            "-fno-fast-math",
            "-ffp-contract=off",
            "-fno-lto",
            "-fvisibility=hidden",
            "-fvisibility-inlines-hidden",
        ];
        match arch {
            "x86_64" => flags.push("-march=x86-64"),
            "x86" => flags.extend(["-march=i686", "-msse2", "-mfpmath=sse"]),
            "aarch64" => flags.push("-march=armv8-a"),
            _ => {}
        }
        flags
    }

    pub fn build() {
        assert!(
            env::var("CARGO_CFG_TARGET_ENV").as_deref() != Ok("msvc"),
            "libl1l2 cannot be compiled by MSVC: use a target of MinGW, such as \
             x86_64-pc-windows-gnu, or the feature `load`"
        );
        let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap();
        if arch.starts_with("x86") {
            leave_out_flags_of_the_machine();
        }
        let little = env::var("CARGO_CFG_TARGET_ENDIAN").as_deref() == Ok("little");
        let native = native_folder();
        let kernels = Kernels::of(&arch, little, &native);
        let compiler = Compiler::new(&native, &arch, kernels.define);
        compiler.check_headers();

        let shared = sources(&native);
        // The slowest ones at once; the many small ones in a row.
        let objects: Vec<PathBuf> = thread::scope(|scope| {
            let compiler = &compiler;
            let (native, shared) = (&native, &shared);
            let (small, large): (Vec<_>, Vec<_>) =
                shared.iter().partition(|file| file.parent() == Some(&native.join("src")));
            let mut jobs = Vec::new();
            for (name, isa) in &kernels.files {
                let file = native.join("src/kernels").join(name).with_extension("cpp");
                jobs.push(scope.spawn(move || vec![compiler.kernel(&file, isa)]));
            }
            for files in [small, large] {
                let compile =
                    move || files.into_iter().map(|file| compiler.run(file, &[])).collect();
                jobs.push(scope.spawn(compile));
            }
            let objects =
                jobs.into_iter().map(|job| job.join().expect("a compiler's failure, above"));
            objects.flatten().collect()
        });
        let mut archive = cc::Build::new();
        archive.cpp(true);
        for object in &objects {
            archive.object(object);
        }
        archive.compile("l1l2");
    }

    /// Takes the flags that begin with `-m` out of the user's CXXFLAGS: an `-mavx2` would stay in force
    /// beside the `-march` of `last_flags`. Other architectures keep theirs.
    fn leave_out_flags_of_the_machine() {
        for (name, flags) in env::vars_os() {
            if let (Some(name), Some(flags)) = (name.to_str(), flags.to_str()) {
                if name.contains("CXXFLAGS") {
                    let mut kept = Vec::new();
                    let mut words = flags.split_whitespace();
                    while let Some(word) = words.next() {
                        match word {
                            "-mllvm" => drop(words.next()), // an option in two words
                            _ if !word.starts_with("-m") => kept.push(word),
                            _ if kept.last() == Some(&"-Xclang") => drop(kept.pop()),
                            _ => {}
                        }
                    }
                    env::set_var(name, kept.join(" "));
                }
            }
        }
    }

    /// Where the sources are: in this package or, in a checkout, above all packages.
    fn native_folder() -> PathBuf {
        let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());
        let candidates = [package.join("native"), package.join("../../..")];
        let found = candidates.iter().find(|folder| folder.join("include/l1l2.h").exists());
        let folder = found.unwrap_or_else(|| {
            panic!(
                "the C++ sources of libl1l2 were not found: looked for include/l1l2.h in {} and {}. \
                 Use the package as it was published, or a complete checkout.",
                candidates[0].display(),
                candidates[1].display()
            )
        });
        for part in ["src", "capi", "include"] {
            println!("cargo:rerun-if-changed={}", folder.join(part).display());
        }
        folder.clone()
    }

    /// The sources that every architecture has, without the kernels.
    fn sources(native: &Path) -> Vec<PathBuf> {
        let mut sources = Vec::new();
        for folder in ["src", "src/kernels", "capi"] {
            for entry in fs::read_dir(native.join(folder)).expect("a folder of the sources") {
                let file = entry.expect("a file of the sources").path();
                let name = file.file_stem().unwrap().to_string_lossy().into_owned();
                let kernel = name == "generic" || SPECIAL.contains(&name.as_str());
                let cpp = file.extension().map_or(false, |extension| extension == "cpp");
                if cpp && !kernel && name != LEFT_OUT {
                    sources.push(file);
                }
            }
        }
        sources.sort();
        sources
    }

    struct Compiler {
        tool: cc::Tool,
        flags: Vec<&'static str>,
        out: PathBuf,
    }

    impl Compiler {
        fn new(native: &Path, arch: &str, define: Option<&'static str>) -> Self {
            let mut build = cc::Build::new();
            // The same in every profile: it is not this code that a debug build is made to debug.
            build.cpp(true).warnings(false).opt_level(3).debug(false);
            build.include(native.join("src")).include(native.join("include"));
            for headers in ["xsimd", "nlohmann_json"] {
                let folder = native.join("third_party").join(headers).join("include");
                if folder.exists() {
                    build.include(folder);
                }
            }
            let mut flags = last_flags(arch);
            flags.extend(define);
            if build.is_flag_supported("-fno-gnu-unique").unwrap_or(false) {
                flags.push("-fno-gnu-unique");
            }
            let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
            Self { tool: build.get_compiler(), flags, out }
        }

        /// A kernel. Without the last flag GCC 12 packs the two sums that a kernel returns into one
        /// register, through memory.
        fn kernel(&self, file: &Path, isa: &[String]) -> PathBuf {
            let mut flags: Vec<&str> = isa.iter().map(String::as_str).collect();
            flags.push("-fno-exceptions");
            if self.tool.is_like_gnu() {
                flags.push("-fno-tree-slp-vectorize");
            }
            if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("windows")
                && self.tool.is_like_gnu()
            {
                // GCC bug 54412: it aligns stacks to 16 bytes there, and uses aligned moves of more.
                flags.push("-Wa,-muse-unaligned-vector-move");
            }
            self.run(file, &flags)
        }

        fn run(&self, file: &Path, flags: &[&str]) -> PathBuf {
            let folder = file.parent().unwrap().file_name().unwrap().to_string_lossy();
            let name = file.file_stem().unwrap().to_string_lossy();
            let object = self.out.join(format!("{folder}_{name}.o"));
            let mut command = self.command();
            command.args(flags).arg("-c").arg(file).arg("-o").arg(&object);
            let status = command.status();
            assert!(
                matches!(&status, Ok(status) if status.success()),
                "the C++ compiler failed: {command:?}: {status:?}"
            );
            object
        }

        fn command(&self) -> Command {
            let mut command = self.tool.to_command();
            command.args(&self.flags);
            command
        }

        /// Says in words what a wall of the compiler's errors would not.
        fn check_headers(&self) {
            const PROBE: &str = "\
                #if !__has_include(<xsimd/xsimd.hpp>)\n#error missing: xsimd 8.1 or later\n#endif\n\
                #if !__has_include(<nlohmann/json.hpp>)\n#error missing: nlohmann_json 3.9 or later\n\
                #endif\n";
            let probe = self.out.join("probe.cpp");
            fs::write(&probe, PROBE).expect("a file in OUT_DIR");
            let output = self.command().arg("-E").arg(&probe).output();
            let output = output.unwrap_or_else(|error| {
                panic!(
                    "no C++ compiler: {:?} cannot be run ({error}). Install one (on Debian: g++), or \
                     let the environment variable CXX name it.",
                    self.tool.path()
                )
            });
            let errors = String::from_utf8_lossy(&output.stderr);
            let missing: Vec<&str> = errors
                .lines()
                .filter_map(|line| line.split_once("error: ")?.1.split_once("missing: "))
                .map(|(_, what)| what)
                .collect();
            assert!(
                missing.is_empty(),
                "the C++ compiler {:?} finds no {}. A published package has the headers; for a \
                 checkout install them (on Debian: libxsimd-dev nlohmann-json3-dev).",
                self.tool.path(),
                missing.join(", no ")
            );
            assert!(output.status.success(), "the C++ compiler failed:\n{errors}");
        }
    }
}
