// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && !cgo

package l1l2_test

import (
	"os"
	"strings"
	"testing"
)

func TestTheTemporaryFolderIsLeftEmpty(t *testing.T) {
	folder := t.TempDir()
	got := said(t, "L1L2_LIBRARY=", "TMPDIR="+folder)
	left, err := os.ReadDir(folder)
	if strings.HasPrefix(got, "l1l2: ") || len(left) != 0 || err != nil {
		t.Error(got, left, err)
	}
}

func TestAnEmbeddedLibraryThatCannotBeOpenedIsAnErrorInWords(t *testing.T) {
	got := said(t, "L1L2_LIBRARY=", "L1L2_TEST_EMBEDDED=no library")
	if !strings.HasPrefix(got, "l1l2: cannot load libl1l2: ") || !strings.Contains(got, " (which this package contains): ") {
		t.Error(got)
	}
}

func TestAnUnwritableTemporaryFolderIsAnErrorInWords(t *testing.T) {
	got := said(t, "L1L2_LIBRARY=", "TMPDIR=/nowhere")
	const want = "l1l2: cannot load libl1l2: looked for the library in this package: it cannot be written to "
	if !strings.HasPrefix(got, want) || !strings.Contains(got, "TMPDIR names another one") {
		t.Error(got)
	}
}
