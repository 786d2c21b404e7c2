package fit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	v7 "github.com/gosling-rwkv/gosling/rwkv/v7"
)

// published are the parameters of checkpoints. The checkpoints' exact sizes confirm them.
var published = map[string]int64{
	"RWKV-7 G1 0.1B": 191_084_544, "RWKV-7 G1 0.4B": 450_834_432, "RWKV-7 G1 1.5B": 1_527_668_736, "RWKV-7 G1 2.9B": 2_948_065_280,
	"RWKV-7 G1 7.2B": 7_199_932_416, "RWKV-7 G1 13.3B": 13_270_298_624,
	"RWKV-6 World 1.6B": 1_599_873_024, "RWKV-6 World 7B": 7_635_746_816, "RWKV-6 World 14B": 14_069_088_256,
	"RWKV-5.2 World 0.4B": 461_721_600, "RWKV-5.2 World 7B": 7_518_044_160, "RWKV-5.0 World 0.1B": 192_780_576,
	"RWKV-4 Pile 169M": 169_342_464, "RWKV-4 Raven 14B": 14_148_597_760, "RWKV-4 World 7B": 7_517_650_944, "RWKV-4 MIDI 120M": 119_571_968,
}

func TestReleasedModelsHaveTheirPublishedSizes(t *testing.T) {
	seen := 0
	for _, m := range fit.Released() {
		want, ok := published[m.Name()]
		if !ok {
			continue
		}
		seen++
		unused := int64(0)
		if m.Version == "7" { // a version 7 checkpoint may contain a value residual in layer 0, which nothing reads
			unused = int64(m.Config.Embed * (1 + 2*m.Config.Own.(v7.Dims).ValueRank))
		}
		// GGUF spreads per-head vectors over the channels.
		assert.InDelta(t, want, m.Parameters()+unused, 2*float64(m.Config.Embed*m.Config.Layers)+1, m.Name())
	}
	assert.Equal(t, len(published), seen)
}

func TestSizesAreThoseOfConvertedFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("rounds whole models")
	}
	for version, vocab := range map[string]int{"4": 257, "5.2": 257, "6": 257, "7": 65536} {
		checkpoint := filepath.Join(t.TempDir(), "m.pth")
		f, err := os.Create(checkpoint)
		require.NoError(t, err)
		require.NoError(t, synth.Write(f, synth.Config{Version: version, Layers: 2, Embed: 256, FFN: 512, Vocab: vocab}))
		require.NoError(t, f.Close())
		for _, name := range []string{"F16", "Q8_0", "Q4_K_M"} {
			t.Run(version+" in "+name, func(t *testing.T) {
				mix, err := quant.ParseMix(name)
				require.NoError(t, err)
				o := convert.Options{Mix: mix}
				if !mix.Floating() {
					lib := ggmltest.Library(t)
					o.Write.Quantizer = func() (quant.Quantizer, error) { return lib, nil }
				}
				path := filepath.Join(t.TempDir(), "m.gguf")
				_, err = convert.Run(t.Context(), checkpoint, path, o)
				require.NoError(t, err)
				file, err := gguf.Open(path)
				require.NoError(t, err)
				defer file.Close()
				arch, c, err := archs.Describe(file)
				require.NoError(t, err)
				w, err := fit.InMix(arch, c, mix)
				require.NoError(t, err)
				assert.InDelta(t, file.Size(), w.Size(), 4096)
				same, err := fit.Quantized(arch, c, file, mix)
				require.NoError(t, err)
				assert.Equal(t, w.Size(), same.Size())
				row, err := fit.AsItIs(arch, c, file)
				require.NoError(t, err)
				assert.EqualValues(t, file.Size(), row.Size)
				assert.Greater(t, row.RAM, row.Size)
			})
		}
	}
}

