package safetensors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// part is an open part of a model, which counts.
type part struct{ open *int }

func (p part) Close() error { *p.open--; return nil }

// FuzzIndex reads indexes. The parts of one that is accepted lie beside it, writing it again gives the same, and a model that
// is put together has each tensor once. No part stays open.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":3},"weight_map":{"a":"1","b":"2","c":"1"}}`), "a")
	f.Add([]byte(`{"weight_map":{"a":"../1","b":"/2"}}`), "b")
	f.Add([]byte(`{"weight_map":{"a":"1","a":"2","":""}}`), "a")
	f.Add([]byte(`{"weight_map":{"a":"con","b":"."}}`), "c")
	f.Fuzz(func(t *testing.T, data []byte, missing string) {
		defer fuzzing.Guard(t, len(data)+len(missing), 1<<10)()
		places, err := parseIndex(data)
		if err != nil {
			return
		}
		for tensor, file := range places {
			require.Equal(t, "dir", filepath.Dir(filepath.Join("dir", file)), "tensor %q is in %q", tensor, file)
		}
		text, err := json.Marshal(map[string]any{"weight_map": places})
		require.NoError(t, err)
		again, err := parseIndex(text)
		require.NoError(t, err)
		require.Equal(t, places, again)

		open := 0
		whole, err := assemble("dir/m.index.json", places, func(path string) (*checkpoint.File, error) {
			if filepath.Base(path) == missing {
				return nil, os.ErrNotExist
			}
			open++
			f := &checkpoint.File{Path: path, Closer: part{&open}}
			for tensor, file := range places {
				if file == filepath.Base(path) && tensor != missing {
					f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: tensor})
				}
			}
			return f, nil
		})
		require.Equal(t, again, places, "the index stays as it is")
		if err == nil {
			require.Len(t, whole.Tensors, len(places))
			require.NoError(t, whole.Close())
		}
		require.Zero(t, open, "parts left open")
	})
}
