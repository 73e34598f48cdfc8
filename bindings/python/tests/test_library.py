# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Which library is loaded, and one sentence when there is none that suits."""

import os
import pathlib
import shutil
import subprocess
import sys

import l1l2
import pytest

PACKAGE = pathlib.Path(l1l2.__file__).parent
COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler")
IMPORT = "import l1l2; print(l1l2.library_path(), l1l2.version())"


def run(program=IMPORT, path=None, **environment):
    """Runs a program in a process of its own and returns its last line."""
    environment = {**os.environ, **environment}
    if path:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode in (0, 1), done  # and not by a signal
    return done.stdout.splitlines()[-1]


def failure(library):
    """Returns the sentence for a library that L1L2_LIBRARY names."""
    sentence = run(L1L2_LIBRARY=str(library))
    assert sentence.startswith(
        f"ImportError: cannot load libl1l2: looked for {library}"
        " (which L1L2_LIBRARY names): "
    )
    assert sentence.endswith("; set L1L2_LIBRARY to the path of libl1l2 0.4 or later")
    return sentence


def compiled(folder, source, *options):
    file, library = folder / "library.c", folder / "library.so"
    file.write_text(source)
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", *options, file, "-o", library], check=True
    )
    return library


@pytest.fixture
def own_library():
    """The library in the package that is tested."""
    libraries = [*PACKAGE.glob("libl1l2.*")]
    if not libraries:
        pytest.skip("this package has no library of its own")
    return libraries[0]


def test_the_library_is_part_of_the_package(own_library):
    assert run(L1L2_LIBRARY="") == f"{own_library} {l1l2.__version__}"


def test_l1l2_library_chooses_another_one(own_library, tmp_path):
    chosen = tmp_path / "a library"
    shutil.copy(own_library, chosen)
    assert run(L1L2_LIBRARY=str(chosen)) == f"{chosen} {l1l2.__version__}"


def test_another_copy_in_the_process_does_not_matter(own_library, tmp_path):
    other = tmp_path / "libl1l2.so.0"
    shutil.copy(own_library, other)
    program = (
        f"import ctypes; ctypes.CDLL({str(other)!r}, ctypes.RTLD_GLOBAL); {IMPORT}"
    )
    assert run(program) == f"{own_library} {l1l2.__version__}"


@needs_compiler
def test_a_library_of_an_earlier_version(tmp_path):
    library = compiled(tmp_path, "unsigned l1l2_version_number(void) { return 399; }")
    assert "found 0.3.99, need 0.4;" in failure(library)


@needs_compiler
def test_a_library_that_is_another_one(tmp_path):
    library = compiled(tmp_path, "int something_else(void) { return 0; }")
    assert "it is not libl1l2;" in failure(library)


def test_a_library_that_is_not_there(tmp_path):
    assert "cannot open" in failure(tmp_path / "none.so")


def test_a_folder_and_a_text(tmp_path):
    assert "Is a directory" in failure(tmp_path)
    text = tmp_path / "text.so"
    text.write_text("no library")
    assert str(text) in failure(text)


def test_a_library_that_is_cut_off(own_library, tmp_path):
    whole = own_library.read_bytes()
    cut = tmp_path / "libl1l2.so"
    for size in (0, 10, 63, 64, 1000, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:size])
        assert "too short" in failure(cut) or f"cut off after {size} bytes" in failure(
            cut
        )


def test_a_library_of_another_architecture(own_library, tmp_path):
    other = bytearray(own_library.read_bytes())
    other[18:20] = (21).to_bytes(2, "little")  # 64-bit PowerPC
    library = tmp_path / "libl1l2.so"
    library.write_bytes(other)
    assert "another kind of processor" in failure(library)


def test_a_package_whose_library_is_damaged(own_library, tmp_path):
    package = tmp_path / "l1l2"
    shutil.copytree(PACKAGE, package)
    damaged = package / own_library.name
    damaged.write_bytes(own_library.read_bytes()[:1000])
    sentence = run(path=tmp_path, L1L2_LIBRARY="")
    assert (
        f"looked for {damaged} (part of this package): the file is cut off" in sentence
    )
    assert "; reinstall it, or set L1L2_LIBRARY to the path of libl1l2 0.4" in sentence


def test_a_package_without_a_library_takes_the_systems(own_library, tmp_path):
    package, folder = tmp_path / "l1l2", tmp_path / "system"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("libl1l2.*"))
    sentence = run(path=tmp_path, L1L2_LIBRARY="", LD_LIBRARY_PATH="")
    if sentence.startswith("ImportError"):  # unless the system has one
        assert "looked for libl1l2.so.0 (in the loader's folders" in sentence
        assert "; install the package l1l2 with pip, or set L1L2_LIBRARY to" in sentence
    folder.mkdir()
    shutil.copy(own_library, folder / "libl1l2.so.0")
    found = run(path=tmp_path, L1L2_LIBRARY="", LD_LIBRARY_PATH=str(folder))
    assert found == f"libl1l2.so.0 {l1l2.__version__}"


def test_the_package_works_without_its_compiled_module(own_library, tmp_path):
    shutil.copytree(
        PACKAGE, tmp_path / "l1l2", ignore=shutil.ignore_patterns("_fast*.so")
    )
    program = "import l1l2, array; print(l1l2.Regularizer(1)(array.array('f', [2])))"
    assert run(program, path=tmp_path) == "2.0"
