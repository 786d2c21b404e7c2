package cli_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/cli"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/fakehub"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/internal/writers"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"gosling": func() { os.Exit(cli.RunAt(clock(), os.Args, os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// clock returns the system's clock. With CLOCK=stopped it stands still, as coarse clocks do for short times.
func clock() func() time.Time {
	if os.Getenv("CLOCK") != "stopped" {
		return time.Now
	}
	now := time.Now()
	return func() time.Time { return now }
}

// TestScripts runs testdata/script. The condition [ggml] holds if ggml's libraries are installed, and LIBRARIES is their folder.
// Besides testscript's own commands there are:
//   - synth FILE [NAME=N ...] makes a checkpoint with random weights, or the GGUF file of a hybrid
//   - tuned FILE makes a tuned state for it
//   - webrwkv IN OUT rewrites a .pth as web-rwkv does
//   - size FILE BYTES checks a file's size
//   - cut FILE BYTES cuts a file short
//   - sparse FILE BYTES makes a file of zeros that takes no space
//   - split FILE N splits a GGUF file into N parts
//   - old FILE makes an importance matrix in the .dat format
//   - replace FILE TEXT NEW replaces TEXT by NEW, which is quoted and has the same length
//   - hub REPO FILE[=NAME] ... adds files to a hub, which HF_ENDPOINT names
//   - break [FAULT] lets the hub fail from now on: corrupt, cut, gated, large, missing, or nothing
//   - spoil DIR makes a folder of ggml's libraries in which this processor's build computes wrongly
func TestScripts(t *testing.T) {
	libraries := ggmlDir()
	dir := filepath.Join("testdata", "script")
	var files []string
	if testing.Short() { // the race detector's run, which is ten times as slow: only scripts with goroutines of their own
		for _, name := range []string{"chat", "convert", "quantize"} {
			files = append(files, filepath.Join(dir, name+".txtar"))
		}
		dir = ""
	}
	testscript.Run(t, testscript.Params{
		Dir: dir, Files: files,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GOSLING_GGML", libraries)
			env.Setenv("LIBRARIES", libraries)
			env.Setenv("HF_HOME", filepath.Join(env.WorkDir, "hf"))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "data"))
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "kept"))
			return nil
		},
		Condition: func(cond string) (bool, error) { return cond == "ggml" && libraries != "", nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"synth": scriptSynth, "size": scriptSize, "cut": scriptCut, "spoil": scriptSpoil, "split": scriptSplit, "old": scriptOld, "replace": scriptReplace, "hub": scriptHub, "break": scriptBreak,
			"sparse": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), nil, 0o600))
				scriptCut(ts, false, args)
			},
			"tuned": func(ts *testscript.TestScript, _ bool, args []string) { tunedState().Save(t, ts.MkAbs(args[0])) },
			"webrwkv": func(ts *testscript.TestScript, _ bool, args []string) {
				writers.WebRWKV(t, writers.Open(t, ts.MkAbs(args[0]))).Save(t, ts.MkAbs(args[1]))
			},
		},
	})
}

// tunedState returns a state for synth's model. F16 can represent its numbers.
func tunedState() writers.File {
	var all writers.File
	for layer := range 2 {
		data := make([]byte, 2*32*32*2)
		for i := range data {
			if i%2 == 1 { // the exponents of numbers from 2^-14 to 1
				data[i] = byte(i * 7 % 60)
			}
		}
		all = append(all, writers.Tensor{Name: fmt.Sprintf("blocks.%d.att.time_state", layer), DType: checkpoint.F16, Shape: []int64{2, 32, 32}, Data: data})
	}
	return all
}

// ggmlDir returns the folder of ggml's libraries, or "" if there is none.
func ggmlDir() string {
	o := ggmltest.Options()
	o.Device = "cpu"
	dir, err := ggml.Find(o)
	if err != nil {
		return ""
	}
	return dir
}

// needGGML skips a test if there are no libraries. Otherwise it tells started programs where they are.
func needGGML(t *testing.T) {
	t.Helper()
	dir := ggmlDir()
	if dir == "" {
		t.Skip("no ggml libraries: make ggml")
	}
	t.Setenv("GOSLING_GGML", dir)
}

// tinyModel is the checkpoint for most tests. Its 257 tokens are the end of text and the bytes.
func tinyModel() synth.Config {
	return synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: 1}
}

func writeModel(t require.TestingT, path string, c synth.Config) {
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	w := bufio.NewWriter(f)
	require.NoError(t, synth.Write(w, c))
	require.NoError(t, w.Flush())
}

