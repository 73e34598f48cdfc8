#!/usr/bin/env bash
# Checks the binaries:
#     symbols.sh exports LIBRARY HEADER MAP  it exports the header's functions, each with the version
#                                            node that the version script gives it, and only those;
#                                            what came later says "Since" when
#     symbols.sh dependencies LIBRARY        it needs libc and libm at most
#     symbols.sh threads_dependencies LIBRARY
#                                            it needs oneTBB, but not libl1l2, and stays when closed
#     symbols.sh size LIBRARY                stripped it has less than 905 KB
#     symbols.sh hardening LIBRARY           nothing that is written can be executed, nor any address of a
#                                            function be changed once it is loaded
#     symbols.sh hardened OBJECT...          the stack is protected, and targets of jumps and returns are
#                                            marked, on x86-64 for IBT and SHSTK, on aarch64 for BTI and PAC
#     symbols.sh kernels OBJECT...           no kernel object shares code or runs any at load time
#     symbols.sh manners OBJECT...           none can print, end the process, start threads or
#                                            change what belongs to the process
#     symbols.sh state OBJECT...             all of them have two variables: the choice of kernels and the size
#                                            of the last-level cache
#     symbols.sh environment OBJECT...       no C function computes outside of with_default_environment
#     symbols.sh signal_safe OBJECT          of the C functions those that may be called in a signal
#                                            handler call nothing
# The last three exit with 77 if the objects are instrumented, by a sanitizer, for instance.
set -euo pipefail
fail() {
    echo "$*" >&2
    exit 1
}

# since HEADER: the functions, each with its comment and the title of its section on the same line.
since() {
    awk '/^\/\*$/ { section = "" }
        /\(since [0-9.]+\)$/ { section = $0 }
        /^\/\*\*/ { comment = "" }
        /^( \*|\/\*\*)/ { sub(/^[ \/]\*+\/? */, ""); comment = comment " " $0 }
        /^L1L2_([A-Z]+_)?API / && match($0, /l1l2_[a-z0-9_]+\(/) {
            print substr($0, RSTART, RLENGTH - 1) comment " " section
        }' "$1"
}

# plain OBJECT...: they have no code that the sources do not.
plain() {
    ! nm "$@" | grep -E ' (__(asan|tsan|msan|ubsan|sanitizer|sancov|gcov|llvm_profile)_|mcount|__fentry__)' || {
        echo "the objects are instrumented"
        exit 77
    }
}

case $1 in
exports)
    exported=$(nm -D --defined-only "$2" | awk '$2 != "A" { print $3 }' | sort)
    # Comments show calls.
    declared=$(grep -vE '^ *(/\*|\*)' "$3" | grep -oE '\bl1l2_[a-z0-9_]+\(' | tr -d '(' | sort -u)
    [ -n "$declared" ] || fail "no function found in $3"
    versioned=$(awk '/\{/ { node = $1 } /^ *l1l2_.*;/ { print substr($1, 1, length($1) - 1) "@@" node }' \
        "$4" | sort)
    diff <(echo "$declared") <(sed 's/@@.*//' <<<"$versioned") ||
        fail "the version script differs from the header"
    diff <(echo "$versioned") <(echo "$exported") || fail "exports differ from the version script"
    comments=$(since "$3")
    # In the first node, which has no minor version, are the first functions.
    while IFS=@ read -r function _ node; do
        [[ ! $node =~ _([0-9]+\.[0-9]+)$ ]] ||
            grep -qiE "^$function .*since ${BASH_REMATCH[1]/./\\.}\." <<<"$comments" ||
            fail "$function does not say since when it is there"
    done <<<"$versioned"
    ;;
dependencies)
    needed=$(readelf -d "$2" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    [ -n "$needed" ] || fail "nothing needed? not even libc"
    ! grep -vE '^(libc\.so|libm\.so|ld-linux)' <<<"$needed" || fail "more than libc and libm"
    ;;
threads_dependencies)
    dynamic=$(readelf -d "$2")
    grep -q 'NEEDED.*\[libtbb\.so' <<<"$dynamic" || fail "oneTBB is not needed"
    ! grep 'NEEDED.*\[libl1l2' <<<"$dynamic" || fail "libl1l2 is needed"
    grep -q 'FLAGS_1.*NODELETE' <<<"$dynamic" || fail "dlclose would unload it"
    ;;
size)
    stripped=$(mktemp)
    trap 'rm -f "$stripped"' EXIT
    strip -o "$stripped" "$2"
    bytes=$(stat -c %s "$stripped")
    echo "$bytes bytes"
    [ "$bytes" -lt 905000 ] || fail "too large"
    ;;
hardening)
    segments=$(readelf -lW "$2")
    [[ $segments == *GNU_RELRO* ]] || fail "no RELRO"
    grep -qE 'GNU_STACK.* RW ' <<<"$segments" || fail "the stack is executable"
    ! grep -E ' LOAD .* RWE ' <<<"$segments" || fail "memory is writable and executable"
    dynamic=$(readelf -dW "$2")
    grep -qE '\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*NOW' <<<"$dynamic" || fail "functions are bound late"
    ! grep -E 'TEXTREL' <<<"$dynamic" || fail "code is relocated"
    ;;
