// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
	"fmt"
	"os"
	"sync"
)

const neededVersion = 400

var (
	opening     sync.Once
	openFailure error
)

// open finds the library at the first call.
func open() error {
	opening.Do(func() { openFailure = openOne(os.Getenv("L1L2_LIBRARY")) })
	return openFailure
}

// openOne opens the library that is named or, without a name, the first one that there is: linked
// statically, embedded in this package, installed in the system.
func openOne(named string) error {
	if named != "" {
		return openShared(named, named+" (which L1L2_LIBRARY names)")
	}
	if openStatic() {
		return nil
	}
	if embedded, err := openEmbedded(); embedded {
		return err
	}
	return openShared(systemLibrary, systemLibrary+" in the system's library folders, as this copy of "+
		"the package contains no library (go generate makes one)")
}

func openShared(path, place string) error {
	found, err := openFile(path)
	switch {
	case err != nil:
		return refusal(place, err.Error())
	case found == 0:
		return refusal(place, "this is not libl1l2")
	case found < neededVersion:
		return refusal(place, fmt.Sprintf("found %d.%d.%d, need 0.4", found/10000, found/100%100,
			found%100))
	}
	return nil
}

func refusal(place, reason string) error {
	return libraryError("cannot load libl1l2: looked for " + place + ": " + reason +
		"; set L1L2_LIBRARY to the path of libl1l2 0.4 or later")
}
