# Several tests at once, for the scripts that source this file.
#
#     run_together LOG COMMAND...     runs commands of the shell, as many at once as there are cores, and appends
#                                     their output to LOG; prints the end of it and returns 1 if one fails

run_together() {
    printf '%s\0' "${@:2}" | xargs -0 -P "$(nproc)" -I COMMAND bash -c '
        output=$(eval "$1" 2>&1 </dev/null) || {
            printf "%s\n" "$output" | tail -n 60
            echo "failed: $1"
            exit 255 # so that xargs starts no other
        }
        printf "%s\n" "$output" >>"$0"' "$1" COMMAND >&2 || return 1
}