func TestMemoryGrowsWithTheTypeAndMovesToTheGPU(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing at once")
	}
	for _, m := range fit.Released() {
		rows, err := fit.Table(m.Arch, m.Config, nil)
		require.NoError(t, err)
		for i, r := range rows {
			assert.Greater(t, r.RAM, r.HostRAM, "%s in %s: less is left beside the GPU", m.Name(), r.Mix)
			assert.Greater(t, r.RAM+r.VRAM, r.Size, "%s in %s", m.Name(), r.Mix)
			if i > 0 {
				assert.LessOrEqual(t, r.RAM, rows[i-1].RAM, "%s in %s", m.Name(), r.Mix)
			}
		}
	}
}

const gib = 1 << 30

func TestRecommend(t *testing.T) {
	for name, tc := range map[string]struct {
		machine fit.Machine
		use     string
		want    string
	}{
		"a small machine":                 {fit.Machine{RAM: 4 * gib}, "chat", "RWKV-7 G1 2.9B Q6_K"},
		"a laptop":                        {fit.Machine{RAM: 16 * gib}, "chat", "RWKV-7 G1 13.3B Q8_0"},
		"a laptop with slow memory":       {fit.Machine{RAM: 16 * gib, Bandwidth: 20e9}, "chat", "RWKV-7 G1 7.2B Q4_K_M"},
		"very slow memory":                {fit.Machine{RAM: 8 * gib, Bandwidth: 1e8}, "chat", "RWKV-7 G1 7.2B Q4_K_M"},
		"a GPU":                           {fit.Machine{RAM: 16 * gib, VRAM: 8 * gib}, "code", "RWKV-7 G1 7.2B Q8_0"},
		"a GPU too small to matter":       {fit.Machine{RAM: 32 * gib, VRAM: gib}, "chat", "RWKV-7 G1 13.3B Q8_0"},
		"an old version where it must be": {fit.Machine{RAM: 16 * gib}, "music", "RWKV-5.1 MIDI 560M Q8_0"},
		"an archive":                      {fit.Machine{RAM: 16 * gib}, "archive", "RWKV-6 World 14B Q6_K"},
		"nothing runs":                    {fit.Machine{RAM: gib / 8}, "chat", ""},
	} {
		t.Run(name, func(t *testing.T) {
			choices, err := fit.Recommend(tc.machine, tc.use)
			require.NoError(t, err)
			got := ""
			if len(choices) > 0 {
				got = fmt.Sprint(choices[0].Model.Name(), " ", choices[0].Mix)
			}
			assert.Equal(t, tc.want, got)
			for _, c := range choices {
				assert.LessOrEqual(t, c.Memory.RAM, tc.machine.Usable(), c.Model.Name())
				assert.LessOrEqual(t, c.Memory.VRAM, tc.machine.VRAM, c.Model.Name())
			}
		})
	}
	_, err := fit.Recommend(fit.Machine{RAM: gib}, "dancing")
	require.ErrorContains(t, err, "want one of abc, archive, chat")
}

func TestThisMachineHasMemory(t *testing.T) {
	ram, err := fit.ThisRAM()
	require.NoError(t, err)
	assert.Greater(t, ram, int64(64<<20))
}

func ExampleRecommend() {
	choices, err := fit.Recommend(fit.Machine{RAM: 8 << 30, VRAM: 6 << 30}, "chat")
	if err != nil {
		fmt.Println(err)
		return
	}
	best := choices[0]
	fmt.Println(best.Model.Name(), best.Mix, best.OnGPU())
	fmt.Printf("%.1f GiB, %.1f GiB on the GPU\n", float64(best.Size)/(1<<30), float64(best.Memory.VRAM)/(1<<30))
	// Output:
	// RWKV-7 G1 7.2B Q5_K_M true
	// 5.0 GiB, 5.6 GiB on the GPU
}

// Released lists the models that Recommend chooses from.
func ExampleReleased() {
	m := fit.Released()[0]
	fmt.Println(m.Name(), m.Uses, m.Parameters())
	fmt.Println(m.Repository, m.File)
	// Output:
	// RWKV-7 G1 0.1B [chat code] 191034624
	// BlinkDL/rwkv7-g1 rwkv7-g1*-0.1b-*.pth
}
