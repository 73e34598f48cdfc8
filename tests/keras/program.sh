#!/usr/bin/env bash
# Tests the program l1l2-keras:  program.sh PROGRAM SOURCE WORK
set -euo pipefail
export LC_ALL=C
program=$1 source=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
cd "$work"
models=$source/tests/keras_models
digits=$source/examples/data/digits

fail() {
    echo "$*" >&2
    exit 1
}

# exits STATUS ARGUMENT...: runs the program; its output is in out, its messages are in err
exits() {
    local status=0
    "$program" "${@:2}" >out 2>err || status=$?
    [ "$status" -eq "$1" ] || fail "exit status $status, not $1: ${*:2}: $(cat err)"
}

# says TEXT [FILE]
says() { grep -qF -- "$1" "${2:-out}" || fail "no \"$1\" in $(cat "${2:-out}")"; }

# The model of handwritten digits in every form: nine variables, a line for the format, a heading, the total, and a
# line that says that all agree.
for form in keras3 keras2 keras212; do
    exits 0 "$digits/model.$form.json" --check "$digits/losses.json"
    [ "$(wc -l <out)" -eq 13 ] || fail "$form: $(cat out)"
    says "Every penalty agrees with Keras's to a millionth."
done
# As docs/keras_models.md shows it.
exits 0 "$digits/model.keras3.json" --check "$digits/losses.json"
sed -n '/<!-- printed: digits -->/,/^Each penalty/s/^    //p' "$source/docs/keras_models.md" | diff - out
exits 0 "$digits/model.keras3.json" "$digits/weights" --check="$digits/losses.json" --gradient-norms
says 'gradient norm'
sed 's/"penalty": 0.025/"penalty": 0.026/' "$digits/losses.json" >losses.json
exits 1 "$digits/model.keras3.json" --check losses.json
says "A penalty differs from Keras's by more than a millionth."
sed '/"hidden", "variable": "kernel"/d' "$digits/losses.json" >fewer.json
exits 1 "$digits/model.keras3.json" --check fewer.json
sed 's/"total": 0.1066236/"total": 0.1066247/' "$digits/losses.json" >total.json # 1.00001 of it
! cmp -s total.json "$digits/losses.json" || fail "no total to change"
exits 1 "$digits/model.keras3.json" --check total.json
sed 's/"layer": "hidden"/"layer": "another"/' "$digits/losses.json" >more.json
exits 2 "$digits/model.keras3.json" --check more.json
says 'has a penalty of another/kernel, which the model does not regularize' err
echo '{}' >nothing.json
exits 2 "$digits/model.keras3.json" --check nothing.json
says 'nothing.json: is no JSON with a total' err

# The exit status says whether the total is all.
exits 0 "$models/keras3/dense.keras"
exits 3 "$models/keras3/activity.keras"
says 'The total is partial'
says 'divided by the batch size'
exits 3 "$models/keras3/orthogonal.keras"
says 'not L1L2: '
says 'partial total'
exits 0 "$models/keras3/frozen_layer.keras"
says 'Keras 3 leaves it out of the loss'
exits 0 "$models/tf_keras/frozen_layer.h5"
exits 0 "$models/keras3/no_bias.keras"
says 'no variable'

# Names of any length keep the columns: in every row the penalty ends at the same place.
exits 0 "$models/keras212/long_names.h5"
[ "$(sed -n '2,/^total/p' out | awk '{ print match($0, /%$|share$/) ? length($0) : "total" }' | sort -u | wc -l)" -le 2 ] ||
    fail "columns: $(cat out)"

# Errors name their file and what was expected.
exits 2
says 'usage: l1l2-keras' err
exits 2 a b c
exits 2 --unknown
says 'unknown option' err
exits 2 a --plot
exits 2 none.keras
says 'none.keras: cannot be opened' err
exits 2 "$source/README.md"
says 'is none of a .keras archive, an HDF5 file of a model' err
exits 2 "$models/keras3/dense.weights.h5"
says 'weights without an architecture' err
[ ! -s out ] || fail "an error is printed on the standard output"

# Damaged HDF5 ends in a sentence, even where libhdf5 crashes.
for ((i = 8; i < $(stat -c %s "$models/keras3/dense.h5"); i += 211)); do
    cp "$models/keras3/dense.h5" damaged.h5
    printf '\xff\xff' | dd of=damaged.h5 bs=1 seek="$i" conv=notrunc status=none
    status=0
    "$program" damaged.h5 >out 2>err || status=$?
    [ "$status" -le 3 ] || fail "exit status $status of a damaged byte at $i"
    [ -s out ] || grep -q '^l1l2-keras: ' err || fail "no sentence for a damaged byte at $i"
    [ "$(wc -l <err)" -le 1 ] || fail "more than a sentence for a damaged byte at $i: $(cat err)"
done

