package doctor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/lm"
)

// partKey, folderKey and modelKey are variables that say what the restarted test program examines.
const partKey, folderKey, modelKey = "DOCTOR_PART", "DOCTOR_FOLDER", "DOCTOR_MODEL"

func TestMain(m *testing.M) {
	part, ok := os.LookupEnv(partKey)
	switch {
	case !ok:
		os.Exit(m.Run())
	case part == "sleep":
		fmt.Println(`{"name": "sleep", "status": "ok"}`)
		time.Sleep(time.Minute)
	case part == "die":
		fmt.Fprintln(os.Stderr, "level=INFO msg=opening\nGGML_ASSERT(n > 0) failed\nmore")
		os.Exit(3)
	}
	o := Options{Options: lm.Options{Libraries: os.Getenv(folderKey)}, Model: os.Getenv(modelKey)}
	if err := Examine(context.Background(), os.Stdout, Part(part), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// again starts this program again. It examines the given part, if there is one, instead of the requested one.
func again(instead map[Part]Part) func(context.Context, Part, Options) (*exec.Cmd, error) {
	return func(ctx context.Context, part Part, o Options) (*exec.Cmd, error) {
		exe, err := os.Executable()
		cmd := exec.CommandContext(ctx, exe)
		if other, ok := instead[part]; ok {
			part = other
		}
		cmd.Env = append(os.Environ(), partKey+"="+string(part), folderKey+"="+o.Options.Libraries, modelKey+"="+o.Model)
		return cmd, err
	}
}

// libraries returns the folder of ggml. It skips the test without ggml.
func libraries(t *testing.T) lm.Options {
	t.Helper()
	o := ggmltest.Options()
	o.Device = "cpu"
	folder, err := ggml.Find(o)
	if err != nil {
		t.Skipf("no ggml: %v", err)
	}
	return lm.Options{Libraries: folder, CPUVariant: o.CPUVariant}
}

// model writes a tiny model, as a checkpoint and as a GGUF file.
func model(t *testing.T) (checkpoint, file string) {
	t.Helper()
	dir := t.TempDir()
	checkpoint, file = filepath.Join(dir, "m.pth"), filepath.Join(dir, "m.gguf")
	var data bytes.Buffer
	require.NoError(t, synth.Write(&data, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: 1}))
	require.NoError(t, os.WriteFile(checkpoint, data.Bytes(), 0o600))
	_, err := convert.Run(t.Context(), checkpoint, file, convert.Options{})
	require.NoError(t, err)
	return checkpoint, file
}

// found returns the last check of a name.
func found(r Report, name string) Check {
	var last Check
	for _, k := range r.Checks {
		if k.Name == name {
			last = k
		}
	}
	return last
}

func TestWithoutLibrariesTheMachineIsExamined(t *testing.T) {
	left := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(left, "base.logits"), make([]byte, 2048), 0o600))
	empty := t.TempDir()
	var told []Check
	r, err := Run(t.Context(), Options{
		Options: lm.Options{Libraries: empty}, NamedBy: "--ggml", Version: "1.2",
		Left: []Left{{left, "gosling compare m.gguf"}}, Tell: func(k Check) { told = append(told, k) },
	})
	require.NoError(t, err)
	assert.Equal(t, r.Checks, told)
	assert.Equal(t, Check{Name: "gosling", Status: OK, Text: "1.2"}, r.Checks[0])
	for _, name := range []string{"cores", "memory", "folder", "temporary"} {
		assert.NotEmpty(t, found(r, name).Text, name)
	}
	assert.Equal(t, left+": 2.0 KiB left by gosling compare m.gguf, which was stopped", found(r, "left over").Text)
	k := found(r, "libraries")
	assert.Equal(t, Problem, k.Status)
	assert.Contains(t, k.Text, "--ggml: the folder "+empty+" holds no ggml libraries")
	assert.Contains(t, k.Advice, "name another folder")
	assert.Equal(t, 1, r.Problems)

	r, err = Run(t.Context(), Options{Options: lm.Options{Libraries: "nowhere"}, NamedBy: "GOSLING_GGML"})
	require.NoError(t, err)
	assert.Contains(t, found(r, "libraries").Advice, "correct GOSLING_GGML")
}

