package pth

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// weight puts a tensor of the numbers 0 to 3.
func (p *program) weight(name string) {
	p.tensor(name, "FloatStorage", "0", 4, 0, []int64{4}, []int64{1})
}

// within puts a dict of the items that build puts.
func (p *program) within(name string, build func()) {
	p.text(name)
	p.op('}', '(')
	build()
	p.op('u')
}

func TestStateDictsInOtherDicts(t *testing.T) {
	for name, tc := range map[string]struct {
		build         func(p *program)
		names, others []string
	}{
		"under model": {func(p *program) {
			p.within("optimizer", func() { p.within("state", func() { p.weight("exp_avg") }) })
			p.within("model", func() { p.weight("w") })
		}, []string{"w"}, []string{"optimizer"}},
		"under model_state_dict": {func(p *program) { p.within("model_state_dict", func() { p.weight("w") }) }, []string{"w"}, nil},
		"under module, with other tensors beside it": {func(p *program) {
			p.within("module", func() { p.weight("w") })
			p.within("ema", func() { p.weight("w") })
		}, []string{"w"}, []string{"ema"}},
		"dicts within dicts": {func(p *program) {
			p.within("model", func() { p.within("state_dict", func() { p.weight("w"); p.text("step"); p.int(1) }) })
			p.text("epoch")
			p.int(3)
		}, []string{"w"}, []string{"step", "epoch"}},
		"a tensor beside state_dict is not of it": {func(p *program) {
			p.weight("rng_state")
			p.within("state_dict", func() { p.weight("w") })
		}, []string{"w"}, nil},
		"a dict called model beside tensors is not the model": {func(p *program) {
			p.weight("w")
			p.within("model", func() { p.weight("x") })
		}, []string{"w"}, []string{"model"}},
		"a dict called model without tensors": {func(p *program) {
			p.within("model", func() { p.text("name"); p.text("rwkv") })
			p.within("state_dict", func() { p.weight("w") })
		}, []string{"w"}, []string{"model"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram()
			tc.build(p)
			f, err := read(checkpointOf(t, p.done(), f32s(4)))
			require.NoError(t, err)
			require.Len(t, f.Tensors, len(tc.names))
			for i, name := range tc.names {
				assert.Equal(t, name, f.Tensors[i].Name)
				assert.Equal(t, []float32{0, 1, 2, 3}, floats(t, f, name))
			}
			assert.Equal(t, tc.others, f.Others)
		})
	}
}

func TestDictsOfTensorsThatAreNotKnownAreNamed(t *testing.T) {
	p := newProgram()
	p.within("ema", func() { p.weight("w") })
	_, err := read(checkpointOf(t, p.done(), f32s(4)))
	require.ErrorContains(t, err, `dicts of tensors ("ema"), none of which is known to be the model`)
}

// A pickle may put a dict into itself.
func TestADictInItselfEnds(t *testing.T) {
	for _, key := range []string{"model", "state_dict"} {
		p := newProgram()
		p.pickler = p.pickler[:3] // the dict, without the mark
		p.op('q', 1, '(')
		for range 50 {
			p.text(key)
			p.op('h', 1)
		}
		_, err := read(checkpointOf(t, p.done(), f32s(4)))
		require.ErrorContains(t, err, "two entries")
		p = newProgram()
		p.pickler = p.pickler[:3]
		p.op('q', 1, '(')
		p.text(key)
		p.op('h', 1)
		_, err = read(checkpointOf(t, p.done(), f32s(4)))
		require.ErrorContains(t, err, "holds no tensors")
	}
}

