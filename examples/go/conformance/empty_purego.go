//go:build !cgo

package main

import (
	"os"

	"github.com/ebitengine/purego"
)

// The least that purego can call.
func newEmptyCall() (func(), error) {
	path := os.Getenv("L1L2_LIBRARY")
	if path == "" {
		path = "libl1l2.so.0"
	}
	library, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	address, err := purego.Dlsym(library, "l1l2_version_number")
	if err != nil {
		return nil, err
	}
	return func() { purego.SyscallN(address) }, nil
}
