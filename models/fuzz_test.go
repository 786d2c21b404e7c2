package models

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// FuzzParse reads names. Law: a name that is accepted is the same when it is written and read again, and the file that is named after
// it is a plain file of the working folder.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"rwkv7-g1-0.4b", "rwkv7-g1d-0.4b:q8_0", "hf.co/a/b:c/d.gguf@main", "modelscope.cn/a/b", "hf.co/../x", "a:b", "https://huggingface.co/a/b", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, text string) {
		defer fuzzing.Guard(t, len(text), 64)()
		n, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(n.String())
		require.NoError(t, err)
		assert.Equal(t, n.String(), again.String())
		assert.Equal(t, filepath.Base(FileName(n.String())), FileName(n.String()))
	})
}

// FuzzRecord reads records of the store. Law: a record that is accepted names files of the store only.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"names":["a"],"files":[{"name":"goose.gguf","size":0}]}`))
	f.Add([]byte(`{"names":["a"],"files":[{"name":"../goose.gguf","size":0}]}`))
	f.Add([]byte(`{"names":[],"files":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 64)()
		s := Store{t.TempDir()}
		require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "goose.gguf"), nil, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "goose.json"), data, 0o600))
		e, err := s.read("goose")
		if err != nil {
			return
		}
		assert.NotEmpty(t, e.Names)
		for _, part := range e.Files {
			assert.Equal(t, "goose.gguf", part.Name)
		}
	})
}