// What weights_only takes beside the tensors is taken.
func TestPlainValuesBesideTheTensors(t *testing.T) {
	call := func(p *program, module, name string, args func()) {
		p.text("extra")
		p.global(module, name)
		p.op('q', 7, '(')
		args()
		p.op('t', 'R')
	}
	for name, build := range map[string]func(p *program){
		"a torch.Size":              func(p *program) { call(p, "torch", "Size", func() { p.ints([]int64{1, 2}) }) },
		"a torch.device":            func(p *program) { call(p, "torch", "device", func() { p.text("cuda"); p.int(0) }) },
		"a set of Python 2":         func(p *program) { call(p, "__builtin__", "set", func() { p.op(']') }) },
		"a set":                     func(p *program) { call(p, "builtins", "set", func() { p.op(']') }) },
		"a Counter":                 func(p *program) { call(p, "collections", "Counter", func() { p.op('}') }) },
		"bytes":                     func(p *program) { call(p, "_codecs", "encode", func() { p.text("a"); p.text("latin1") }) },
		"a bytearray":               func(p *program) { call(p, "builtins", "bytearray", func() { p.text("a"); p.text("latin1") }) },
		"a complex number":          func(p *program) { call(p, "builtins", "complex", func() { p.int(1); p.int(2) }) },
		"a layout":                  func(p *program) { call(p, "torch.serialization", "_get_layout", func() { p.text("torch.strided") }) },
		"a path":                    func(p *program) { call(p, "pathlib", "PosixPath", func() { p.text("out") }) },
		"a dtype":                   func(p *program) { p.text("extra"); p.global("torch", "uint8") },
		"a set of protocol 4":       func(p *program) { p.text("extra"); p.op(0x8f, 0x94, '(', 'K', 1, 0x90) },
		"a frozenset":               func(p *program) { p.text("extra"); p.op('(', 'K', 1, 0x91) },
		"bytes of protocol 3":       func(p *program) { p.text("extra"); p.op('C', 2, 'a', 'b') },
		"a bytearray of protocol 5": func(p *program) { p.text("extra"); p.op(0x96, 1, 0, 0, 0, 0, 0, 0, 0, 'a') },
		"a defaultdict": func(p *program) {
			p.text("extra")
			p.global("collections", "defaultdict")
			p.global("__builtin__", "dict")
			p.op(0x85, 'R', 'K', 1, 'K', 2, 's')
		},
		"more bytes":             func(p *program) { p.text("extra"); p.op('B', 2, 0, 0, 0, 'a', 'b') },
		"an argparse.Namespace":  func(p *program) { p.text("extra"); p.global("argparse", "Namespace"); p.op(')', 0x81, '}', 'b') },
		"a number of NumPy, old": func(p *program) { numpyScalar(p, "numpy.core.multiarray") },
		"a number of NumPy":      func(p *program) { numpyScalar(p, "numpy._core.multiarray") },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram()
			build(p)
			p.weight("w")
			f, err := read(checkpointOf(t, p.done(), f32s(4)))
			require.NoError(t, err)
			assert.Equal(t, []string{"extra"}, f.Others)
			assert.Equal(t, []float32{0, 1, 2, 3}, floats(t, f, "w"))
		})
	}
}

// numpyScalar puts what numpy.float64(…) becomes.
func numpyScalar(p *program, module string) {
	p.text("extra")
	p.global(module, "scalar")
	p.op('(')
	p.global("numpy", "dtype")
	p.op('(')
	p.text("f8")
	p.op(0x89, 0x88, 't', 'R', '(', 'K', 3)
	p.text("<")
	p.op('N', 'N', 'N', 't', 'b', 'C', 8, 0, 0, 0, 0, 0, 0, 0, 0, 't', 'R')
}

