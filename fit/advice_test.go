package fit_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/fit"
)

func TestAdviceSaysWhyAModelIsTheOneToTake(t *testing.T) {
	for name, tc := range map[string]struct {
		machine   fit.Machine
		use, want string
	}{
		"the largest":       {fit.Machine{RAM: 16 * gib}, "chat", "the largest RWKV-7 that fits"},
		"the largest quick": {fit.Machine{RAM: 16 * gib, Bandwidth: 20e9}, "chat", "the largest RWKV-7 that fits and is as fast as people read"},
		"slow":              {fit.Machine{RAM: 8 * gib, Bandwidth: 1e8}, "chat", "the largest RWKV-7 that fits, but slower than people read"},
		"on a GPU":          {fit.Machine{RAM: 16 * gib, VRAM: 8 * gib, Bandwidth: 20e9}, "code", "the largest RWKV-7 that fits the GPU entirely"},
		"an archive":        {fit.Machine{RAM: 16 * gib}, "archive", "the largest of the older models that fits; take an RWKV-7 for anything but comparisons"},
		"music":             {fit.Machine{RAM: 16 * gib}, "music", "the largest of its kind that fits; there is no newer one of this kind"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := fit.Advise(tc.machine, tc.use)
			require.NoError(t, err)
			choices, err := fit.Recommend(tc.machine, tc.use)
			require.NoError(t, err)
			require.Len(t, a.Models, len(choices))
			assert.Equal(t, tc.want, a.Models[0].Why)
			for i, m := range a.Models {
				assert.Equal(t, []any{choices[i].Model.Name(), choices[i].Mix}, []any{m.Name, m.Type})
				assert.Equal(t, choices[i].OnGPU(), m.VRAM > 0, m.Name)
				assert.Equal(t, tc.machine.Bandwidth > 0 && !choices[i].OnGPU(), m.Speed > 0, m.Name)
				assert.Equal(t, i == 0, m.Why != "", m.Name)
			}
		})
	}
	_, err := fit.Advise(fit.Machine{RAM: gib}, "dancing")
	require.ErrorContains(t, err, "want one of abc, archive, chat")
}

func TestAdviceOfNothingIsAnEmptyList(t *testing.T) {
	a, err := fit.Advise(fit.Machine{RAM: gib / 8, GPU: "a GPU"}, "chat")
	require.NoError(t, err)
	data, err := json.Marshal(a)
	require.NoError(t, err)
	assert.JSONEq(t, `{"ram": 134217728, "usable_ram": 67108864, "vram": 0, "gpu": "a GPU", "use": "chat", "models": []}`, string(data))
}

func TestParseMemory(t *testing.T) {
	for text, want := range map[string]int64{
		"16GiB": 16 << 30, "16": 16 << 30, "16 gb": 16 << 30, "1.5g": 3 << 29, ".5T": 1 << 39, "512M": 512 << 20, "5000": 5000, "4096K": 4 << 20, "0": 0,
		"7 B": 7 << 30, "1024T": 1 << 50,
	} {
		got, err := fit.ParseMemory(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "much", "-1", "1e3", "16 GiBs", "2048T", "1 2"} {
		_, err := fit.ParseMemory(text)
		require.Error(t, err, text)
	}
}

func ExampleAdvise() {
	advice, err := fit.Advise(fit.Machine{RAM: 8 << 30}, "chat")
	fmt.Println(advice.Models[0].Name, advice.Models[0].Type, err)
	fmt.Println(advice.Models[0].Why)
	// Output:
	// RWKV-7 G1 7.2B Q6_K <nil>
	// the largest RWKV-7 that fits
}
