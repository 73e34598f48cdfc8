#!/usr/bin/env bash
# Makes the package as Julia's registry serves it, the files of this folder alone:
#     stage.sh FOLDER
# FOLDER/L1L2.jl-VERSION.tar.gz
set -euo pipefail
package=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$package/Project.toml")
staged=$folder/L1L2.jl-$version
rm -rf "$staged"
mkdir "$staged"
cd "$package"
cp -rL LICENSE Project.toml README.md deps ext src test "$staged"
cp ../../NOTICE "$staged"
rm -rf "$staged"/deps/{build,build.log,lib}
../../scripts/lib/archive.sh "$staged"
rm -r "$staged"