func scriptSynth(ts *testscript.TestScript, _ bool, args []string) {
	c := tinyModel()
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		if name == "version" {
			c.Version = value
			continue
		}
		n, err := strconv.Atoi(value)
		ts.Check(err)
		switch name {
		case "layers":
			c.Layers = n
		case "embed":
			c.Embed = n
		case "ranks":
			c.Ranks = synth.Ranks{Decay: n, Rate: n, Value: n, Gate: n}
		case "vocab":
			c.Vocab = n
		case "seed":
			c.Seed = uint64(n)
		default:
			ts.Fatalf("synth: no %q", name)
		}
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	if slices.Contains(synth.Hybrids(), c.Version) {
		ts.Check(synth.WriteGGUF(f, c))
	} else {
		ts.Check(synth.Write(f, c))
	}
	ts.Check(f.Close())
}

func scriptSize(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if want := args[1]; (strconv.FormatInt(info.Size(), 10) == want) == neg {
		ts.Fatalf("%s has %d bytes", args[0], info.Size())
	}
}

func scriptSplit(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	_, err = synth.Split(ts.MkAbs(args[0]), n)
	ts.Check(err)
}

func scriptOld(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	m, err := imatrix.Read(path)
	ts.Check(err)
	var out bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			ts.Check(binary.Write(&out, binary.LittleEndian, v))
		}
	}
	put(int32(len(m.Entries)))
	for _, e := range m.Entries {
		const chunks = 3
		put(int32(len(e.Name)), []byte(e.Name), int32(chunks), int32(len(e.Squares)))
		for _, x := range e.Squares {
			put(float32(x / float64(e.Tokens) * chunks))
		}
	}
	put(int32(m.Chunks), int32(len(m.Datasets[0])), []byte(m.Datasets[0]))
	ts.Check(os.WriteFile(strings.TrimSuffix(path, ".gguf")+".dat", out.Bytes(), 0o666))
}

// hubs are the hubs of running scripts, by working folder.
var hubs sync.Map

func scriptHub(ts *testscript.TestScript, _ bool, args []string) {
	made, old := hubs.LoadOrStore(ts.Getenv("WORK"), fakehub.New())
	h := made.(*fakehub.Hub)
	if !old {
		ts.Defer(h.Close)
		ts.Setenv("HF_ENDPOINT", h.URL)
		ts.Setenv("MODELSCOPE_DOMAIN", h.URL)
	}
	for _, arg := range args[1:] {
		file, name, ok := strings.Cut(arg, "=")
		if !ok {
			name = file
		}
		data, err := os.ReadFile(ts.MkAbs(file))
		ts.Check(err)
		h.Add(args[0], map[string][]byte{name: data})
	}
}

func scriptBreak(ts *testscript.TestScript, _ bool, args []string) {
	made, _ := hubs.Load(ts.Getenv("WORK"))
	faults := map[string]fakehub.Faults{
		"": {}, "corrupt": {Corrupt: true}, "cut": {CutAfter: 20_000, NoRanges: true}, "missing": {Status: 404, ErrorCode: "RepoNotFound"},
		"gated": {Status: 403, ErrorCode: "GatedRepo"}, "large": {Larger: 1 << 50},
	}
	f, ok := faults[strings.Join(args, "")]
	if !ok {
		ts.Fatalf("break: no %q", args)
	}
	made.(*fakehub.Hub).Break(f)
}

// scriptReplace replaces a text throughout a file by another one of the same length, which is quoted as in Go.
func scriptReplace(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	by, err := strconv.Unquote(args[2])
	ts.Check(err)
	if len(by) != len(args[1]) || !bytes.Contains(data, []byte(args[1])) {
		ts.Fatalf("%q cannot stand for %q in %s", by, args[1], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.ReplaceAll(data, []byte(args[1]), []byte(by)), 0o666))
}

func scriptCut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// iq4 are the values of the codes of IQ4_NL.
var iq4 = []int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

func scriptSpoil(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	from := ts.Getenv("LIBRARIES")
	ts.Check(ts.Exec("gosling", "devices", "--json"))
	var devices struct {
		Variant string `json:"cpu_variant"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &devices))
	ts.Check(os.MkdirAll(dir, 0o755))
	files, err := filepath.Glob(filepath.Join(from, "libggml*"))
	ts.Check(err)
	for _, file := range files {
		to := filepath.Join(dir, filepath.Base(file))
		if !strings.Contains(file, "ggml-cpu-"+devices.Variant+".") {
			ts.Check(os.Symlink(file, to))
			continue
		}
		library, err := os.ReadFile(file)
		ts.Check(err)
		right, err := binary.Append(nil, binary.LittleEndian, iq4)
		ts.Check(err)
		wrong := bytes.Clone(right)
		wrong[0] = 127
		ts.Check(os.WriteFile(to, bytes.ReplaceAll(library, right, wrong), 0o755))
	}
}
