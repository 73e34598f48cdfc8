package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"example/l1l2"
)

// testCase reads the fields of a line, one after another. Of what is wrong with them it keeps the
// first, which end returns.
type testCase struct {
	fields []string
	read   int
	err    error
}

func (c *testCase) fail(what string) {
	if c.err == nil {
		c.err = fmt.Errorf("malformed line: field %d %s", c.read, what)
	}
}

func (c *testCase) next() string {
	c.read++
	if c.read > len(c.fields) {
		c.fail("is missing")
		return ""
	}
	return c.fields[c.read-1]
}

func (c *testCase) integer() int32 {
	value, err := strconv.ParseInt(c.next(), 10, 32)
	if err != nil {
		c.fail("is no number")
	}
	return int32(value)
}

func (c *testCase) count() int64 {
	value, err := strconv.ParseInt(c.next(), 10, 64)
	if err != nil {
		c.fail("is no count")
	}
	return value
}

func (c *testCase) float() float64 {
	digits := c.next()
	bits, err := strconv.ParseUint(digits, 16, 64)
	if err != nil || len(digits) != 16 {
		c.fail("is no float64")
	}
	return math.Float64frombits(bits)
}

func (c *testCase) text() []byte {
	digits := c.next()
	if digits == "-" {
		return nil
	}
	text, err := hex.DecodeString(digits)
	if err != nil {
		c.fail("is no text")
	}
	return text
}

func (c *testCase) status() l1l2.Status {
	if c.next() != "->" {
		c.fail("is no arrow")
	}
	return l1l2.Status(c.integer())
}

func (c *testCase) end() error {
	if c.read < len(c.fields) {
		c.read = len(c.fields)
		c.fail("is too many")
	}
	return c.err
}

// regularizer ends the line and makes the regularizer that it is about.
func (c *testCase) regularizer(l1, l2 float64) (*l1l2.Regularizer, error) {
	if err := c.end(); err != nil {
		return nil, err
	}
	return l1l2.New(l1, l2)
}

func (c *testCase) sums() l1l2.ExactSums { return c.parseSums(c.next()) }

func (c *testCase) parseSums(text string) l1l2.ExactSums {
	var sums l1l2.ExactSums
	if text == "-" {
		return sums
	}
	for _, item := range strings.Split(text, ",") {
		index, digits, _ := strings.Cut(item, ":")
		i, err := strconv.ParseUint(index, 10, 32)
		bits, err2 := strconv.ParseUint(digits, 16, 64)
		if err != nil || err2 != nil || i >= l1l2.ExactSumsLength {
			c.fail("is no exact sums")
			return sums
		}
		sums[i] = int64(bits)
	}
	return sums
}

// A part of exact sums is a vector, or what adds an array.
type part struct {
	sums l1l2.ExactSums
	add  func(sums *l1l2.ExactSums) error
}

func (c *testCase) parts() []part {
	var parts []part
	for _, text := range strings.Split(c.next(), "+") {
		kind, content, _ := strings.Cut(text, ":")
		switch kind {
		case "sums":
			parts = append(parts, part{sums: c.parseSums(content)})
		case "float32":
			parts = append(parts, arrayPart[float32](c, content))
		case "float64":
			parts = append(parts, arrayPart[float64](c, content))
		case "float16":
			parts = append(parts, arrayPart[l1l2.Float16](c, content))
		case "bfloat16":
			parts = append(parts, arrayPart[l1l2.BFloat16](c, content))
		default:
			c.fail("has an unknown part")
		}
	}
	return parts
}

func arrayPart[T l1l2.Element](c *testCase, content string) part {
	x := parseArray[T](c, content)
	return part{add: func(sums *l1l2.ExactSums) error { return l1l2.AddExact(sums, x) }}
}

func array[T l1l2.Element](c *testCase) []T { return parseArray[T](c, c.next()) }

func parseArray[T l1l2.Element](c *testCase, text string) []T {
	count, digits, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(count, 10, 32)
	x, err2 := decode[T](digits)
	if err != nil || err2 != nil || len(x) > int(n) || len(x) == 0 && n > 0 {
		c.fail("is no array")
		return nil
	}
	given := len(x)
	for i := given; i < int(n); i++ {
		x = append(x, x[i-given])
	}
	return x
}

// Hexadecimal digits, the highest first, are bytes in big-endian order.
func decode[T l1l2.Element](digits string) ([]T, error) {
	bits, err := hex.DecodeString(digits)
	if err != nil {
		return nil, err
	}
	var element T
	size := binary.Size(element)
	if len(bits)%size != 0 {
		return nil, errors.New("part of an element")
	}
	x := make([]T, len(bits)/size)
	return x, binary.Read(bytes.NewReader(bits), binary.BigEndian, x)
}

func bitsOf[T l1l2.Element](x []T) []byte {
	var bits bytes.Buffer
	if err := binary.Write(&bits, binary.BigEndian, x); err != nil {
		panic(err)
	}
	return bits.Bytes()
}
