package cli_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"gosling/bindings"
	"gosling/cli"
	"gosling/imatrix"
	"gosling/internal/synth"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"gosling": func() { os.Exit(cli.Run(os.Args, os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script. Besides testscript's own commands there are "synth FILE [NAME=N ...]", which makes a
// checkpoint of random weights, or the GGUF file of a hybrid, "size FILE BYTES", "cut FILE BYTES", which cuts it short, "split FILE N",
// which makes N parts of a GGUF file, and "old FILE", which makes a .dat of an importance matrix. The condition [ggml] holds where
// the libraries are, and LIBRARIES names their folder.
func TestScripts(t *testing.T) {
	libraries := ggmlDir()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("GOSLING_GGML", libraries)
			env.Setenv("LIBRARIES", libraries)
			return nil
		},
		Condition: func(cond string) (bool, error) { return cond == "ggml" && libraries != "", nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"synth": scriptSynth, "size": scriptSize, "cut": scriptCut, "split": scriptSplit, "old": scriptOld,
		},
	})
}

// ggmlDir is where ggml's libraries are, empty if they are nowhere.
func ggmlDir() string {
	wd, err := os.Getwd()
	if err != nil {
		return ""
	}
	b, err := bindings.Find(bindings.FindOptions{Env: os.Getenv("GOSLING_GGML"), ProjectDirs: []string{wd}, Flavor: "cpu"})
	if err != nil {
		return ""
	}
	return b.Dir
}

// needGGML skips a test without the libraries and tells programs that it starts where they are.
func needGGML(t *testing.T) {
	t.Helper()
	dir := ggmlDir()
	if dir == "" {
		t.Skip("no ggml libraries: make ggml")
	}
	t.Setenv("GOSLING_GGML", dir)
}

// tinyModel is the checkpoint that tests are content with. Its 257 tokens are the bytes.
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

func scriptCut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}