hardened)
    shift
    for object in "$@"; do
        notes=$(readelf -nW "$object" 2>/dev/null)
        case $(readelf -hW "$object") in
        *X86-64*) [[ $notes == *IBT*SHSTK* ]] || fail "$object is not marked for IBT and SHSTK" ;;
        *AArch64*) [[ $notes == *BTI*PAC* ]] || fail "$object is not marked for BTI and PAC" ;;
        esac
    done
    grep -q ' __stack_chk_fail' <<<"$(readelf -sW "$@")" || fail "the stack is not protected"
    ;;
kernels)
    shift
    for object in "$@"; do
        # u, V, W: what the linker may take from another object instead.
        ! nm -C "$object" | grep -E ' [uVvWw] ' || fail "$object shares a symbol"
        ! nm -C --defined-only "$object" | grep -E ' [A-Z] ' | grep -v ' D l1l2::kernels::' ||
            fail "$object defines more than its tables"
        nm -C --defined-only "$object" | grep -q ' D l1l2::kernels::' || fail "$object has no table"
        ! objdump -h "$object" | grep -E '\.(init_array|ctors)' || fail "$object runs code at load time"
    done
    ;;
manners)
    shift
    [ $# -gt 0 ] || fail "no object"
    # Behind noexcept stands std::terminate, which is not reached.
    ends='abort|_?exit|_Exit|quick_exit|at_quick_exit|atexit|__assert_fail|__assert_rtn|raise|kill|longjmp'
    prints='v?f?printf|v?dprintf|__v?f?printf_chk|f?puts|f?putc|putchar|fwrite|write|perror|syslog|psignal'
    process='signal|sigaction|setlocale|uselocale|newlocale|setenv|unsetenv|putenv|fork|vfork|posix_spawnp?|system'
    threads='pthread_(create|atfork|mutex_.*|setcancel.*|kill)|thrd_create|popen|exec.*|dlopen|open|fopen'
    streams='_ZSt4c(out|err|log)|_ZNSt8ios_base4InitC1Ev|_ZNSt6thread.*|_ZSt21__glibcxx_assert_fail.*'
    undefined=$(nm -A -u "$@" | sed 's/@.*//')
    ! grep -E " ($ends|$prints|$process|$threads|$streams)$" <<<"$undefined" || fail "bad manners"
    # These are the objects in which it would be.
    grep -q ' getenv$' <<<"$undefined" || fail "these objects do not read L1L2_ISA"
    ;;
state)
    shift
    plain "$@"
    # DW.ref.: addresses that exception handling needs, and nobody writes.
    variables=$(nm -C --defined-only -f sysv "$@" | awk -F '|' '
        $1 !~ /^DW\.ref\./ && $NF ~ /^(\.t?bss|\.t?data|\.sbss|\.sdata|\*COM\*|COMMON)/ && $NF !~ /^\.data\.rel\.ro/ {
            sub(/ +$/, "", $1)
            print $1
        }')
    [ "$(sort <<<"$variables")" = $'l1l2::kernels::chosen\nl1l2::kernels::last_level_cache' ] ||
        fail "variables: $variables"
    ;;
environment)
    shift
    plain "$@"
    [[ $(objdump -f "$1") == *x86-64* ]] || {
        echo "the objects are another processor's"
        exit 77
    }
    # addps asks for the environment. What with_default_environment calls is a function of its own.
    computing=$(objdump -d --no-show-raw-insn "$@" | awk '
        /^[0-9a-f]+ </ { function_name = $2; functions += function_name ~ /^<l1l2_/ }
        function_name ~ /^<l1l2_/ && $2 != "addps" &&
            $2 ~ /^v?(add|sub|mul|div|sqrt|min|max|u?comi|cvt.*)(ss|sd|ps|pd)/ { print function_name, $0 }
        END { if (functions < 20) print "too few C functions" }')
    [ -z "$computing" ] || fail "$computing"
    ;;
signal_safe)
    plain "$2"
    for function in l1l2_version_number l1l2_version_string l1l2_status_string; do
        code=$(objdump -drw --no-show-raw-insn "$2" | awk -v "start=<$function>:" '
            $2 == start { within = 1 }
            /^$/ { within = 0 }
            within')
        [ -n "$code" ] || fail "no function $function"
        # The calls of all processors, what the linker is to make one of, and jumps out. blr is a call on
        # aarch64 and the return on PowerPC; i386 calls the next instruction to learn where it is.
        calls='callq?|bl|blx|jalr?|brasl|basr|bctrl'
        [[ $(objdump -f "$2") != *aarch64* ]] || calls+='|blr'
        code=$(sed '/__x86\.get_pc_thunk/d' <<<"$code")
        ! grep -E "\\b($calls)\\b|_(PLT|CALL|JUMP|REL24)" <<<"$code" || fail "$function calls"
        ! grep -oE '<[^>]+>' <<<"$code" | grep -vE "^<($function[>+.]|\.L)" || fail "$function jumps out"
    done
    ;;
*) fail "no such check: $1" ;;
esac
