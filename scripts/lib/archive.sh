#!/usr/bin/env bash
# Packs a folder so that the same files make the same bytes:
#     archive.sh FOLDER     makes FOLDER.tar.gz
# Names are sorted, nobody owns the files, and their time is $SOURCE_DATE_EPOCH.
set -euo pipefail
export LC_ALL=C
tar -C "$(dirname "$1")" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mode=a+rX,u+w,go-w \
    --mtime="@${SOURCE_DATE_EPOCH-0}" -cf - "${1##*/}" | gzip -9n >"$1.tar.gz"
