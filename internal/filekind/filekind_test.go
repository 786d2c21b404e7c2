package filekind_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/filekind"
)

func TestKinds(t *testing.T) {
	for name, tc := range map[string]struct{ head, want string }{
		"a pointer":                {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", `is a Git LFS pointer, not the model itself: run "git lfs pull"`},
		"a pointer of Git's past":  {"version https://hawser.github.com/spec/v1\noid sha256:00\n", "is a Git LFS pointer"},
		"a pointer with a mark":    {"\xef\xbb\xbfversion https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"},
		"a web page":               {"\n<!DOCTYPE html><html>404", "is a web page or XML, not the model"},
		"a web page with a mark":   {"\xef\xbb\xbf<html>", "is a web page"},
		"XML":                      {"<?xml version=\"1.0\"?><Error>", "is a web page or XML"},
		"a small tag":              {"<a>", "is a web page or XML"},
		"nothing":                  {"", "is empty"},
		"zeros":                    {"\x00\x00", "zeros only"},
		"gzip":                     {"\x1f\x8b\x08", "with gzip"},
		"text":                     {"version 2 of the text", ""},
		"an arrow":                 {"<- and so on", ""},
		"a zip archive":            {"PK\x03\x04", ""},
		"a model":                  {"GGUF\x03\x00\x00\x00", ""},
		"a byte":                   {"<", ""},
		"a header with zeros":      {"\x00\x00\x01", ""},
		"a vocabulary's first row": {"1 '\\x00' 1\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := filekind.Recognize([]byte(tc.head), "model")
			if tc.want == "" {
				assert.Empty(t, got)
			}
			assert.Contains(t, got, tc.want)
		})
	}
}

func ExampleRecognize() {
	head := []byte("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n")
	fmt.Println("rwkv.pth", filekind.Recognize(head, "model"))
	// Output: rwkv.pth is a Git LFS pointer, not the model itself: run "git lfs pull" beside it, or download the file
}
