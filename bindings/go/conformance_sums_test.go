// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2_test

import (
	"errors"
	"fmt"
	"strings"

	"example.invalid/l1l2"
)

// accumulator reads a part of exact sums: those that are given, or those of an array.
func accumulator(part string) (sums l1l2.ExactSums, err error) {
	kind, content, _ := strings.Cut(part, ":")
	if kind != "sums" {
		return sums, dtypes[kind].add(&sums, content)
	}
	return numbers(content), nil
}

// exactSums merges the parts in order, and backwards, and adds up their numbers.
func exactSums(r *l1l2.Regularizer, parts, want []string) []result {
	var sums [3]l1l2.ExactSums
	var errs [3]error
	for i := range parts {
		next, errNext := accumulator(parts[i])
		last, errLast := accumulator(parts[len(parts)-1-i])
		errs[0] = errors.Join(errs[0], errNext, sums[0].Merge(&next))
		errs[1] = errors.Join(errs[1], errLast, sums[1].Merge(&last))
		for j := range next {
			sums[2][j] += next[j]
		}
	}
	if len(want) > 0 {
		want[4] = fmt.Sprint([l1l2.ExactSumsLength]int64(numbers(want[4])))
	}
	results := make([]result, len(sums))
	for i := range sums {
		var merged l1l2.ExactSums
		err := merged.Merge(&sums[i])
		absolute, square, count, errRead := sums[i].Read()
		penalty, errPenalty := l1l2.PenaltyOfSums(r, &sums[i])
		results[i] = result{errors.Join(errs[i], err, errRead, errPenalty, sums[i].Check()),
			[]string{number(penalty), number(absolute), number(square), fmt.Sprint(count),
				fmt.Sprint([l1l2.ExactSumsLength]int64(merged))}}
	}
	return results
}
