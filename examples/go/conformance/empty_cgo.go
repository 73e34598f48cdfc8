//go:build cgo

package main

// #cgo pkg-config: l1l2
// #include <l1l2.h>
import "C"

// The least that cgo can call.
func newEmptyCall() (func(), error) {
	return func() { C.l1l2_version_number() }, nil
}
