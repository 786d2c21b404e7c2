package adapter_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/adapter"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// matrix is a tensor of random numbers.
func matrix(rng *rand.Rand, name string, shape ...int64) checkpoint.Tensor {
	t := checkpoint.Tensor{Name: name, DType: checkpoint.F32, Shape: shape}
	x := make([]float32, t.Elements())
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return holding(t, x)
}

func holding(t checkpoint.Tensor, x []float32) checkpoint.Tensor {
	data := make([]byte, 4*len(x))
	float.EncodeF32(data, x)
	t.Data = bytes.NewReader(data)
	return t
}

func floats(t *testing.T, tensor checkpoint.Tensor) []float32 {
	t.Helper()
	x := make([]float32, tensor.Elements())
	require.NoError(t, tensor.ReadFloats(x, 0))
	return x
}

const out, in, rank = 7, 33, 6

// model is a checkpoint of a few tensors, and an adapter's pair for one of them.
func model() (base *checkpoint.File, a, b checkpoint.Tensor) {
	rng := rand.New(rand.NewPCG(1, 2))
	base = &checkpoint.File{Path: "base.pth", Tensors: []checkpoint.Tensor{
		matrix(rng, "emb.weight", 9, in), matrix(rng, "blocks.0.att.key.weight", out, in), matrix(rng, "blocks.0.ln1.weight", in),
	}}
	return base, matrix(rng, "blocks.0.att.key.lora_A", rank, in), matrix(rng, "blocks.0.att.key.lora_B", out, rank)
}

// plus is w + scale·b·a in float64.
func plus(t *testing.T, w []float32, scale float64, a, b checkpoint.Tensor) []float32 {
	x, y := floats(t, a), floats(t, b)
	sum := make([]float32, len(w))
	for o := range out {
		for i := range in {
			s := 0.0
			for r := range rank {
				s += float64(y[o*rank+r]) * float64(x[r*in+i])
			}
			sum[o*in+i] = float32(float64(w[o*in+i]) + scale*s)
		}
	}
	return sum
}

func named(t checkpoint.Tensor, name string) checkpoint.Tensor {
	t.Name = name
	return t
}

func TestPairsAreAddedToTheirWeight(t *testing.T) {
	base, a, b := model()
	key, _ := base.Tensor("blocks.0.att.key.weight")
	rng := rand.New(rand.NewPCG(5, 6))
	a0, b0 := matrix(rng, "blocks.0.att.key.init_lora_A", rank, in), matrix(rng, "blocks.0.att.key.init_lora_B", out, rank)
	for name, tc := range map[string]struct {
		tensors []checkpoint.Tensor
		options adapter.Options
		want    []float32
	}{
		"RWKV-PEFT's names":    {[]checkpoint.Tensor{a, b}, adapter.Options{Alpha: 15}, plus(t, floats(t, key), 2.5, a, b)},
		"with a trainer's own": {[]checkpoint.Tensor{named(a, "_forward_module.model."+a.Name), named(b, "_forward_module.model."+b.Name)}, adapter.Options{Alpha: 3}, plus(t, floats(t, key), 0.5, a, b)},
		"PEFT's names": {[]checkpoint.Tensor{named(a, "base_model.model."+a.Name+".weight"), named(b, "base_model.model."+b.Name+".default.weight")},
			adapter.Options{Config: adapter.Config{Alpha: 12}}, plus(t, floats(t, key), 2, a, b)},
		"the state dict of PEFT's model": {[]checkpoint.Tensor{
			named(base.Tensors[0], "base_model.model.emb.weight"), named(matrix(rng, "", in), "base_model.model.blocks.0.ln1.original_module.weight"),
			named(base.Tensors[2], "base_model.model.blocks.0.ln1.modules_to_save.poet.weight"), named(key, "base_model.model.blocks.0.att.key.base_layer.weight"),
			named(a, "base_model.model."+a.Name+".poet.weight"), named(b, "base_model.model."+b.Name+".poet.weight"),
		}, adapter.Options{Alpha: 12}, plus(t, floats(t, key), 2, a, b)},
		"divided by the root of the rank": {[]checkpoint.Tensor{a, b}, adapter.Options{Config: adapter.Config{Alpha: 3, RankRoot: true}}, plus(t, floats(t, key), 3/math.Sqrt(rank), a, b)},
		"an alpha that overrides":         {[]checkpoint.Tensor{a, b}, adapter.Options{Alpha: 6, Config: adapter.Config{Alpha: 3}}, plus(t, floats(t, key), 1, a, b)},
		"PiSSA": {[]checkpoint.Tensor{a, b}, adapter.Options{Init: &checkpoint.File{Tensors: []checkpoint.Tensor{a0, b0}}},
			plus(t, plus(t, floats(t, key), 1, a, b), -1, a0, b0)},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := adapter.New(&checkpoint.File{Path: "lora.pth", Tensors: tc.tensors}, tc.options)
			require.NoError(t, err)
			defer made.Close()
			merged, err := made.Merge(base)
			require.NoError(t, err)
			require.Len(t, merged.Tensors, len(base.Tensors))
			assert.Equal(t, base.Tensors[0], merged.Tensors[0], "what the adapter does not name stays")
			got, _ := merged.Tensor("blocks.0.att.key.weight")
			for range 2 { // the factors are read again
				assert.InDeltaSlice(t, tc.want, floats(t, got), 2e-5)
			}
			old, _ := base.Tensor("blocks.0.att.key.weight")
			assert.Equal(t, floats(t, key), floats(t, old), "the base stays as it was")
		})
	}
}

