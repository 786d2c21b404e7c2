package ggml_test

import (
	"testing"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
)

func TestOperationsOnEveryDevice(t *testing.T) {
	lib := ggmltest.Library(t)
	for _, d := range lib.Devices() {
		t.Run(d.Name, func(t *testing.T) { ggmltest.Run(t, lib, d) })
	}
}

func TestGraphKeepsItsFirstMistake(t *testing.T) {
	ggmltest.RunLaws(t, ggmltest.Library(t))
}
