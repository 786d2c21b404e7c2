package doctor

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/check"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/cpus"
)

func TestFitsMemorySaysWhatToDoAboutAModelThatIsTooLarge(t *testing.T) {
	total, err := fit.ThisRAM()
	require.NoError(t, err)
	rows := []fit.Row{{Mix: "F16", Size: 100, RAM: 4 * total}, {Mix: "Q8_0", Size: 50, RAM: 2 * total}, {Mix: "Q2_K", Size: 10, RAM: 1}}
	for name, tc := range map[string]struct {
		row    fit.Row
		rows   []fit.Row
		status Status
		advice string
	}{
		"a small model":                     {fit.Row{Size: 10, RAM: 1}, rows, OK, ""},
		"one that a quantization makes fit": {fit.Row{Size: 100, RAM: 4 * total}, rows, Problem, "quantize it with gosling quantize m.gguf Q2_K: it then takes"},
		"one that nothing makes fit":        {fit.Row{Size: 100, RAM: 4 * total}, rows[:2], Problem, "use a smaller model"},
		"one that is as small as it gets":   {fit.Row{Size: 10, RAM: 4 * total}, rows, Problem, "use a smaller model"},
	} {
		t.Run(name, func(t *testing.T) {
			k := fitsMemory(tc.row, tc.rows, "m.gguf")
			assert.Equal(t, tc.status, k.Status, k.Text)
			assert.Contains(t, k.Advice, tc.advice)
		})
	}
}

func TestTheProcessorsAreToldWithWhatLimitsThem(t *testing.T) {
	for text, p := range map[string]cpus.Processors{
		"1 core, 1 processor may be used: 1 thread by default":                                 {Allowed: 1, Cores: 1, Fast: 1},
		"12 cores, 8 of them fast, 20 processors may be used: 8 threads by default":            {Allowed: 20, Cores: 12, Fast: 8},
		"8 cores, 16 processors may be used, limited to the time of 2.5: 2 threads by default": {Allowed: 16, Cores: 8, Fast: 8, Quota: 2.5},
	} {
		examineProcessors(p, func(k Check) { assert.Equal(t, Check{Name: "cores", Status: OK, Text: text}, k) })
	}
}

func TestExamineFolderTellsWhatKeepsItFromWriting(t *testing.T) {
	dir := t.TempDir()
	assert.NotEqual(t, Problem, examineFolder(dir, Problem, "advice").Status)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "the probe is removed")

	gone := examineFolder(filepath.Join(dir, "gone"), Problem, "advice")
	assert.Equal(t, Check{Status: Problem, Text: gone.Text, Advice: "advice"}, gone)
	assert.Contains(t, gone.Text, "gone: cannot write there: ")

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	assert.Equal(t, Warning, examineFolder(file, Warning, "advice").Status)
}

func TestLastWordsNameWhatAProcessDiedOf(t *testing.T) {
	died := errors.New("exit status 2")
	assert.Equal(t, "SIGBUS: bus error", lastWords("level=INFO msg=loading\nSIGBUS: bus error\nPC=0x1 m=0\n\ngoroutine 1\n", died))
	assert.Equal(t, "m.gguf: is not a model", lastWords("gosling: m.gguf: is not a model\n", died))
	assert.Equal(t, "exit status 2", lastWords("", died))
}

func TestMessagesAreFoundByTheirBackend(t *testing.T) {
	var m messages
	log := slog.New(slog.NewTextHandler(&m, nil))
	log.Info("loaded Vulkan backend from x")
	log.Info("ggml_vulkan: No devices found.", "from", "ggml")
	log.Info("short")
	assert.Equal(t, []string{"loaded Vulkan backend from x", "ggml_vulkan: No devices found.", "short"}, m.lines())
	assert.Equal(t, ": ggml_vulkan: No devices found.", reasonIn(m.lines(), "vulkan"))
	assert.Empty(t, reasonIn(m.lines(), "cuda"))
}

func TestBackendFilesAreToldByTheirNames(t *testing.T) {
	for name, want := range map[string]string{
		"libggml-vulkan.so": "vulkan", "ggml-cuda.dll": "cuda", "libggml-metal.so": "metal",
		"libggml-cpu-zen4.so": "", "libggml-base.so": "", "libggml.vulkan.v0.5.0.so": "",
	} {
		var got string
		if match := backendFile.FindStringSubmatch(name); match != nil {
			got = match[1]
		}
		assert.Equal(t, want, got, name)
	}
}

func TestOfManyFaultsTheFirstAreTold(t *testing.T) {
	var r Report
	tellFindings("m.gguf", check.Findings{Problems: []string{"a", "b", "c", "d", "e", "f", "g"}}, r.add)
	require.Len(t, r.Checks, mostFindings+1)
	assert.Equal(t, Check{"model", Problem, "and 2 more", "see all with gosling inspect --check m.gguf"}, r.Checks[mostFindings])

	r = Report{}
	tellFindings("m.gguf", check.Findings{Notes: []string{"a"}}, r.add)
	assert.Equal(t, []Check{{"model", OK, "m.gguf: nothing is wrong\nnote: a", ""}}, r.Checks)
}

func TestAnAdviceStandsBelowWhatItIsFor(t *testing.T) {
	var b bytes.Buffer
	Check{Name: "disk", Status: Problem, Text: "one\ntwo", Advice: "do this"}.WriteText(&b)
	assert.Equal(t, "problem  disk         one\n                      two\n                      -> do this\n", b.String())
}
