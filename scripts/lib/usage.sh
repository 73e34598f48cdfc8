# Help for the commands in scripts/, which source this file after they have gone to the project's folder.
# With --help a command prints the comment at its top and ends.
#
#     wrong_usage TEXT     says what is wrong, prints the same comment and ends with status 2

usage() {
    awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "scripts/${0##*/}"
}

wrong_usage() {
    printf '%s\n\n' "$*" >&2
    usage >&2
    exit 2
}

case ${1-} in
-h | --help)
    usage
    exit
    ;;
esac
