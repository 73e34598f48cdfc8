// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package l1l2_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.invalid/l1l2"
	"example.invalid/l1l2/internal/shared"
)

// In a process of its own, since the library is looked for once.
func TestInAnotherProcess(t *testing.T) {
	if os.Getenv("L1L2_TEST_PROCESS") == "" {
		t.Skip("run by other tests")
	}
	if text := os.Getenv("L1L2_TEST_EMBEDDED"); text != "" {
		shared.Library = []byte(text)
	}
	results := make(chan string)
	for i := 0; i < 8; i++ {
		go func() { results <- firstCalls(t) }()
	}
	version := <-results
	for i := 1; i < 8; i++ {
		if other := <-results; other != version {
			t.Error(other, version)
		}
	}
	t.Log("<<" + version + ">>")
}

func firstCalls(t *testing.T) string {
	version, err := l1l2.Version()
	if err == nil {
		return version
	}
	_, errNew := l1l2.New(1, 1)
	var sums l1l2.ExactSums
	errAdd := l1l2.AddExact(&sums, []float32{1})
	if !errors.Is(err, l1l2.ErrLibrary) || errNew != err || errAdd != err {
		t.Error(err, errNew, errAdd)
	}
	return err.Error()
}

// said returns the version of the library, or what is said of it, where the environment is another.
func said(t *testing.T, environment ...string) string {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.v", "-test.run=TestInAnotherProcess")
	command.Env = append(append(os.Environ(), "L1L2_TEST_PROCESS=1"), environment...)
	output, err := command.CombinedOutput()
	_, sentence, _ := strings.Cut(string(output), "<<")
	sentence, _, found := strings.Cut(sentence, ">>")
	if err != nil || !found {
		t.Fatalf("%v: %s", err, output)
	}
	return sentence
}

// libraryOfVersion makes a shared library that has nothing but a version, and what it is linked with.
func libraryOfVersion(t *testing.T, version int, linked ...string) string {
	t.Helper()
	source := filepath.Join(t.TempDir(), "version.c")
	library := strings.TrimSuffix(source, "c") + "so"
	code := fmt.Sprintf("unsigned l1l2_version_number(void) { return %d; }\n", version)
	if err := os.WriteFile(source, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler:", err)
	}
	arguments := append([]string{"-shared", "-fPIC", source, "-o", library}, linked...)
	if output, err := exec.Command(compiler, arguments...).CombinedOutput(); err != nil {
		t.Fatal(err, string(output))
	}
	return library
}

func TestALibraryThatCannotBeUsedIsAnErrorInWords(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for library, reason := range map[string]string{
		"/nowhere/libl1l2.so":    "",
		text:                     "",
		"libm.so.6":              "this is not libl1l2;",
		libraryOfVersion(t, 300): "found 0.3.0, need 0.4;",
		libraryOfVersion(t, 399): "found 0.3.99, need 0.4;",
	} {
		got := said(t, "L1L2_LIBRARY="+library)
		want := "l1l2: cannot load libl1l2: looked for " + library + " (which L1L2_LIBRARY names): " + reason
		if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "; set L1L2_LIBRARY to the path of libl1l2 0.4 or later") {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestALibraryThatLacksAFunctionIsAnErrorThatNamesIt(t *testing.T) {
	got := said(t, "L1L2_LIBRARY="+libraryOfVersion(t, 400))
	if !strings.HasPrefix(got, "l1l2: cannot load libl1l2: ") || !strings.Contains(got, " l1l2_") {
		t.Error(got)
	}
}

func installed(t *testing.T) string {
	t.Helper()
	library := os.Getenv("L1L2_INSTALLED")
	if library == "" {
		t.Skip("L1L2_INSTALLED names no library")
	}
	return library
}

func TestTheOldestVersionThatIsNeededIsTaken(t *testing.T) {
	library := installed(t)
	oldest := libraryOfVersion(t, 400, "-Wl,--no-as-needed", "-Wl,-rpath", "-Xlinker", filepath.Dir(library), library)
	if got := said(t, "L1L2_LIBRARY="+oldest); got == "" || strings.Contains(got, " ") {
		t.Error(got)
	}
}

func TestAnInstalledLibraryCanBeNamed(t *testing.T) {
	library := installed(t)
	if got := said(t, "L1L2_LIBRARY="+library); got == "" || strings.Contains(got, " ") {
		t.Error(got)
	}
}
