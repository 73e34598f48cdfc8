// Conformance checks package l1l2 against the vectors of libl1l2, and measures its calls.
//
//	conformance vectors FILE     every case of the file, to the bit, from four goroutines at once
//	conformance memory           that an array of 1 GiB is not copied
//	conformance lifetimes        that what is forgotten is released, and nothing earlier
//	conformance overhead         what a call costs
package main

import (
	"fmt"
	"os"
)

func main() {
	arguments := os.Args[1:]
	var err error
	switch {
	case len(arguments) == 2 && arguments[0] == "vectors":
		err = checkVectors(arguments[1])
	case len(arguments) == 1 && arguments[0] == "memory":
		err = checkMemory()
	case len(arguments) == 1 && arguments[0] == "lifetimes":
		err = checkLifetimes()
	case len(arguments) == 1 && arguments[0] == "overhead":
		err = measureOverhead()
	default:
		err = fmt.Errorf("usage: conformance vectors FILE | memory | lifetimes | overhead")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
