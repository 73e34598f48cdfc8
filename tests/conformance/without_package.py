#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the program of a language in docs/without_package.md, as the page says:

    without_package.py HEADING PAGE PREFIX

PREFIX is an installed libl1l2. The program must print 0.34. Exits with 77, and says why, without the language.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

#: What tells that a language has the interface that its program uses.
PROBES = {
    "Perl": "perl -MFFI::Platypus -e 1",
    "PHP": "php -r 'exit(extension_loaded(\"FFI\") ? 0 : 1);'",
    "Java": "test -e /usr/share/java/jna.jar",
    "OCaml": "ocamlfind query ctypes.foreign",
}


def main(heading: str, page: str, prefix: str, work: str) -> int:
    text = pathlib.Path(page).read_text(encoding="utf-8")
    title = re.escape(heading)
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert section is not None, f"{page} has no {heading}"
    fence = re.compile(r"^```\w+\n(.*?)^```\n", re.M | re.S)
    programs = fence.findall(section[1])
    prose = fence.sub("", section[1])
    code = re.findall(r"`([^`\n]+)`|^    (.+)$", prose, re.M)
    commands = [span or line for span, line in code if " " in (span or line)]
    names = [
        re.search(r"\b(?:[Ee]xample|penalty)\.\w+", command)[0] for command in commands
    ]
    assert len(names) == len(programs) > 0, f"{names} for {len(programs)} programs"

    # The paths of a checkout may have spaces, which the page's commands do not expect.
    os.symlink(prefix, pathlib.Path(work, "prefix"))
    library = str(pathlib.Path(work, "prefix/lib"))
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": library,
        "PKG_CONFIG_PATH": str(pathlib.Path(library, "pkgconfig")),
    }

    def run(command: str) -> subprocess.CompletedProcess:
        shell = ["bash", "-euo", "pipefail", "-c", command]
        return subprocess.run(shell, cwd=work, env=environment, capture_output=True)

    tool = next(word for word in commands[0].split() if re.fullmatch(r"[a-zR]+", word))
    if shutil.which(tool) is None or run(PROBES.get(heading, "true")).returncode != 0:
        print(f"no {tool}, or not what its program needs")
        return 77
    for name, program in zip(names, programs):
        pathlib.Path(work, name).write_text(program, encoding="utf-8")
    for command in commands:
        done = run(command)
        if done.returncode != 0:
            print(f"{command}: {done.stderr.decode()}")
            return 1
    printed = done.stdout.decode().split()[-1].replace("d0", "")
    print(f"{heading}: {printed}")
    return float(printed) != 0.34


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(*sys.argv[1:], folder))
