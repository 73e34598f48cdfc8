#!/usr/bin/env bash
# Copies the headers that the library is compiled with, for what is released:
#     third_party.sh FOLDER     makes FOLDER/NAME/include and FOLDER/NAME/LICENSE of xsimd and nlohmann_json
# They are those of third_party beside src, as a release has them, else those that the C++ compiler finds.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
if [ -d "$root/third_party" ]; then
    cp -r "$root/third_party/." "$1"
    exit
fi

# Prints the text below a heading of NOTICE.
licence() {
    awk -v heading="$1" '
        /^=+$/ { inside = previous == heading; previous = ""; next }
        inside { print previous }
        { previous = $0 }
        END { if (inside) print previous }' "$root/NOTICE" | sed '/./,$!d' | cat -s
}

while read -r name header; do
    needed=$(echo "#include <$header>" | "${CXX:-c++}" -std=c++17 -M -x c++ -)
    file=$(tr ' ' '\n' <<<"$needed" | grep "/$header\$")
    mkdir -p "$1/$name/include"
    cp -rL "${file%/*}" "$1/$name/include"
    licence "$name" >"$1/$name/LICENSE"
    grep -q '^Copyright' "$1/$name/LICENSE"
done <<'END'
xsimd xsimd/xsimd.hpp
nlohmann_json nlohmann/json.hpp
END