func TestAnyPieceOfAMergedTensorCanBeRead(t *testing.T) {
	base, a, b := model()
	made, err := adapter.New(&checkpoint.File{Path: "lora.pth", Tensors: []checkpoint.Tensor{a, b}}, adapter.Options{Alpha: 1})
	require.NoError(t, err)
	merged, err := made.Merge(base)
	require.NoError(t, err)
	key, _ := merged.Tensor("blocks.0.att.key.weight")
	all := make([]byte, 4*key.Elements())
	require.NoError(t, key.ReadBytes(all, 0))
	for off := range len(all) {
		for _, n := range []int{1, 3, 4, 50, 4 * in} {
			part := make([]byte, n)
			got, err := key.Data.ReadAt(part, int64(off))
			want := all[off:min(off+n, len(all))]
			require.Equal(t, want, part[:got])
			require.Equal(t, got < n, err == io.EOF)
		}
	}
	_, err = key.Data.ReadAt(make([]byte, 1), int64(len(all)))
	require.ErrorIs(t, err, io.EOF)
}

func TestWholeTensorsTakeThePlaceOfTheModels(t *testing.T) {
	base, a, b := model()
	rng := rand.New(rand.NewPCG(3, 4))
	emb := matrix(rng, "", 9, in)
	norm, state := matrix(rng, "blocks.0.ln1.weight", 1, in), matrix(rng, "model.blocks.0.att.time_state", 1, 2, 2)
	made, err := adapter.New(&checkpoint.File{Tensors: []checkpoint.Tensor{norm, a, b, state, named(emb, "base_model.model.emb.modules_to_save.default.weight")}}, adapter.Options{Alpha: 1})
	require.NoError(t, err)
	merged, err := made.Merge(base)
	require.NoError(t, err)
	got, _ := merged.Tensor("blocks.0.ln1.weight")
	assert.Equal(t, floats(t, norm), floats(t, got))
	got, _ = merged.Tensor("emb.weight")
	assert.Equal(t, floats(t, emb), floats(t, got))
	_, ok := merged.Tensor("blocks.0.att.time_state")
	assert.True(t, ok, "a state that was tuned along")
}

