// Package writers writes checkpoints as other programs do, for tests. It is the inverse of checkpoint/dialect and shares no code
// with it. It holds a model in memory.
package writers

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
)

// Tensor is a tensor in memory.
type Tensor struct {
	Name  string
	DType checkpoint.DType
	Shape []int64
	Data  []byte
}

// File is a checkpoint in memory.
type File []Tensor

// Read reads all tensors of a checkpoint.
func Read(t testing.TB, f *checkpoint.File) File {
	t.Helper()
	var all File
	for _, tensor := range f.Tensors {
		data := make([]byte, tensor.Elements()*tensor.DType.Size())
		require.NoError(t, tensor.ReadBytes(data, 0))
		all = append(all, Tensor{tensor.Name, tensor.DType, tensor.Shape, data})
	}
	return all
}

// Open reads all tensors of a .pth file.
func Open(t testing.TB, path string) File {
	t.Helper()
	f, err := checkpoint.Open(path, pth.Read)
	require.NoError(t, err)
	defer f.Close()
	return Read(t, f)
}

// Checkpoint returns the file as a checkpoint, as the packages that read files would return it.
func (f File) Checkpoint(path string) *checkpoint.File {
	out := &checkpoint.File{Path: path, Safetensors: !strings.HasSuffix(path, ".pth")}
	for _, t := range f {
		out.Tensors = append(out.Tensors, checkpoint.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape, Data: bytes.NewReader(t.Data)})
	}
	return out
}

// Save writes the file: as a .pth if path ends with that, otherwise as safetensors.
func (f File) Save(t testing.TB, path string) {
	t.Helper()
	out, err := os.Create(path)
	require.NoError(t, err)
	defer out.Close()
	if filepath.Ext(path) != ".pth" {
		require.NoError(t, f.safetensors(out))
		return
	}
	var specs []pth.Spec
	for _, t := range f {
		specs = append(specs, pth.Spec{Name: t.Name, DType: t.DType, Shape: t.Shape})
	}
	require.NoError(t, pth.Write(out, "m", specs, func(i int, w io.Writer) error {
		_, err := w.Write(f[i].Data)
		return err
	}))
}

// safetensors writes the length of the header, the header and the elements.
func (f File) safetensors(w io.Writer) error {
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int64  `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header := map[string]entry{}
	at := int64(0)
	for _, t := range f {
		end := at + int64(len(t.Data))
		header[t.Name] = entry{t.DType.String(), t.Shape, [2]int64{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	length := make([]byte, 8)
	for i := range length {
		length[i] = byte(len(text) >> (8 * i))
	}
	for _, part := range append([][]byte{length, text}, f.data()...) {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

func (f File) data() [][]byte {
	var all [][]byte
	for _, t := range f {
		all = append(all, t.Data)
	}
	return all
}

// As returns the file with all elements converted to another floating-point type.
func (f File) As(t testing.TB, dtype checkpoint.DType) File {
	t.Helper()
	var all File
	for _, tensor := range f.Checkpoint("").Tensors {
		x := make([]float32, tensor.Elements())
		require.NoError(t, tensor.ReadFloats(x, 0))
		data := make([]byte, tensor.Elements()*dtype.Size())
		dtype.Format().Encode(data, x)
		all = append(all, Tensor{tensor.Name, dtype, tensor.Shape, data})
	}
	return all
}

// Without returns the file without the named tensors.
func (f File) Without(names ...string) File {
	return slices.DeleteFunc(slices.Clone(f), func(t Tensor) bool { return slices.Contains(names, t.Name) })
}

// Tensor returns the tensor with this name.
func (f File) Tensor(t testing.TB, name string) Tensor {
	t.Helper()
	i := slices.IndexFunc(f, func(t Tensor) bool { return t.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return f[i]
}

// transposed swaps the last two dimensions.
func (t Tensor) transposed() Tensor {
	n, size := len(t.Shape), int(t.DType.Size())
	rows, cols := int(t.Shape[n-2]), int(t.Shape[n-1])
	out := make([]byte, len(t.Data))
	for base := 0; base < len(out); base += rows * cols * size {
		for r := range rows {
			for c := range cols {
				copy(out[base+(c*rows+r)*size:][:size], t.Data[base+(r*cols+c)*size:])
			}
		}
	}
	t.Shape = slices.Clone(t.Shape)
	t.Shape[n-2], t.Shape[n-1] = t.Shape[n-1], t.Shape[n-2]
	t.Data = out
	return t
}

// shaped returns the tensor with another name and shape.
func (t Tensor) shaped(name string, shape ...int64) Tensor {
	t.Name, t.Shape = name, shape
	return t
}
