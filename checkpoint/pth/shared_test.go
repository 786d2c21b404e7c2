package pth

import (
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// openShared opens a file of the shared test data and answers with a reader of whole tensors.
func openShared(t *testing.T, name string) func(tensor string) []float32 {
	f, err := checkpoint.Open(shared(t, name), Read)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return func(tensor string) []float32 { return floats(t, f, tensor) }
}

func TestEveryHostileFileIsRefusedWithAReason(t *testing.T) {
	reasons := map[string]string{
		"reduce-os-system":      `data.pkl asks for "posix.system" at offset 191`,
		"unknown-global":        `data.pkl asks for "mytrainer.state.`,
		"truncated-zip":         "cut short, download it again",
		"short-storage":         "holds 100 bytes, want 16384",
		"negative-stride":       "strides [-4 1], want none below 0",
		"offset-beyond-storage": "of a storage of 16",
		"extent-beyond-storage": "reaches element 3003 of a storage of 16",
		"declared-huge":         "claims 4398046511104 bytes at byte 301 of a file of 637",
		"deflate-bomb":          `"archive/data/0" is compressed`,
		"deflate-bomb-data-pkl": `"archive/data.pkl" is compressed`,
		"path-traversal":        "names a place outside the archive",
	}
	files, err := filepath.Glob(filepath.Join(shared(t, "hostile"), "*.pth"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".pth")
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f, err := checkpoint.Open(path, Read)
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "little memory is used")
			if name == "control-valid" {
				require.NoError(t, err)
				want := make([]float32, 16)
				for i := range want {
					want[i] = float32(i) / 16
				}
				assert.Equal(t, want, floats(t, f, "emb.weight"))
				require.NoError(t, f.Close())
				return
			}
			require.NotEmpty(t, reasons[name], "the reason is known")
			assert.ErrorContains(t, err, reasons[name])
			assert.ErrorContains(t, err, path)
		})
	}
}

func TestEveryGoodFileCanBeReadWhole(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "."), "*.pth"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := checkpoint.Open(path, Read)
			require.NoError(t, err)
			defer f.Close()
			assert.Empty(t, f.Others)
			for _, tensor := range f.Tensors {
				for _, x := range floats(t, f, tensor.Name) {
					if math.IsNaN(float64(x)) || math.Abs(float64(x)) > 1e4 {
						require.Fail(t, "no weight", "%s holds %v", tensor.Name, x)
					}
				}
			}
		})
	}
}

func TestTheSameModelInTwoTypes(t *testing.T) {
	single := openShared(t, "tiny-rwkv-7v0-834K.pth")
	half := openShared(t, "tiny-rwkv-7v0-834K-bf16.pth")
	for _, name := range []string{"emb.weight", "blocks.3.att.x_r", "blocks.11.ffn.value.weight", "head.weight"} {
		assert.Equal(t, single(name), half(name), name)
	}
}

func TestTheOldContainerHoldsTheSameModel(t *testing.T) {
	single := openShared(t, "tiny-rwkv-4v0-660K.pth")
	old := openShared(t, "tiny-rwkv-4v0-660K-bf16-legacy.pth")
	for _, name := range []string{"emb.weight", "blocks.1.att.time_mix_k", "blocks.3.ffn.value.weight", "head.weight"} {
		want := single(name)
		for i, x := range old(name) {
			require.InEpsilon(t, 1+want[i], 1+x, 1.0/256, "%s, element %d", name, i)
		}
	}
}

func TestUnusualLayoutsOfTheSameStorages(t *testing.T) {
	get := openShared(t, "micro-rwkv-7-L2-C64-strided-shared-bf16.pth")
	assert.Equal(t, get("emb.weight"), get("head.weight"), "one storage")
	assert.Equal(t, get("blocks.0.ln1.weight"), get("blocks.1.ln1.weight"), "one tensor under two names")
	for _, x := range get("blocks.0.ln2.bias") {
		assert.Equal(t, get("blocks.0.ln2.bias")[0], x, "stride 0")
	}
}