func TestWhatIsNoAdapterOfTheModelIsRefused(t *testing.T) {
	_, a, b := model()
	rng := rand.New(rand.NewPCG(3, 4))
	spoiled := make([]float32, rank*in)
	spoiled[40] = float32(math.NaN())
	for want, tc := range map[string]struct {
		tensors []checkpoint.Tensor
		options adapter.Options
	}{
		"no low-rank pairs":                                                 {[]checkpoint.Tensor{named(a, "blocks.0.att.key.weight")}, adapter.Options{Alpha: 1}},
		"the alpha it was trained with (the rank is 6)":                     {[]checkpoint.Tensor{a, b}, adapter.Options{}},
		`lora_B of "blocks.0.att.key.weight" is missing`:                    {[]checkpoint.Tensor{a}, adapter.Options{Alpha: 1}},
		"of different ranks":                                                {[]checkpoint.Tensor{a, named(matrix(rng, "", out, 5), b.Name)}, adapter.Options{Alpha: 1}},
		"want a matrix":                                                     {[]checkpoint.Tensor{a, named(matrix(rng, "", out), b.Name)}, adapter.Options{Alpha: 1}},
		"are both lora_A":                                                   {[]checkpoint.Tensor{a, b, named(a, a.Name+".weight")}, adapter.Options{Alpha: 1}},
		"a DiSHA (bone) adapter":                                            {[]checkpoint.Tensor{named(a, "blocks.0.att.key.disha")}, adapter.Options{Alpha: 1}},
		"a DoRA adapter (it has":                                            {[]checkpoint.Tensor{a, b, named(a, "blocks.0.att.key.lora_magnitude_vector")}, adapter.Options{Alpha: 1}},
		"it is what a PiSSA adapter began with":                             {[]checkpoint.Tensor{named(a, "blocks.0.att.key.init_lora_A"), named(b, "blocks.0.att.key.init_lora_B")}, adapter.Options{Alpha: 1}},
		"an alpha of +Inf: want a positive number":                          {[]checkpoint.Tensor{a, b}, adapter.Options{Alpha: math.Inf(1)}},
		"an alpha of -3: want a positive number":                            {[]checkpoint.Tensor{a, b}, adapter.Options{Config: adapter.Config{Alpha: -3}}},
		"has rank 6, its adapter_config.json says 8 (r)":                    {[]checkpoint.Tensor{a, b}, adapter.Options{Config: adapter.Config{Alpha: 1, Rank: 8}}},
		`several adapters ("poet" and "clerk")`:                             {[]checkpoint.Tensor{named(a, "blocks.0.att.key.lora_A.poet.weight"), named(b, "blocks.0.att.key.lora_B.clerk.weight")}, adapter.Options{Alpha: 1}},
		`several adapters ("default" and "clerk")`:                          {[]checkpoint.Tensor{a, named(b, "blocks.0.att.key.lora_B.clerk.weight")}, adapter.Options{Alpha: 1}},
		`another kind than LoRA (it has "blocks.0.att.key.lora_B.bias")`:    {[]checkpoint.Tensor{a, b, named(a, "base_model.model.blocks.0.att.key.lora_B.bias")}, adapter.Options{Alpha: 1}},
		`another kind than LoRA (it has "blocks.0.att.key.lora_diag.poet")`: {[]checkpoint.Tensor{a, b, named(a, "blocks.0.att.key.lora_diag.poet")}, adapter.Options{Alpha: 1}},
		`are both "blocks.0.ln1.weight"`:                                    {[]checkpoint.Tensor{a, b, named(a, "blocks.0.ln1.weight"), named(a, "blocks.0.ln1.modules_to_save.weight")}, adapter.Options{Alpha: 1}},
		"a MiSS adapter":                                                    {[]checkpoint.Tensor{named(a, "blocks.0.att.key.miss_block")}, adapter.Options{Alpha: 1}},
		`the model has no "blocks.9.att.key.weight"`:                        {[]checkpoint.Tensor{a, b, named(a, "blocks.9.att.key.lora_A"), named(b, "blocks.9.att.key.lora_B")}, adapter.Options{Alpha: 1}},
		`changes "emb.weight" of [7 33], the model's is [9 33]`:             {[]checkpoint.Tensor{named(a, "emb.lora_A"), named(b, "emb.lora_B")}, adapter.Options{Alpha: 1}},
		`tensor "blocks.0.ln9.weight" is not in the model`:                  {[]checkpoint.Tensor{a, b, named(a, "blocks.0.ln9.weight")}, adapter.Options{Alpha: 1}},
		`tensor "blocks.0.ln1.weight" is [6 33], the model's`:               {[]checkpoint.Tensor{a, b, named(a, "blocks.0.ln1.weight")}, adapter.Options{Alpha: 1}},
		"init.pth: lora_A of \"blocks.0.att.key.weight\" is":                {[]checkpoint.Tensor{a, b}, adapter.Options{Init: &checkpoint.File{Path: "init.pth"}}},
		"of other shapes than the adapter's":                                {[]checkpoint.Tensor{a, b}, adapter.Options{Init: &checkpoint.File{Tensors: []checkpoint.Tensor{matrix(rng, a.Name, 2, in), matrix(rng, b.Name, out, 2)}}}},
		`lora.pth: element 0 of "blocks.0.att.key.weight" becomes`:          {[]checkpoint.Tensor{a, b}, adapter.Options{Alpha: math.MaxFloat64}},
		`lora.pth: tensor "blocks.0.att.key.lora_A": element 40 is NaN`:     {[]checkpoint.Tensor{holding(a, spoiled), b}, adapter.Options{Alpha: 1}},
	} {
		t.Run(want, func(t *testing.T) {
			base, _, _ := model()
			made, err := adapter.New(&checkpoint.File{Path: "lora.pth", Tensors: tc.tensors}, tc.options)
			if err == nil {
				var merged *checkpoint.File
				if merged, err = made.Merge(base); err == nil {
					key, _ := merged.Tensor("blocks.0.att.key.weight")
					err = key.ReadFloats(make([]float32, key.Elements()), 0)
				}
			}
			require.ErrorContains(t, err, want)
		})
	}
}