func TestParametersWithAttributes(t *testing.T) {
	view := func(p *program) { p.view("FloatStorage", "0", 4, 0, []int64{4}, []int64{1}) }
	for name, build := range map[string]func(p *program){
		"a parameter": func(p *program) {
			p.global("torch._utils", "_rebuild_parameter_with_state")
			p.op('(')
			view(p)
			p.op(0x88)
			p.emptyDict()
			p.op('}')
			p.text("lr_scale")
			p.op('K', 2, 's', 't', 'R')
		},
		"a parameter made by its class": func(p *program) {
			p.global("torch.nn.parameter", "Parameter")
			view(p)
			p.op(0x88, 0x86, 0x81)
		},
		"a tensor": func(p *program) {
			p.global("torch._tensor", "_rebuild_from_type_v2")
			p.op('(')
			p.global("torch._utils", "_rebuild_tensor_v2")
			p.global("torch", "Tensor")
			p.op('(')
			p.storage("FloatStorage", "0", 4)
			p.int(0)
			p.ints([]int64{4})
			p.ints([]int64{1})
			p.op('t', '}', 't', 'R')
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram()
			p.text("w")
			build(p)
			f, err := read(checkpointOf(t, p.done(), f32s(4)))
			require.NoError(t, err)
			assert.Equal(t, []float32{0, 1, 2, 3}, floats(t, f, "w"))
		})
	}
}

// PyTorch negates what it has marked as negative when it is used; the file holds the numbers as they were.
func TestNegativeTensorsAreNegated(t *testing.T) {
	f, err := read(pickled(t, tensorWith("}(X\x04\x00\x00\x00conj\x89X\x03\x00\x00\x00neg\x88u")))
	require.NoError(t, err)
	assert.Equal(t, []float32{0, -1, -2, -3}, floats(t, f, "w"))
	part := make([]float32, 2)
	require.NoError(t, f.Tensors[0].ReadFloats(part, 1))
	assert.Equal(t, []float32{-1, -2}, part)
	odd := make([]byte, 6)
	require.NoError(t, f.Tensors[0].ReadBytes(odd, 6)) // the middle of -1 to that of -3
	assert.Equal(t, []byte{0x80, 0xbf, 0, 0, 0, 0xc0}, odd)
}

func TestOtherElementTypesAreToldByName(t *testing.T) {
	f, err := read(checkpointOf(t, one("ComplexFloatStorage", 1, 0, []int64{1}, []int64{1}), f32s(2)))
	require.NoError(t, err)
	require.ErrorContains(t, f.Tensors[0].ReadFloats(make([]float32, 1), 0), `tensor "w" holds C64, want F32, F16, BF16 or F64 weights`)
	f, err = read(checkpointOf(t, one("ComplexDoubleStorage", 2, 0, []int64{1}, []int64{2}), make([]byte, 32)))
	require.NoError(t, err)
	require.NoError(t, f.Tensors[0].ReadBytes(make([]byte, 16), 0))
}

// weightOf is the instructions of a tensor "w".
func weightOf() []byte {
	p := &program{}
	p.weight("w")
	return p.pickler
}

func TestObjectsAreRefusedWithTheLineThatSavesTheWeights(t *testing.T) {
	const made = "q\x05)\x81q\x06}q\x07"
	dict := func(key string) string {
		p := newProgram()
		p.within(key, func() { p.weight("w") })
		return string(p.pickler)
	}
	text := func(s string) string {
		var p pickler
		p.text(s)
		return string(p)
	}
	for name, tc := range map[string]struct{ pickle, object, of string }{
		"a whole module":                   {"\x80\x02csrc.model\nRWKV\n" + made, `data.pkl asks for "src.model.RWKV" at offset 2: the file holds a whole module, not a state dict alone`, `weights_only=False).state_dict(), "m-weights.pth")`},
		"the same by protocol 4":           {"\x80\x04\x8c\x08__main__\x94\x8c\x04RWKV\x94\x93\x94)\x81\x94}", "a whole module", ".state_dict()"},
		"a module compiled by TorchScript": {"\x80\x02c__torch__.model\nRWKV\n)\x81}", "an archive of TorchScript", `torch.jit.load("m.pth", map_location="cpu").state_dict()`},
		"a module in an old file":          {"\x80\x02(X\x06\x00\x00\x00modulecsrc.model\nRWKV\nq\x01", "a whole module", ".state_dict()"},
		"a module in a dict":               {"\x80\x02}(" + text("epoch") + "K\x01" + text("model") + "csrc.model\nRWKV\n" + made, "objects beside the tensors", `weights_only=False)["model"].state_dict()`},
		"an object beside a state dict":    {dict("state_dict") + text("args") + "comegaconf.dictconfig\nDictConfig\n)\x81", "objects beside the tensors", `weights_only=False)["state_dict"], "m-weights.pth")`},
		"an object among tensors":          {dict("x")[:4] + string(weightOf()) + text("state") + "cmytrainer\nState\n)\x81", "objects beside the tensors", `torch.save({k: v for k, v in torch.load("m.pth", map_location="cpu", weights_only=False).items() if torch.is_tensor(v)}, "m-weights.pth")`},
		"an object before all tensors":     {"\x80\x02}(" + text("hyper_parameters") + "clightning.data\nAttributeDict\n)\x81", "objects beside the tensors", `["state_dict"], `},
		"a date beside a state dict":       {dict("model") + text("when") + "cdatetime\ndatetime\nq\x09", "objects beside the tensors", `["model"], `},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.pth")
			require.NoError(t, os.WriteFile(path, pickled(t, tc.pickle, "."), 0o600))
			_, err := checkpoint.Open(path, Read)
			var object *objectError
			require.ErrorAs(t, err, &object)
			assert.ErrorContains(t, err, tc.object)
			assert.ErrorContains(t, err, tc.of)
		})
	}
}

