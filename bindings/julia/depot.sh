#!/usr/bin/env bash
# Makes a depot of its own for the tests, with a registry that has no packages: none is needed, and nothing is fetched.
#     depot.sh FOLDER
set -euo pipefail
mkdir -p "$1/registries/Empty"
cat >"$1/registries/Empty/Registry.toml" <<'REGISTRY'
name = "Empty"
uuid = "23338594-aafe-5451-b93e-139f81909106"
repo = ""

[packages]
REGISTRY
