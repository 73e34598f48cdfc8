#!/usr/bin/env bash
# Prints the version, which stands in include/l1l2.h and nowhere else.
set -euo pipefail
sed -n 's/^#define L1L2_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' "$(dirname "$0")/../../include/l1l2.h" | paste -sd.
