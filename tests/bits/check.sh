#!/usr/bin/env bash
# Checks one instruction set against the hashes of golden.txt:
#     check.sh ISA PROGRAM      PROGRAM is bits
# Exits with 77 if the CPU does not have it.
set -euo pipefail
export L1L2_ISA=$1
isa=$("$2" isa)
[ "$isa" = "$1" ] || {
    echo "this CPU does not have $1"
    exit 77
}
"$2" "$(dirname "$0")/golden.txt"
