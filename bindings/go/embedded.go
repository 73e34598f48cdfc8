// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

package l1l2

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"example.invalid/l1l2/internal/shared"
)

var systemLibrary = map[string]string{
	"darwin": "libl1l2.0.dylib", "windows": "libl1l2-0.dll",
}[runtime.GOOS]

func init() {
	if systemLibrary == "" {
		systemLibrary = "libl1l2.so.0"
	}
}

// openEmbedded opens the shared library in this package, if it has one for this system. The file is
// needed only while it is opened, but Windows does not let it be deleted then.
func openEmbedded() (found bool, err error) {
	if shared.Library == nil {
		return false, nil
	}
	folder, err := os.MkdirTemp("", "l1l2-")
	if err == nil {
		defer os.RemoveAll(folder)
		path := filepath.Join(folder, systemLibrary)
		if err = os.WriteFile(path, shared.Library, 0o700); err == nil {
			return true, openShared(path, path+" (which this package contains)")
		}
	}
	return true, refusal("the library in this package", fmt.Sprintf("it cannot be written to the folder "+
		"for temporary files (%v; TMPDIR names another one)", err))
}
