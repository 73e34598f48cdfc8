#!/usr/bin/env bash
# Prints the first program of a README in a language:
#     readme_program.sh LANGUAGE README
set -euo pipefail
awk -v "start=\`\`\`$1" '$0 == start && !n++ { inside = 1; next } /^```$/ { inside = 0 } inside' "$2"