# What ends the program from outside says nothing of the file, and ends the process that reads it.
{ sleep 0.2 && "$program" "$digits/model.keras3.json" 2>err || true; } | true
[ ! -s err ] || fail "a closed pipe: $(cat err)"
if [ "$(uname)" = Linux ]; then
    mkfifo pipe
    "$program" --plot pipe "$digits/model.keras3.json" >out 2>&1 & # waits for a reader of the plot
    sleep 1
    for ((i = 0; i < 100; i++)); do
        reader=$(grep -lx "PPid:.$!" /proc/[0-9]*/status 2>/dev/null || true)
        limit=$(sed -n 's/^Max address space *\([0-9]\+\).*/\1/p' "${reader%status}limits" 2>/dev/null || true)
        [ -z "$limit" ] || break
        sleep 0.1
    done
    ((${limit:-0} > 4 << 30 && limit < (4 << 30) + (64 << 20))) || fail "the reading process may take ${limit:-any number of} bytes"
    kill -KILL $!
    wait $! 2>err || true
    [ -z "$(timeout 2 cat pipe)" ] || fail "the reading process went on alone"
fi

# Other outputs.
exits 0 --version
[[ $(cat out) =~ ^l1l2-keras\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$(cat out)"
exits 0 --help
says 'Exit status: 0 if'
exits 0 --csv "$digits/model.keras3.json"
[ "$(wc -l <out)" -eq 10 ] || fail "$(cat out)"
says 'hidden,kernel,counted,L2,64x32,float32,0,0.001,0.0251423885041457'
says ',hidden.kernel'
# A weight that is NaN, then infinity, as the first of the elements that the header of an .npy precedes.
cp -r "$digits/weights" weights
for bytes in nan:'\x00\x00\xc0\x7f' inf:'\x00\x00\x80\x7f'; do
    printf '%b' "${bytes#*:}" | dd of=weights/sparse.bias.npy bs=1 seek=128 conv=notrunc status=none
    exits 0 --csv "$digits/model.keras3.json" weights
    says "sparse,bias,counted,L1L2,24,float32,1e-05,0.01,${bytes%%:*},"
    exits 0 "$digits/model.keras3.json" weights
    grep -q "^total  *${bytes%%:*}$" out || fail "${bytes%%:*}: $(cat out)"
    exits 0 --json "$digits/model.keras3.json" weights
    says '"total": null'
    says '"penalty": null'
done
exits 0 "$digits/model.keras3.json" weights --plot infinite.svg
grep -q 'sparse/bias .* inf  *0\.0%$' out || fail "the share of an infinite penalty: $(cat out)"
! grep -q nan out infinite.svg || fail "a share is no number"
# Gradients of 4e-9 each, which float16 does not have: 12 weights of 2 in float16.
mkdir -p narrow/weights
cat <<'END' >narrow/model.json
{"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Dense", "config": {"name": "d",
 "units": 3, "use_bias": false, "kernel_regularizer": {"class_name": "L2", "config": {"l2": 1e-9}}}}]}}
END
{
    printf '\x93NUMPY\x01\x00\x76\x00%-118s' "{'descr': '<f2', 'fortran_order': False, 'shape': (4, 3), }"
    printf '\x00\x40%.0s' {1..12}
} >narrow/weights/d.kernel.npy
exits 0 --csv --gradient-norms narrow/model.json
says ',1.38564064605510' # 4e-9 times the root of 12
# Characters that a terminal would obey are not printed.
sed -e 's/"Dense"/"Den\\u001b[31m\\u009bse"/' -e 's/"d"/"d\\u001b[2J"/' narrow/model.json >escapes.json
exits 3 escapes.json narrow/weights
says 'unknown: Den?[31m?se'
says 'd?[2J'
exits 3 --csv escapes.json narrow/weights
says 'd?[2J,,unknown,Den?[31m?se,'
{
    printf '{"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "'
    head -c 1000000 /dev/zero | sed 's/\x00/\xc2\x80/g'
    printf '", "config": {"name": "d"}}]}}'
} >long.json
timeout 10 "$program" --csv long.json narrow/weights >out 2>err || [ $? -eq 3 ] || fail "a long name: $(head -c 500 err)"
sed 's/"d"/"d\\u001b[2J"/' narrow/model.json >escapes.json
exits 2 escapes.json narrow/weights
says 'd?[2J/kernel is not among the weights' err
if command -v python3 >/dev/null; then
    exits 0 --json --gradient-norms "$digits/model.keras3.json"
    python3 - out <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
assert report["complete"] and len(report["terms"]) == 9
assert abs(sum(term["share"] for term in report["terms"]) - 1) < 1e-12
hidden = next(t for t in report["terms"] if (t["layer"], t["variable"]) == ("hidden", "kernel"))
assert hidden["shape"] == [64, 32] and hidden["l2"] == 0.001
# |2 l2 x| is twice l2 times the root of penalty / l2.
assert abs(hidden["gradient_norm"] - 2 * 0.001 * (hidden["penalty"] / 0.001) ** 0.5) < 1e-8
END
    # Twelve weights of 2: one bar of full height, in the bin from 1 to the root of 10.
    exits 0 --plot narrow.svg narrow/model.json
    python3 - narrow.svg <<'END'
import sys, xml.etree.ElementTree
root = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
bars = [bar.get("x") for bar in root.iter("{http://www.w3.org/2000/svg}rect") if bar.get("height") == "28"]
assert bars == [str(530 + 16 * 14)], bars
END
    exits 0 --plot plot.svg "$digits/model.keras3.json"
    python3 - plot.svg <<'END'
import sys, xml.etree.ElementTree
root = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
assert "sparse/kernel" in texts and "exact zeros" in texts, texts
END
fi
exits 2 --plot /nowhere/plot.svg "$models/keras3/dense.keras"
says '/nowhere/plot.svg: cannot be written' err
