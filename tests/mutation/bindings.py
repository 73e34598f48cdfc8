"""How the packages of bindings/ are built and tested with a mutant: by commands of the shell, in the package's folder of
a copy of the project, where PREFIX is an installed libl1l2 and WORK a folder for what is made."""

import fnmatch
import pathlib
from typing import Dict, Iterator, List, NamedTuple, Tuple

NOT_MUTATED = ("*_test.go", "*_windows.go")


class Test(NamedTuple):
    name: str
    command: str
    files: str = "*"  #: that it is for
    others: Tuple[str, ...] = ()  #: that it is not for, though they match
    builds: bool = False  #: if it fails, the mutant does not compile


class Language(NamedTuple):
    mutated: List[str]
    prepare: str  #: once
    tests: List[Test]  #: in the order in which they find a mutant soonest

    def files_in(self, folder: pathlib.Path) -> Iterator[pathlib.Path]:
        paths = (path for pattern in self.mutated for path in sorted(folder.glob(pattern)))
        return (path for path in paths if not any(path.match(pattern) for pattern in NOT_MUTATED))

    def tests_of(self, file: str) -> List[Test]:
        name = pathlib.PurePath(file).name
        return [test for test in self.tests if fnmatch.fnmatchcase(name, test.files) and name not in test.others]


INSTALLED = "L1L2_LIBRARY=$PREFIX/lib/libl1l2.so.0"
RUST = f"""{INSTALLED} CARGO_TARGET_DIR=$WORK/rust CARGO_PROFILE_DEV_DEBUG=0 cargo test --quiet --locked --package l1l2 \
    --no-default-features --features load,half,ndarray,rayon,serde"""
RUST_QUICK = "--test api --test load --test serde"
GO = "GOFLAGS=-buildvcs=false GOWORK=off L1L2_INSTALLED=$PREFIX/lib/libl1l2.so.0 CGO_ENABLED"
GO_LONG = "Vectors|Forgotten|Collections|1GiB"
JULIA = """L1L2_VECTORS=$PWD/../../tests/conformance/vectors.txt JULIA_DEPOT_PATH=$WORK/depot: JULIA_PKG_SERVER= JULIA_NUM_THREADS=4 \
    $(../../scripts/lib/julia.sh $WORK/julia) --startup-file=no --project=$WORK/project"""
JULIA_FILES = """-e 'using L1L2, Test; foreach(file -> include("test/$file.jl"), ARGS)' vectors"""
NODE_LONG = "forgotten|an array of 1 GiB"
NODE_LOADING = "a library that is missing"
NODE_QUICK = f"(?!{NODE_LONG}|{NODE_LOADING}|<root>)"  # if the parent of all tests fits, all are run
PYTHON = "$WORK/venv/bin/python"
PACKAGE = "$WORK/venv/lib/python3*/site-packages/l1l2"
PYTEST = f"PYTHONDONTWRITEBYTECODE=1 {PYTHON} -m pytest -o cache_dir=$WORK/pytest --failed-first --quiet --exitfirst"
#: Not those of frameworks.
PYTHON_MODULES = ["_init__.py", "arrays.py", "exact_sums.py", "fast.c", "library.py", "regularizer.py", "terms.py"]
LONG = [f"tests/test_{name}.py" for name in ("library", "conformance", "memory", "frameworks")]
QUICK = " ".join(f"--ignore {path}" for path in ["tests/frameworks", *LONG]) + " tests"
BY_CTYPES = f"{INSTALLED} PYTHONPATH=$PWD/src {PYTEST}"


def go_tests(cgo: int, others: Tuple[str, ...]) -> List[Test]:
    program = f"$WORK/go_{cgo}.test"
    run = f"{GO}={cgo} {program} -test.failfast"
    return [
        Test(f"compile, CGO_ENABLED={cgo}", f"{GO}={cgo} go test -vet=off -c -o {program} .", others=others, builds=True),
        Test(f"tests, CGO_ENABLED={cgo}", f"{run} -test.timeout 1m -test.skip '{GO_LONG}'", others=others),
        Test(f"tests that take longer, CGO_ENABLED={cgo}", f"{run} -test.run '{GO_LONG}'", others=others),
    ]


def node_tests(arguments: str) -> str:
    """A minute is for a main thread that waits for ever; without that it takes some seconds."""
    in_place = "rm -rf $WORK/tmp && mkdir $WORK/tmp && TMPDIR=$WORK/tmp"  # what a killed test leaves
    return f"{in_place} timeout --signal=KILL 60 node --test-reporter=../../tests/mutation/node_reporter.mjs {arguments}"


