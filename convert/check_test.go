package convert_test

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/convert"
)

// as writes the small model with its weights in another type, F32 or F64.
func as(t *testing.T, dtype checkpoint.DType) string {
	t.Helper()
	f, err := formats.Open(write(t, "m.pth", small))
	require.NoError(t, err)
	defer f.Close()
	var specs []pth.Spec
	for _, tensor := range f.Tensors {
		specs = append(specs, pth.Spec{Name: tensor.Name, DType: dtype, Shape: tensor.Shape})
	}
	path := filepath.Join(t.TempDir(), "m.pth")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, pth.Write(file, "m", specs, func(i int, w io.Writer) error {
		x := make([]float32, f.Tensors[i].Elements())
		if err := f.Tensors[i].ReadFloats(x, 0); err != nil || dtype == checkpoint.F32 {
			return binary.Write(w, binary.LittleEndian, x)
		}
		for _, v := range x {
			if err := binary.Write(w, binary.LittleEndian, float64(v)); err != nil {
				return err
			}
		}
		return nil
	}))
	return path
}

func TestDoublesAreConvertedAsTheirRoundedNumbers(t *testing.T) {
	for _, mix := range []string{"F32", "F16"} {
		var files [2]string
		for i, dtype := range []checkpoint.DType{checkpoint.F32, checkpoint.F64} {
			out := filepath.Join(t.TempDir(), "out.gguf")
			_, err := convert.Run(context.Background(), as(t, dtype), out, options(t, mix))
			require.NoError(t, err)
			data, err := os.ReadFile(out)
			require.NoError(t, err)
			files[i] = string(data)
		}
		assert.True(t, files[0] == files[1], mix)
	}
}

func TestCheckFindsAllThatRunRefuses(t *testing.T) {
	keep := func(name string) (string, bool) { return name, true }
	for name, tc := range map[string]struct {
		change func(name string) (string, bool)
		want   []string
	}{
		"nothing of a sound model": {keep, nil},
		"all that is missing and all that is too many": {func(name string) (string, bool) {
			if name == "blocks.1.att.x_r" {
				return "blocks.1.att.x_q", true
			}
			return name, !strings.HasSuffix(name, ".ffn.x_k")
		}, []string{`lacks "blocks.0.ffn.x_k", "blocks.1.att.x_r", "blocks.1.ffn.x_k"`, `not part of RWKV-7: "blocks.1.att.x_q"`}},
		"the first layer": {func(name string) (string, bool) { return name, !strings.HasPrefix(name, "blocks.0.") }, []string{"seems to be part of an RWKV model"}},
		"a layer in the middle": {func(name string) (string, bool) {
			return strings.Replace(name, "blocks.1.", "blocks.2.", 1), true
		}, []string{`lacks "blocks.1.ln1.weight", and has tensors of layer 2`}},
		"what is no model": {func(name string) (string, bool) {
			return strings.Replace(name, "blocks.1.ffn.key.weight", "blocks.1.ffn.key.lora_A", 1), true
		}, []string{`a model with LoRA factors that are not merged yet (it has "blocks.1.ffn.key.lora_A")`}},
	} {
		t.Run(name, func(t *testing.T) {
			path := altered(t, tc.change, nil)
			f, err := formats.Open(path)
			require.NoError(t, err)
			defer f.Close()
			problems := convert.Check(f)
			require.Len(t, problems, len(tc.want), "%v", problems)
			for i, want := range tc.want {
				assert.ErrorContains(t, problems[i], want)
			}
			if _, err = convert.Run(context.Background(), path, filepath.Join(t.TempDir(), "out.gguf"), options(t, "F16")); tc.want == nil {
				require.NoError(t, err)
				return
			}
			assert.EqualError(t, err, path+": "+problems[0].Error())
		})
	}
}
