#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Writes what the files of a release contain, as an SPDX 2.3 document:

    sbom.py FOLDER TREE OUTPUT <PATHS

PATHS are those of the files in FOLDER, a line each, beginning with the name that scripts/release.sh has for them;
TREE is the unpacked source tarball. The document's time is $SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import sys
from pathlib import Path

#: What others wrote: its licence, and where it comes from.
OTHERS = {
    "xsimd": ("BSD-3-Clause", "https://github.com/xtensor-stack/xsimd"),
    "nlohmann_json": ("MIT", "https://github.com/nlohmann/json"),
    "nlohmann_json (Debian 11)": ("MIT", "https://github.com/nlohmann/json"),
    "xla-ffi": ("Apache-2.0", "https://github.com/openxla/xla"),
    "onetbb": ("Apache-2.0", "https://github.com/uxlfoundation/oneTBB"),
    "libstdc++": ("GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org"),
    "libc++": ("Apache-2.0 WITH LLVM-exception", "https://libcxx.llvm.org"),
    "zig": ("MIT", "https://ziglang.org"),
    "mingw-w64": ("ZPL-2.1 AND MIT AND BSD-3-Clause AND HPND", "https://www.mingw-w64.org"),
}
HEADERS = ["xsimd", "nlohmann_json"]
#: What a file contains as source, and what is compiled or linked into it, headers too, by a pattern of its path. The
#: first that matches counts.
CONTENTS = [
    (r"source/", [*HEADERS, "xla-ffi"], []),
    (r"crate/l1l2-sys-", HEADERS, []),
    (r"crate/|julia/|npm/l1l2-\d|conan/|meson/|vcpkg/", [], []),
    (r"sdist/", [*HEADERS, "xla-ffi"], []),
    (r"wheel/", [], [*HEADERS, "xla-ffi", "libc++", "zig"]),
    (r"deb/libl1l2-threads", [], ["onetbb"]),
    (r"deb/", [], HEADERS),
    (r"tarball/", [], ["xsimd", "nlohmann_json (Debian 11)", "libstdc++"]),
    (r"go/.*\.zip", [], [*HEADERS, "libstdc++", "libc++", "zig", "mingw-w64"]),
    (r"npm/l1l2-win32", [], [*HEADERS, "libstdc++", "mingw-w64"]),
    (r"npm/l1l2-", [], [*HEADERS, "libc++", "zig"]),
]
VERSION_MACROS = {
    "xsimd": ("xsimd/include/xsimd/config/xsimd_config.hpp", "XSIMD_VERSION_"),
    "nlohmann_json": ("nlohmann_json/include/nlohmann", "NLOHMANN_JSON_VERSION_"),
}


def version_of(path: Path, prefix: str) -> str:
    """The version that a header, or one of those in a folder, defines by macros."""
    files = [path] if path.is_file() else sorted(path.rglob("*.hpp"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    numbers = dict(re.findall(rf"#\s*define {prefix}(\w+)\s+(\d+)", text))
    return f"{numbers['MAJOR']}.{numbers['MINOR']}.{numbers['PATCH']}"


def identifier(name: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package(name: str, license_: str, home: str, **more: object) -> dict[str, object]:
    return {
        "SPDXID": identifier(name),
        "name": name,
        "downloadLocation": home,
        "filesAnalyzed": False,
        "licenseConcluded": license_,
        "licenseDeclared": license_,
        "copyrightText": "NOASSERTION",
        **more,
    }


def contents(path: str) -> tuple[list[str], list[str]]:
    """What the file of a release contains as source, and what is compiled or linked into it."""
    for pattern, contained, linked in CONTENTS:
        if re.match(pattern, path):
            return contained, linked
    raise SystemExit(f"it is not known what {path} contains")


def package_of_file(path: str, sha256: str, version: str) -> dict[str, object]:
    contained, linked = contents(path)
    licences = ["Apache-2.0", *(OTHERS[name][0] for name in contained + linked)]
    return package(
        path,
        "Apache-2.0",
        "NOASSERTION",
        licenseConcluded=" AND ".join(dict.fromkeys(licences)),
        versionInfo=version,
        packageFileName=Path(path).name,
        checksums=[{"algorithm": "SHA256", "checksumValue": sha256}],
        supplier="Organization: The l1l2 authors",
    )


def package_of_other(name: str, tree: Path) -> dict[str, object]:
    license_, home = OTHERS[name]
    if name not in VERSION_MACROS:
        return package(name, license_, home)
    header, prefix = VERSION_MACROS[name]
    version = version_of(tree / "third_party" / header, prefix)
    return package(name, license_, home, versionInfo=version)


def relationships_of(path: str) -> list[dict[str, str]]:
    contained, linked = contents(path)
    file = identifier(path)
    related = [("SPDXRef-DOCUMENT", "DESCRIBES", file)]
    related += [(file, "CONTAINS", identifier(name)) for name in contained]
    related += [(file, "STATIC_LINK", identifier(name)) for name in linked]
    keys = "spdxElementId", "relationshipType", "relatedSpdxElement"
    return [dict(zip(keys, one)) for one in related]


def document(folder: Path, tree: Path, paths: list[str]) -> dict[str, object]:
    version = version_of(tree / "include/l1l2.h", "L1L2_VERSION_")
    hashes = {
        path: hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in paths
    }
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in hashes.items())
    digest = hashlib.sha256(lines.encode()).hexdigest()[:16]
    used = {name for path in paths for names in contents(path) for name in names}
    created = datetime.datetime.fromtimestamp(
        int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc
    )
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"l1l2-{version}",
        "documentNamespace": f"https://example.invalid/l1l2/spdx/{version}-{digest}",
        "creationInfo": {
            "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Organization: The l1l2 authors", "Tool: release.sh"],
        },
        "packages": [
            *(package_of_file(path, hashes[path], version) for path in paths),
            *(package_of_other(name, tree) for name in sorted(used)),
        ],
        "relationships": [one for path in paths for one in relationships_of(path)],
    }


if __name__ == "__main__":
    release, sources, output = map(Path, sys.argv[1:])
    made = document(release, sources, sys.stdin.read().splitlines())
    output.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
