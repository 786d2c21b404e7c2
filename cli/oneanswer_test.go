package cli_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/cli"
)

// variant writes the tiny model with what change makes of each tensor; an empty name leaves it out.
func variant(t *testing.T, change func(*pth.Spec)) string {
	t.Helper()
	dir := t.TempDir()
	writeModel(t, filepath.Join(dir, "base.pth"), tinyModel())
	f, err := formats.Open(filepath.Join(dir, "base.pth"))
	require.NoError(t, err)
	defer f.Close()
	var specs []pth.Spec
	for _, tensor := range f.Tensors {
		s := pth.Spec{Name: tensor.Name, DType: tensor.DType, Shape: slices.Clone(tensor.Shape)}
		if change(&s); s.Name != "" {
			specs = append(specs, s)
		}
	}
	path := filepath.Join(dir, "m.pth")
	out, err := os.Create(path)
	require.NoError(t, err)
	defer out.Close()
	require.NoError(t, pth.Write(out, "m", specs, func(i int, w io.Writer) error {
		_, err := w.Write(make([]byte, specs[i].Bytes()))
		return err
	}))
	return path
}

// What keeps a checkpoint from being a model is the same to every command.
func TestCheckConvertAndRunGiveOneReason(t *testing.T) {
	rename := func(old, new string) func(*pth.Spec) {
		return func(s *pth.Spec) { s.Name = strings.Replace(s.Name, old, new, 1) }
	}
	for name, tc := range map[string]struct {
		change func(*pth.Spec)
		want   string
	}{
		"a layer is missing": {rename("blocks.1.", "blocks.2."), `lacks "blocks.1.ln1.weight", and has tensors of layer 2`},
		"a transposed matrix": {func(s *pth.Spec) {
			if s.Name == "blocks.1.att.w2" {
				slices.Reverse(s.Shape)
			}
		}, `tensor "blocks.1.att.w2" is [64 `},
		"integers": {func(s *pth.Spec) { s.DType = checkpoint.I8 }, `" is I8: weights are F32, F16, BF16 or F64`},
		"complex numbers": {func(s *pth.Spec) {
			if s.Name == "head.weight" {
				s.DType = checkpoint.C64
			}
		}, `tensor "head.weight" is C64`},
		"an adapter": {func(s *pth.Spec) {
			if !strings.Contains(s.Name, "att.key") {
				s.Name = ""
			}
			s.Name = strings.Replace(s.Name, ".weight", ".lora_A", 1)
		}, "it is a LoRA adapter"},
		"a state": {func(s *pth.Spec) {
			if !strings.HasSuffix(s.Name, ".att.r_k") {
				s.Name = ""
			}
			s.Name = strings.Replace(s.Name, "r_k", "time_state", 1)
		}, "it is a tuned state, no model"},
		"one for ChatRWKV's strategies": {rename("head.weight", "head.weight_mx"), "already converted for ChatRWKV's strategy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOSLING_GGML", ggmlDir()) // the one that other tests of this process open
			path := variant(t, tc.change)
			var reasons []string
			for _, args := range [][]string{
				{"convert", path, filepath.Join(t.TempDir(), "out.gguf")}, {"run", path, "x"}, {"quantize", path, "Q8_0"},
			} {
				var stdout, stderr bytes.Buffer
				assert.Equal(t, 1, cli.Run(append([]string{"gosling"}, args...), nil, &stdout, &stderr), args)
				reasons = append(reasons, stderr.String())
			}
			assert.Contains(t, reasons[0], tc.want)
			assert.Equal(t, reasons[0], reasons[1])
			assert.Equal(t, reasons[0], reasons[2])
			var stdout, stderr bytes.Buffer
			assert.Equal(t, 1, cli.Run([]string{"gosling", "inspect", "--check", path}, nil, &stdout, &stderr))
			first, _, _ := strings.Cut(stdout.String(), "\n")
			reason, _, _ := strings.Cut(reasons[0], "\n") // without the hint
			assert.Equal(t, strings.Replace(reason, "gosling: "+path+": ", "wrong: ", 1), first)
		})
	}
}
