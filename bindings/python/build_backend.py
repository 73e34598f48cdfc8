# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the package by scikit-build-core. (pip calls this file; nobody imports it.)

The C++ sources stand once in the repository, two folders above. A wheel that is built
in a checkout finds them there. For an sdist they are copied to the folder libl1l2, which
is removed afterwards, together with the headers of xsimd and nlohmann_json, so that an
sdist builds without anything else but a compiler and CMake.
"""

from __future__ import annotations

import os
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
#: Each dependency by its name for pkg-config and CMake: folder of headers, target.
DEPENDENCIES = {
    "xsimd": ("xsimd", "xsimd"),
    "nlohmann_json": ("nlohmann", "nlohmann_json::nlohmann_json"),
}
CONFIG = """\
add_library({target} INTERFACE IMPORTED)
set_target_properties({target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES
                      ${{CMAKE_CURRENT_LIST_DIR}}/..)
"""
CONFIG_VERSION = """\
set(PACKAGE_VERSION {version})
set(PACKAGE_VERSION_COMPATIBLE TRUE)
"""


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
        for package in DEPENDENCIES:
            stage_headers(package)
        return build.build_sdist(sdist_directory, config_settings)
    finally:
        shutil.rmtree(STAGED, ignore_errors=True)


def stage_headers(package: str) -> None:
    """Copies the headers of a dependency, and makes a package of CMake of them."""
    folder, target = DEPENDENCIES[package]
    include = ask_pkg_config("--cflags-only-I", package).split()[0].removeprefix("-I")
    version = ask_pkg_config("--modversion", package).strip()
    staged = STAGED / "third_party"
    shutil.copytree(Path(include) / folder, staged / folder)
    (staged / "cmake").mkdir(exist_ok=True)
    config = staged / f"cmake/{package}Config.cmake"
    config.write_text(CONFIG.format(target=target))
    config.with_name(f"{package}ConfigVersion.cmake").write_text(
        CONFIG_VERSION.format(version=version)
    )


def ask_pkg_config(*arguments: str) -> str:
    return subprocess.run(
        ["pkg-config", *arguments],
        env={**os.environ, "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