func TestEveryDeviceComputesSomethingKnown(t *testing.T) {
	o := Options{Options: libraries(t)}
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	assert.Contains(t, found(r, "ggml").Text, "version ")
	assert.NotEmpty(t, found(r, "processor").Text)
	assert.Equal(t, OK, found(r, "CPU").Status, found(r, "CPU").Text)
	assert.Contains(t, found(r, "CPU").Text, "computes correctly")
}

func TestKernelsAreComparedWithGGML(t *testing.T) {
	if kernels.Best() == kernels.None {
		t.Skip("this processor has no kernels")
	}
	o := Options{Options: libraries(t)}
	check := func() Check {
		var r Report
		require.NoError(t, o.examineKernelsApart(t.Context(), r.add))
		require.Len(t, r.Checks, 1)
		return r.Checks[0]
	}
	for _, level := range levelNames() {
		o.Kernels = level
		k := check()
		assert.Equal(t, OK, k.Status, k.Text)
		assert.Contains(t, k.Text, level+", computes correctly: ")
		assert.Contains(t, k.Text, "Q4_K")
		assert.NotContains(t, k.Text, "not compared")
	}

	o.multiply = func(m *kernels.Matrix, x []float32) ([]float32, error) {
		y, err := m.Multiply(x)
		y[len(y)-1] += 1
		return y, err
	}
	k := check()
	assert.Equal(t, Problem, k.Status)
	assert.Regexp(t, `^\w+, F32: a product of F32 weights, 1 columns at once, is wrong: element 63 is .*, want `, k.Text)
	assert.Contains(t, k.Advice, "--kernels off")

	o.Kernels = "off"
	assert.Equal(t, Check{Name: "kernels", Status: OK, Text: "off: ggml computes; this processor runs " + strings.Join(levelNames(), ", ")}, check())
	o.Kernels = "fast"
	assert.Contains(t, check().Text, "want one of auto, on, off")
	o = Options{Options: lm.Options{Libraries: t.TempDir()}}
	assert.Contains(t, check().Text, "not compared with ggml")
	o.Command = again(map[Part]Part{Kernels: "die"})
	assert.Equal(t, Check{"kernels", Problem, "the test of Gosling's own kernels failed: GGML_ASSERT(n > 0) failed", kernelsAdvice}, check())
}

func TestWhatChoseTheKernels(t *testing.T) {
	both := []string{"avx2", "vnni"}
	for name, tc := range map[string]struct {
		level       string
		levels      []string
		environment string
		want        string
	}{
		"the best":             {"vnni", both, "", "vnni (also: avx2)"},
		"the only one":         {"avx2", both[:1], "auto", "avx2"},
		"off by the flag":      {"off", both, "on", "off, because of --kernels (also: avx2, vnni)"},
		"less by the variable": {"avx2", both, "avx2", "avx2, because of GOSLING_KERNELS (also: vnni)"},
		"another processor":    {"off", nil, "off", "none for this processor"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, DeviceList{Kernels: tc.level, Levels: tc.levels}.KernelsText(tc.environment))
		})
	}
}

