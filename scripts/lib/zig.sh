# Compilers of zig, for the scripts that source this file after packages.sh.
#
#     make_zig TOOLS FETCHED [TARGET]     writes TOOLS/cc, TOOLS/c++ and TOOLS/ar, programs of one word each as
#                                         CMake takes them, which compile for the target
#
# zig is the one on the PATH; else it is fetched from Python's package index into the folder FETCHED. Exits with
# 77 if that fails.

make_zig() {
    local zig tool python=$2/zig/bin/python
    zig=("$(command -v zig)") || {
        offer_packages python3-venv ca-certificates
        # Another script may be fetching it.
        (
            flock 9
            "$python" -m ziglang version >/dev/null 2>&1 || {
                python3 -m venv --clear "$2/zig" &&
                    "$python" -m pip install --no-deps --require-hashes --requirement scripts/lib/zig.txt
            } >"$2/log" 2>&1
        ) 9>"$2/lock" || {
            echo "no zig, and pip cannot fetch it: $(grep -m 1 ERROR "$2/log")"
            exit 77
        }
        zig=("$python" -m ziglang)
    }
    mkdir -p "$1"
    for tool in cc c++ ar; do
        printf '#!/usr/bin/env bash\nexec%s %s"$@"\n' "$(printf ' %q' "${zig[@]}" "$tool")" \
            "$([ $# -lt 3 ] || [ $tool = ar ] || echo "-target $3 ")" >"$1/$tool"
        chmod +x "$1/$tool"
    done
}