LANGUAGES: Dict[str, Language] = {
    "rust": Language(
        ["l1l2-sys/src/*.rs", "l1l2/src/*.rs"],
        "cargo fetch --locked",
        [
            Test("compile", f"{RUST} {RUST_QUICK} --no-run", builds=True),
            Test("tests", f"{RUST} {RUST_QUICK}"),
            Test("tests that take longer", f"{RUST} --test conformance --test lifetimes --test memory"),
            Test("documentation", f"{RUST} --doc"),
        ],
    ),
    "go": Language(
        ["*.go"],
        "./build.sh $PREFIX .",
        [
            *go_tests(0, ("cgo.go", "runner_cgo.go")),
            *go_tests(1, ("load_unix.go", "purego.go")),
            Test("vet for 32-bit ARM", f"{GO}=0 GOARCH=arm go vet .", "tensor.go"),
        ],
    ),
    "node": Language(
        ["index.*js", "src/*.[ch]"],
        "mkdir -p native && cp $PREFIX/lib/libl1l2.so.0 native/",
        [
            Test("syntax", "node --check index.js", "index.js", builds=True),
            Test(
                "compile",
                """[ -e native/l1l2.node ] && [ -z "$(find src ../../include -newer native/l1l2.node)" ] || cc -shared -fPIC -O1 src/*.c \
                    -I../../include -I$(node -p 'require("./host.js").include') -o native/l1l2.node -ldl""",
                builds=True,
            ),
            Test("tests of steps and norms", node_tests("test/steps_norms.test.mjs")),
            Test("api", node_tests(f"--test-name-pattern='/^{NODE_QUICK}/' test/api.test.mjs")),
            Test("tests of memory", node_tests("test/memory.test.mjs"), "*.[ch]"),
            Test("tests of terms", node_tests("test/terms.test.mjs")),
            Test("tests of loading", node_tests(f"--test-name-pattern='/^{NODE_LOADING}/' test/api.test.mjs")),
            Test("conformance", node_tests("test/conformance.test.mjs")),
            Test("tests that take longer", node_tests(f"--test-name-pattern='/^({NODE_LONG})/' test/api.test.mjs")),
        ],
    ),
    "julia": Language(
        ["src/*.jl", "ext/*.jl"],
        f"""mkdir -p $WORK/project deps/lib && cp $PREFIX/lib/libl1l2.so.0 deps/lib/libl1l2.so && ./depot.sh $WORK/depot &&
            {JULIA} -e 'using Pkg; Pkg.develop(path = "."); Pkg.add("Test")'""",
        [
            Test(
                "syntax",
                f"""{JULIA} -e 'foreach(file -> Meta.parse("module M\\n" * read(file, String) * "\\nend"), ARGS)' src/*.jl ext/*.jl""",
                builds=True,
            ),
            Test("tests of the library", f"{JULIA} {JULIA_FILES} library", "library.jl"),
            Test("tests of lists", f"{JULIA} {JULIA_FILES} terms steps_norms", "terms.jl"),
            Test("tests", f"{JULIA} {JULIA_FILES} api steps_norms terms library"),
            Test("vectors", f"L1L2_ONLY_VECTORS=1 {JULIA} test/runtests.jl"),
        ],
    ),
    "python": Language(
        [f"src/l1l2/_{name}" for name in PYTHON_MODULES],
        f"""{{ [ -e $WORK/venv ] || python3 -m venv $WORK/venv; }} &&
            {PYTHON} -m pip install --quiet --require-hashes --requirement tests/requirements.txt &&
            {PYTHON} -m pip install --quiet --no-index --no-deps --no-build-isolation --force-reinstall . &&
            ln -sf $PWD/src/l1l2/*.py {PACKAGE}""",
        [
            Test(
                "syntax",
                f"{PYTHON} -c 'import sys; [compile(open(file).read(), file, \"exec\") for file in sys.argv[1:]]' src/l1l2/*.py",
                "*.py",
                builds=True,
            ),
            Test(
                "compile",
                f"""[ {PACKAGE}/_fast.abi3.so -nt src/l1l2/_fast.c ] ||
                    cc -shared -fPIC -O1 -fvisibility=hidden -DPy_LIMITED_API=0x030B0000 src/l1l2/_fast.c -o {PACKAGE}/_fast.abi3.so \
                    -I$({PYTHON} -c 'import sysconfig; print(sysconfig.get_path("include"))')""",
                builds=True,
            ),
            Test("tests of the library", f"{PYTEST} {LONG[0]}", "_library.py"),
            Test("tests", f"{PYTEST} {QUICK}"),
            Test("tests that take longer", f"{PYTEST} {' '.join(LONG)}"),
            Test("tests by ctypes", f"{BY_CTYPES} {QUICK}", "*.py"),
            Test("tests by ctypes that take longer", f"{BY_CTYPES} {LONG[1]} {LONG[3]}", "*.py"),
            Test("documentation", f"{PYTEST} --doctest-modules --doctest-ignore-import-errors --pyargs l1l2", "*.py"),
        ],
    ),
}