func TestAModelIsCheckedAndRun(t *testing.T) {
	o := Options{Options: libraries(t)}
	checkpoint, file := model(t)
	junk := filepath.Join(t.TempDir(), "junk")
	require.NoError(t, os.WriteFile(junk, []byte("no library\n"), 0o600))
	for name, tc := range map[string]struct {
		model string
		want  []Check // how the texts begin
	}{
		"a model":      {file, []Check{{"model", OK, file + ": nothing is wrong", ""}, {"fits", OK, "takes about ", ""}, {"runs", OK, "loaded and predicted a token", ""}}},
		"a checkpoint": {checkpoint, []Check{{"model", OK, checkpoint + ": nothing is wrong", ""}, {"runs", Warning, "a checkpoint of rwkv7", "convert it: gosling convert " + checkpoint}}},
		"none":         {file + ".gone", []Check{{"model", Problem, file + ".gone: ", "name a file that exists"}}},
		"junk":         {junk, []Check{{"model", Problem, junk, "name a .gguf file or a checkpoint"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var r Report
			o.Model = tc.model
			require.NoError(t, o.examineModel(t.Context(), r.add))
			require.Len(t, r.Checks, len(tc.want))
			for i, want := range tc.want {
				k := r.Checks[i]
				assert.Equal(t, []any{want.Name, want.Status}, []any{k.Name, k.Status}, k.Text)
				assert.Contains(t, k.Text, want.Text)
				assert.Contains(t, k.Advice, want.Advice)
			}
		})
	}
	require.NoError(t, os.Truncate(file, 60000))
	var r Report
	o.Model = file
	require.NoError(t, o.examineModel(t.Context(), r.add))
	assert.Contains(t, r.Checks[0].Advice, "download it again")
	assert.Empty(t, found(r, "runs"), "a damaged model is not run")
}

func TestAnotherProcessTellsTheSame(t *testing.T) {
	o := Options{Options: libraries(t)}
	_, o.Model = model(t)
	o.Command = again(nil)
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, OK, found(r, "CPU").Status)
	assert.Contains(t, found(r, "runs").Text, "loaded and predicted a token")
}

func TestWhatAProcessDiedOfIsTold(t *testing.T) {
	o := Options{Model: "m.gguf", Command: again(map[Part]Part{Libraries: "die"})}
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	assert.Contains(t, found(r, "ggml").Text, "the libraries or a driver failed: GGML_ASSERT(n > 0) failed")
	assert.Equal(t, Check{"model", Warning, "m.gguf was not checked", "repair the libraries first"}, found(r, "model"))

	var model Report
	o.Command = again(map[Part]Part{File: "die"})
	require.NoError(t, o.examineModel(t.Context(), model.add))
	require.Len(t, model.Checks, 1)
	assert.Equal(t, "m.gguf: the check failed: GGML_ASSERT(n > 0) failed", model.Checks[0].Text)

	fault, err := o.apart(t.Context(), "no such part", func(Check) {})
	require.NoError(t, err)
	assert.Equal(t, `no part "no such part"`, fault)
}

func TestAProcessEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := Options{Command: again(map[Part]Part{Libraries: "sleep"}), Tell: func(k Check) {
		if k.Name == "sleep" {
			cancel()
		}
	}}
	_, err := Run(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
}

func TestDevices(t *testing.T) {
	o := libraries(t)
	list, err := Devices(o)
	require.NoError(t, err)
	require.NotEmpty(t, list.Devices)
	assert.NotEmpty(t, list.GGML)
	assert.Equal(t, o.Libraries, list.Libraries)
	for _, d := range list.Devices {
		if d.Type == "CPU" {
			assert.NotEmpty(t, d.Features)
			assert.Positive(t, d.Total)
		}
	}

	_, ok := DeviceList{Devices: []Device{{Name: "CPU", Type: "CPU", Free: 9}, {Name: "full", Type: string(ggml.GPU)}}}.GPU()
	assert.False(t, ok)
	list.Devices = []Device{{Name: "CPU", Type: "CPU", Free: 9}, {Name: "a", Type: string(ggml.GPU), Free: 1}, {Name: "b", Type: string(ggml.GPU), Free: 2}}
	best, ok := list.GPU()
	assert.True(t, ok)
	assert.Equal(t, "b", best.Name)

	_, err = Devices(lm.Options{Libraries: t.TempDir()})
	var folder *ggml.FolderError
	require.ErrorAs(t, err, &folder)
}