func TestAnAdapterInPieces(t *testing.T) {
	base, a, b := model()
	norm := named(base.Tensors[2], "x.ln1.weight")
	made, err := adapter.New(&checkpoint.File{Path: "x/lora-7.pth", Tensors: []checkpoint.Tensor{a, b, norm}}, adapter.Options{Alpha: 1})
	require.NoError(t, err)
	assert.EqualValues(t, rank, made.Rank())
	assert.Equal(t, "lora-7", made.Name())
	_, err = made.Merge(base)
	require.ErrorContains(t, err, `"x.ln1.weight" is not in the model`)
	authors := func(name string) bool { return name != "x.ln1.weight" }
	merged, err := made.Only(authors).Merge(base)
	require.NoError(t, err)
	key, _ := base.Tensor("blocks.0.att.key.weight")
	got, _ := merged.Tensor("blocks.0.att.key.weight")
	assert.InDeltaSlice(t, plus(t, floats(t, key), 1./rank, a, b), floats(t, got), 2e-5)
	_, err = made.Only(func(name string) bool { return !authors(name) }).Merge(base)
	require.ErrorContains(t, err, `"x.ln1.weight" is not in the model`, "the other piece")
}

func Example() {
	base, a, b := model()
	lora, err := adapter.New(&checkpoint.File{Path: "lora.pth", Tensors: []checkpoint.Tensor{a, b}}, adapter.Options{Alpha: 12})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lora.Close()
	merged, err := lora.Merge(base)
	fmt.Println(len(merged.Tensors), err)
	// Output: 3 <nil>
}
