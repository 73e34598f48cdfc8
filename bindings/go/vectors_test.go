// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"example.invalid/l1l2"
)

// What vectors.txt writes, which describes it, read and written.

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// vectors returns the name and the lines of vectors.txt, or of the file that L1L2_VECTORS names.
func vectors() (file string, lines []string) {
	file = os.Getenv("L1L2_VECTORS")
	if file == "" {
		file = "../../tests/conformance/vectors.txt"
	}
	return file, strings.Split(strings.TrimSpace(string(must(os.ReadFile(file)))), "\n")
}

func word(digits string) uint64    { return must(strconv.ParseUint(digits, 16, 64)) }
func double(digits string) float64 { return math.Float64frombits(word(digits)) }
func number(value float64) string  { return fmt.Sprintf("%016x", math.Float64bits(value)) }
func text(digits string) []byte    { return must(hex.DecodeString(strings.Trim(digits, "-"))) }

func elements[T l1l2.Element](array string) []T {
	count, digits, _ := strings.Cut(array, ":")
	x, given := make([]T, must(strconv.Atoi(count))), text(digits)
	repeated := bytes.Repeat(given, binary.Size(x)/max(len(given), 1)+1)
	must(0, binary.Read(bytes.NewReader(repeated), binary.BigEndian, x))
	return x
}

func array[T l1l2.Element](x []T) string {
	var bits bytes.Buffer
	must(0, binary.Write(&bits, binary.BigEndian, x))
	return fmt.Sprintf("%d:%x", len(x), bits.Bytes())
}

func numbers(text string) (sums l1l2.ExactSums) {
	for _, item := range strings.Split(text, ",") {
		if index, number, found := strings.Cut(item, ":"); found {
			sums[must(strconv.Atoi(index))] = int64(word(number))
		}
	}
	return sums
}
