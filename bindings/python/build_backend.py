# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the package by scikit-build-core. (pip calls this file; nobody imports it.)

The C++ sources stand once in the repository, two folders above. A wheel that is built
in a checkout finds them there. For an sdist they are copied to the folder libl1l2, which
is removed afterwards, together with the headers of xsimd and nlohmann_json, so that an
sdist builds without anything else but a compiler and CMake.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from scikit_build_core import build
from scikit_build_core.build import *  # noqa: F403  the hooks, all but one as they are

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
STAGED = HERE / "libl1l2"
#: What the library is built of; LICENSE and NOTICE stand beside pyproject.toml.
SOURCES = ["CMakeLists.txt", "capi", "cmake", "include", "src"]


def dynamic_metadata(settings: object, project: object) -> dict[str, str]:
    """Returns the version, which stands in the public header alone."""
    folder = STAGED if STAGED.exists() else CHECKOUT
    header = (folder / "include/l1l2.h").read_text(encoding="utf-8")
    numbers = re.findall(r"#define L1L2_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    return {"version": ".".join(numbers)}


def build_sdist(
    sdist_directory: str, config_settings: dict[str, list[str] | str] | None = None
) -> str:
    if STAGED.exists():  # made of an unpacked sdist, which has all that it needs
        return build.build_sdist(sdist_directory, config_settings)
    try:
        for name in SOURCES:
            source, target = CHECKOUT / name, STAGED / name
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copy(source, target)
        headers = CHECKOUT / "scripts/lib/third_party.sh"
        subprocess.run([headers, STAGED / "third_party"], check=True)
        return build.build_sdist(sdist_directory, config_settings)
    finally:
        shutil.rmtree(STAGED, ignore_errors=True)
