package rwkvcpp

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// stored is a tensor as rwkv.cpp's converter writes it.
type stored struct {
	name  string
	shape []int64
	typ   uint32
	data  []byte
}

// fileOf assembles a file.
func fileOf(version, vocab, embed, layers uint32, tensors ...stored) []byte {
	le := binary.LittleEndian
	b := []byte(Magic)
	for _, x := range []uint32{version, vocab, embed, layers, 0} {
		b = le.AppendUint32(b, x)
	}
	for _, t := range tensors {
		for _, x := range []uint32{uint32(len(t.shape)), uint32(len(t.name)), t.typ} {
			b = le.AppendUint32(b, x)
		}
		for _, d := range slices.Backward(t.shape) {
			b = le.AppendUint32(b, uint32(d))
		}
		b = append(append(b, t.name...), t.data...)
	}
	return b
}

func f32s(x ...float32) []byte {
	b := make([]byte, 4*len(x))
	float.EncodeF32(b, x)
	return b
}

func read(data []byte) (*checkpoint.File, error) {
	return Read(bytes.NewReader(data), int64(len(data)))
}

func floats(t testing.TB, tensor checkpoint.Tensor) []float32 {
	t.Helper()
	x := make([]float32, tensor.Elements())
	require.NoError(t, tensor.ReadFloats(x, 0))
	return x
}

// single is a tensor in float32, whatever the checkpoint's type is.
type singleTensor struct {
	name  string
	shape []int64
	x     []float32
}

// convert does what rwkv.cpp's converter does to a checkpoint. half asks for FP16.
func convertAll(t testing.TB, in []singleTensor, half bool) []byte {
	has := func(name string) bool {
		return slices.ContainsFunc(in, func(s singleTensor) bool { return s.name == name })
	}
	version := 4
	switch {
	case has("blocks.0.att.k_k"):
		version = 7
	case has("blocks.0.att.time_maa_x"):
		version = 6
	case has("blocks.0.att.ln_x.weight"):
		version = 5
	}
	gate := has("blocks.0.att.gate.weight")
	var out []stored
	var vocab, embed, layers, heads int64
	for _, s := range in {
		if strings.HasSuffix(s.name, ".time_faaaa") {
			heads = s.shape[0]
		}
	}
	for i := 0; i < len(in); i++ {
		s := in[i]
		if s.name == "emb.weight" {
			vocab, embed = s.shape[0], s.shape[1]
		}
		if strings.HasSuffix(s.name, ".ln1.weight") {
			layers++
		}
		if prefix, ok := strings.CutSuffix(s.name, "att.x_r"); ok {
			x := s.x
			for _, letter := range []string{"w", "k", "v", "a", "g"} {
				j := slices.IndexFunc(in, func(s singleTensor) bool { return s.name == prefix+"att.x_"+letter })
				require.GreaterOrEqual(t, j, 0)
				x = append(slices.Clone(x), in[j].x...)
			}
			s = singleTensor{prefix + "att.x_rwkvag", []int64{6, 1, embed}, x}
		} else if strings.Contains(s.name, "att.x_") {
			continue
		}
		out = append(out, pack(prepare(s, version, gate, heads), half))
	}
	return fileOf(101, uint32(vocab), uint32(embed), uint32(layers), out...)
}

// prepare applies what is computed beforehand.
func prepare(s singleTensor, version int, gate bool, heads int64) singleTensor {
	key := s.name[strings.LastIndex(s.name, ".")+1:]
	if strings.HasPrefix(key, "time_") {
		s.shape = slices.DeleteFunc(slices.Clone(s.shape), func(n int64) bool { return n == 1 })
	}
	each := func(f func(float32) float32) {
		s.x = slices.Clone(s.x)
		for i, x := range s.x {
			s.x[i] = f(x)
		}
	}
	single := func(x float32) float32 { return float32(math.Exp(float64(x))) }
	switch {
	case version == 4 && key == "time_decay":
		each(func(x float32) float32 { return -single(x) })
	case version == 5 && (key == "time_decay" || key == "time_faaaa" || key == "time_first"):
		if key == "time_decay" {
			each(func(x float32) float32 { return single(-single(x)) })
		} else if key == "time_first" {
			each(single)
		}
		s.shape = append(slices.Clone(s.shape), 1)
		if !gate && len(s.shape) == 2 {
			s.shape = append(s.shape, 1)
		}
	case version == 6 && key == "time_faaaa":
		s.shape = append(slices.Clone(s.shape), 1)
	case version == 6 && key == "time_decay":
		s.shape = []int64{heads, int64(len(s.x)) / heads, 1}
	case version == 6 && (strings.HasPrefix(key, "time_maa_w") && len(s.shape) > 1 || strings.HasPrefix(key, "time_decay_w")),
		version == 7 && strings.Contains(s.name, ".att.") && slices.Contains([]string{"w1", "w2", "a1", "a2", "v1", "v2", "g1", "g2"}, key):
		s = swap(s)
	}
	return s
}

func swap(s singleTensor) singleTensor {
	n := len(s.shape)
	rows, cols := int(s.shape[n-2]), int(s.shape[n-1])
	x := make([]float32, len(s.x))
	for i := range x {
		base, in := i/(rows*cols)*rows*cols, i%(rows*cols)
		x[base+in%cols*rows+in/cols] = s.x[i]
	}
	shape := slices.Clone(s.shape)
	shape[n-2], shape[n-1] = int64(cols), int64(rows)
	return singleTensor{s.name, shape, x}
}

func pack(s singleTensor, half bool) stored {
	if half && len(s.shape) > 1 && !strings.Contains(s.name, ".time_") {
		b := make([]byte, 2*len(s.x))
		float.EncodeF16(b, s.x)
		return stored{s.name, s.shape, 1, b}
	}
	return stored{s.name, s.shape, 0, f32s(s.x...)}
}

// all reads a checkpoint whole.
func all(t testing.TB, f *checkpoint.File) []singleTensor {
	var s []singleTensor
	for _, tensor := range f.Tensors {
		s = append(s, singleTensor{tensor.Name, tensor.Shape, floats(t, tensor)})
	}
	return s
}

// bytesOf reads a tensor's bytes in odd pieces.
func bytesOf(t testing.TB, tensor checkpoint.Tensor, piece int) []byte {
	var out []byte
	for size := int(tensor.Elements() * tensor.DType.Size()); len(out) < size; {
		p := make([]byte, min(piece, size-len(out)))
		n, err := tensor.Data.ReadAt(p, int64(len(out)))
		if err != io.EOF {
			require.NoError(t, err)
		}
		require.Equal(t, len(p), n)
		out = append(out, p...)
	}
	return out
}