func TestCallsAreRefusedWithoutAdvice(t *testing.T) {
	for name, pickle := range map[string]string{
		"of the system":             "\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.",
		"in place of a module":      "\x80\x02cbuiltins\neval\n(X\x01\x00\x00\x001tR.",
		"beside a state dict":       "\x80\x02}(X\x05\x00\x00\x00model}X\x01\x00\x00\x00as." + "cos\nsystem\n)R.",
		"of PyTorch's other loader": "\x80\x02ctorch.storage\n_load_from_bytes\n(tR.",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(pickled(t, pickle))
			require.Error(t, err)
			var object *objectError
			assert.False(t, errors.As(err, &object))
			assert.NotContains(t, err.Error(), "weights_only")
		})
	}
}

func TestTorchScriptArchivesAreNamed(t *testing.T) {
	file := archiveOf(t, member{name: "m/data.pkl", data: []byte("\x80\x02}.")}, member{name: "m/code/__torch__.py", method: 8})
	_, err := read(file)
	require.ErrorContains(t, err, `is an archive of TorchScript, not a state dict alone`)
}

func TestChecksumsOfRecords(t *testing.T) {
	pickle := one("FloatStorage", 4, 0, []int64{4}, []int64{1})
	file := archiveOf(t, member{name: "m/data.pkl", data: pickle}, member{name: "m/data/0", data: f32s(4)}, member{name: "m/version", data: []byte("3\n")})
	check := func(file []byte) (failed []string) {
		f, err := read(file)
		require.NoError(t, err)
		require.Len(t, f.Sums, 3)
		for _, s := range f.Sums {
			if err := s.Check(context.Background()); err != nil {
				failed = append(failed, err.Error())
			}
		}
		return failed
	}
	assert.Empty(t, check(file))
	file[bytes.Index(file, f32s(4))+7] ^= 1
	failed := check(file)
	require.Len(t, failed, 1)
	assert.Contains(t, failed[0], `record "m/data/0" has the checksum`)

	f, err := read(file)
	require.NoError(t, err)
	ended, end := context.WithCancel(context.Background())
	end()
	require.ErrorIs(t, f.Sums[0].Check(ended), context.Canceled)
}

// torch.serialization.set_crc32_options(False) leaves them out.
func TestAFileWithoutChecksums(t *testing.T) {
	pickle := one("FloatStorage", 4, 0, []int64{4}, []int64{1})
	file := archiveOf(t, member{name: "m/data.pkl", data: pickle, unsummed: true}, member{name: "m/data/0", data: f32s(4), unsummed: true})
	f, err := read(file)
	require.NoError(t, err)
	assert.Empty(t, f.Sums)
	assert.Equal(t, checkpoint.F32, f.Tensors[0].DType)
}
