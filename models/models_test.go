package models_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/fakehub"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/internal/writers"
	"github.com/gosling-rwkv/gosling/models"
	"github.com/gosling-rwkv/gosling/quant"
)

// world is a hub and an empty store.
type world struct {
	*fakehub.Hub
	t     *testing.T
	cache string
	o     models.Options
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Hub: fakehub.New(), t: t, cache: filepath.Join(t.TempDir(), "cache")}
	t.Cleanup(w.Close)
	w.o = models.Options{
		Store:   models.Store{Dir: filepath.Join(t.TempDir(), "store")},
		Machine: fit.Machine{RAM: 64 << 30},
		Type:    "F16",
		Client: func(p hub.Protocol) (*hub.Client, error) {
			return hub.New(hub.Site{Protocol: p, Endpoint: w.URL, Named: true, Cache: w.cache}, hub.Options{Wait: time.Millisecond})
		},
		Program: "gosling test",
	}
	return w
}

func (w *world) pull(name string) (models.Entry, error) {
	w.t.Helper()
	p, err := models.Prepare(w.t.Context(), name, w.o)
	if err != nil {
		return models.Entry{}, err
	}
	return p.Run(w.t.Context(), models.Events{})
}

// files lists all files in some folders.
func files(dirs ...string) (names []string) {
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				names = append(names, e.Name())
			}
			return nil
		})
	}
	return names
}

// checkpoint returns a small .pth.
func checkpoint(t *testing.T, seed uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, synth.Write(&b, synth.Config{Layers: 2, Embed: 64, HeadSize: 32, Vocab: 257, Seed: seed}))
	return b.Bytes()
}

// converted returns a small GGUF file of a type.
func converted(t *testing.T, mix string) string {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "m.pth"), filepath.Join(dir, "m.gguf")
	require.NoError(t, os.WriteFile(in, checkpoint(t, 1), 0o600))
	m, err := quant.ParseMix(mix)
	require.NoError(t, err)
	_, err = convert.Run(t.Context(), in, out, convert.Options{Mix: m})
	require.NoError(t, err)
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

const g1 = "BlinkDL/rwkv7-g1"

func TestTheNewestReleaseIsConvertedAndTheCheckpointDropped(t *testing.T) {
	w := newWorld(t)
	w.Add(g1, map[string][]byte{
		"rwkv7-g1-0.1b-20250307-ctx4096.pth":  checkpoint(t, 1),
		"rwkv7-g1d-0.1b-20260129-ctx8192.pth": checkpoint(t, 2),
		"rwkv7-g1a-0.1b-20250728-ctx4096.pth": checkpoint(t, 3),
		"rwkv7-g1d-0.4b-20260210-ctx8192.pth": checkpoint(t, 4),
		"rwkv7b-g1b-0.1b-20260822-x.pth":      checkpoint(t, 5),
		"README.md":                           []byte("goose"),
	})
	e, err := w.pull("rwkv7-g1-0.1b")
	require.NoError(t, err)
	assert.Equal(t, []string{"rwkv7-g1-0.1b"}, e.Names)
	assert.Equal(t, "F16", e.Type)
	assert.Equal(t, "rwkv7-g1d-0.1b-20260129-ctx8192.pth", e.Source.Files[0].Path)
	assert.Equal(t, fakehub.SHA256(checkpoint(t, 2)), e.Source.Files[0].SHA256)
	assert.Equal(t, fakehub.Commit, e.Source.Revision)
	assert.Equal(t, fakehub.SHA256(read(t, e.Path)), e.Files[0].SHA256)
	assert.Equal(t, "BlinkDL--rwkv7-g1--rwkv7-g1d-0.1b-20260129-ctx8192--F16.gguf", filepath.Base(e.Path))
	f, err := gguf.Open(e.Path)
	require.NoError(t, err)
	defer f.Close()
	name, _ := f.String("general.name")
	assert.Equal(t, "rwkv7-g1d-0.1b-20260129-ctx8192", name)
	assert.ElementsMatch(t, []string{filepath.Base(e.Path), "BlinkDL--rwkv7-g1--rwkv7-g1d-0.1b-20260129-ctx8192--F16.json"}, files(w.o.Store.Dir))
	assert.Empty(t, files(w.cache), "the checkpoint is dropped")

	w.Requests()
	again, err := w.pull("RWKV7-G1-0.1B")
	require.NoError(t, err)
	assert.Equal(t, e, again)
	assert.Len(t, w.Requests(), 1, "only the list is asked for")

	other, err := w.pull("hf.co/BlinkDL/rwkv7-g1:rwkv7-g1d-0.1b-20260129-ctx8192.pth")
	require.NoError(t, err)
	assert.Equal(t, e.Path, other.Path, "the same file by another name")
	assert.Len(t, other.Names, 2)
	for _, r := range w.Requests() {
		assert.False(t, r.CDN, "and nothing is downloaded")
	}
	_, err = w.o.Store.Remove(t.Context(), "hf.co/BlinkDL/rwkv7-g1:rwkv7-g1d-0.1b-20260129-ctx8192.pth")
	require.NoError(t, err)

	w.Add(g1, map[string][]byte{"rwkv7-g1e-0.1b-20270101-ctx8192.pth": checkpoint(t, 6)})
	newer, err := w.pull("rwkv7-g1-0.1b")
	require.NoError(t, err)
	assert.Contains(t, newer.Path, "g1e")
	assert.NoFileExists(t, e.Path, "the newer release takes the place of the older one")
	old, err := w.pull("rwkv7-g1a-0.1b")
	require.NoError(t, err)
	assert.Contains(t, old.Path, "rwkv7-g1a-0.1b-20250728")
	assert.Equal(t, []string{"rwkv7-g1-0.1b", "rwkv7-g1a-0.1b"}, w.o.Store.Names())
}

func TestKeepLeavesTheCheckpointToOtherPrograms(t *testing.T) {
	w := newWorld(t)
	w.Add(g1, map[string][]byte{"rwkv7-g1-0.1b-20250307-ctx4096.pth": checkpoint(t, 1)})
	w.o.Keep = true
	_, err := w.pull("rwkv7-g1-0.1b")
	require.NoError(t, err)
	kept := filepath.Join(w.cache, "models--BlinkDL--rwkv7-g1", "snapshots", fakehub.Commit, "rwkv7-g1-0.1b-20250307-ctx4096.pth")
	assert.Equal(t, checkpoint(t, 1), read(t, kept))
	w.o.Keep, w.o.Type = false, "BF16"
	w.Requests()
	e, err := w.pull("rwkv7-g1-0.1b")
	require.NoError(t, err)
	assert.Equal(t, "BF16", e.Type)
	for _, r := range w.Requests() {
		assert.False(t, r.CDN, "what another program has is used,")
	}
	assert.FileExists(t, kept, "and stays")
}

func TestEveryKindOfFile(t *testing.T) {
	w := newWorld(t)
	half := converted(t, "F16")
	parts, err := synth.Split(half, 3)
	require.NoError(t, err)
	split := map[string][]byte{"other-BF16.gguf": read(t, converted(t, "BF16"))}
	for _, part := range parts {
		split["goose-F16"+filepath.Base(part)[1:]] = read(t, part)
	}
	w.Add("me/split", split)
	w.Add("me/single", map[string][]byte{"goose.f16.gguf": read(t, half), "README.md": []byte("x")})
	w.Add("me/plain", map[string][]byte{"sub/My Goose 98%.pth": checkpoint(t, 1)})
	folder := t.TempDir()
	in := filepath.Join(folder, "m.pth")
	require.NoError(t, os.WriteFile(in, checkpoint(t, 1), 0o600))
	writers.WebRWKV(t, writers.Open(t, in)).Save(t, filepath.Join(folder, "model.st"))
	w.Add("me/web", map[string][]byte{"model.st": read(t, filepath.Join(folder, "model.st"))})
	for name, want := range map[string]struct {
		typ    string
		file   string
		source int
	}{
		"hf.co/me/split":                              {"F16", "me--split--goose--F16-00001-of-00003.gguf", 3},
		"hf.co/me/split:BF16":                         {"BF16", "me--split--other--BF16.gguf", 1},
		"hf.co/me/single@main":                        {"F16", "me--single--goose--F16.gguf", 1},
		"https://huggingface.co/me/single":            {"F16", "me--single--goose--F16.gguf", 1},
		"hf.co/me/single:goose.f16.gguf":              {"F16", "me--single--goose--F16.gguf", 1},
		"hf.co/me/plain":                              {"F16", "me--plain--sub--My_Goose_98--F16.gguf", 1},
		"modelscope.cn/me/plain:sub/My Goose 98%.pth": {"F16", "modelscope--me--plain--sub--My_Goose_98--F16.gguf", 1},
		"hf.co/me/web:model.st":                       {"F16", "me--web--model--F16.gguf", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w.o.Type = ""
			if !strings.Contains(name, "BF16") {
				w.o.Type = "F16"
			}
			e, err := w.pull(name)
			require.NoError(t, err)
			assert.Equal(t, want.typ, e.Type)
			assert.Equal(t, want.file, filepath.Base(e.Path))
			assert.Len(t, e.Source.Files, want.source)
			f, err := gguf.Open(e.Path)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			found, err := w.o.Store.Find(name)
			require.NoError(t, err)
			assert.Equal(t, e.Path, found.Path)
		})
	}
	assert.Empty(t, files(w.cache))
	n, problems, err := w.o.Store.Check()
	require.NoError(t, err)
	assert.Equal(t, 6, n)
	assert.Empty(t, problems)
	for _, name := range w.o.Store.Names() {
		_, err := w.o.Store.Remove(t.Context(), name)
		require.NoError(t, err, name)
	}
	assert.Empty(t, files(w.o.Store.Dir))
}

func TestAFolderOfSafetensors(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	in := filepath.Join(dir, "m.pth")
	require.NoError(t, os.WriteFile(in, checkpoint(t, 1), 0o600))
	all := map[string][]byte{"config.json": []byte(`{"model_type":"x"}`)}
	for name, data := range huggingFace(t, in) {
		all[name] = data
	}
	w.Add("me/folder", all)
	e, err := w.pull("hf.co/me/folder")
	require.NoError(t, err)
	f, err := gguf.Open(e.Path)
	require.NoError(t, err)
	defer f.Close()
	name, _ := f.String("general.name")
	assert.Equal(t, "folder", name)
	assert.GreaterOrEqual(t, len(e.Source.Files), 3)
}

func TestWhatEndsInOneErrorLeavesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		name   string
		files  map[string][]byte
		faults fakehub.Faults
		setup  func(w *world)
		want   string
	}{
		"a name that nobody knows":  {name: "swan", want: "swan: no file and no model of that name"},
		"a bad name":                {name: "a b", want: `"a b" is not the name of a model`},
		"an unknown type":           {name: "rwkv7-g1-0.1b:Q9", want: `no type "Q9"`},
		"two types":                 {name: "rwkv7-g1-0.1b:Q8_0", want: "name one type"},
		"half a repository":         {name: "hf.co/me", want: "is not the name of a repository"},
		"a path in a name":          {name: "hf.co/../etc", want: "is not the name of a repository"},
		"a path in a file's name":   {name: "hf.co/me/goose:../x.pth", want: "not a name that a file can have"},
		"a missing repository":      {name: "hf.co/me/swan", want: "no such repository"},
		"no such release":           {name: "rwkv7-g1-0.4b", want: "has no file rwkv7-g1*-0.4b-*.pth"},
		"no model":                  {name: "hf.co/me/goose", files: map[string][]byte{"README.md": []byte("x")}, want: "no .gguf, .pth or .safetensors"},
		"no such file":              {name: "hf.co/me/goose:b.pth", files: map[string][]byte{"a.pth": []byte("x")}, want: "it has a.pth"},
		"several models":            {name: "hf.co/me/goose", files: map[string][]byte{"a.pth": []byte("x"), "b.pth": []byte("x")}, want: "name one of its files: a.pth, b.pth"},
		"other types only":          {name: "hf.co/me/goose", files: map[string][]byte{"a-Q8_0.gguf": []byte("x")}, want: "has no F16 and no checkpoint to make it from: it has a-Q8_0.gguf"},
		"a missing part":            {name: "hf.co/me/goose:a-00001-of-00002.gguf", files: map[string][]byte{"a-00001-of-00002.gguf": []byte("x")}, want: "part a-00002-of-00002.gguf of the model is missing"},
		"a file that is no model":   {name: "hf.co/me/goose:a.txt", files: map[string][]byte{"a.txt": []byte("x")}, want: "want a .gguf, .pth or .safetensors"},
		"a checkpoint that is none": {name: "hf.co/me/goose", files: map[string][]byte{"a.pth": make([]byte, 5000)}, want: "me/goose: a.pth: "},
		"a GGUF file that is none":  {name: "hf.co/me/goose", files: map[string][]byte{"a-F16.gguf": make([]byte, 5000)}, want: "me/goose: "},
		"a wrong checksum":          {name: "rwkv7-g1-0.1b", faults: fakehub.Faults{Corrupt: true}, want: "has the hash"},
		"a server that fails":       {name: "rwkv7-g1-0.1b", faults: fakehub.Faults{Status: 503}, want: "503"},
		"a gated model":             {name: "hf.co/me/gated", setup: func(w *world) { w.Add("me/gated", map[string][]byte{"a.pth": make([]byte, 5000)}).Gated = true }, want: "grants access by hand"},
		"more than the disk holds":  {name: "rwkv7-g1-0.1b", faults: fakehub.Faults{Larger: 1 << 50}, want: "are needed there"},
		"a library that is missing": {name: "rwkv7-g1-0.1b", setup: func(w *world) {
			w.o.Type = "Q4_K_M"
			w.o.Write.Quantizer = func() (quant.Quantizer, error) { return nil, os.ErrNotExist }
		}, want: "file does not exist"},
		"a model of another program": {name: "hf.co/me/llama", setup: func(w *world) { w.Add("me/llama", map[string][]byte{"a-F16.gguf": llama(w.t)}) }, want: "llama"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Add(g1, map[string][]byte{"rwkv7-g1-0.1b-20250307-ctx4096.pth": checkpoint(t, 1)})
			w.Add("me/goose", tc.files)
			w.Break(tc.faults)
			if tc.setup != nil {
				tc.setup(w)
			}
			_, err := w.pull(tc.name)
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), ".work-")
			assert.NotContains(t, err.Error(), "\n")
			assert.Empty(t, files(w.cache, w.o.Store.Dir))
		})
	}
}

func TestAModelThatIsTooLargeForTheMachine(t *testing.T) {
	w := newWorld(t)
	w.Add(g1, map[string][]byte{"rwkv7-g1-13.3b-20260307-ctx4096.pth": checkpoint(t, 1)})
	w.o.Type, w.o.Machine = "Q8_0", fit.Machine{RAM: 8 << 30}
	p, err := models.Prepare(t.Context(), "rwkv7-g1-13.3b", w.o)
	require.NoError(t, err)
	assert.False(t, p.Runs)
	assert.InDelta(t, 13e9, p.Need.CPU.RAM, 2e9)
	w.o.Machine.VRAM = 24 << 30
	p, err = models.Prepare(t.Context(), "rwkv7-g1-13.3b", w.o)
	require.NoError(t, err)
	assert.True(t, p.Runs, "on the GPU")
}

func TestAStoppedPullContinues(t *testing.T) {
	w := newWorld(t)
	w.Add(g1, map[string][]byte{"rwkv7-g1-0.1b-20250307-ctx4096.pth": checkpoint(t, 1)})
	w.Break(fakehub.Faults{Pause: time.Millisecond, Piece: 5_000})
	p, err := models.Prepare(t.Context(), "rwkv7-g1-0.1b", w.o)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	_, err = p.Run(ctx, models.Events{Progress: func(_ string, done, total int64) {
		if done > total/2 {
			stop()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, files(w.o.Store.Dir))
	w.Break(fakehub.Faults{})
	next, err := models.Prepare(t.Context(), "rwkv7-g1-0.1b", w.o)
	require.NoError(t, err)
	assert.Less(t, next.Download, p.Download/2+1)
	_, err = next.Run(t.Context(), models.Events{})
	require.NoError(t, err)
}

func TestTwoPullsOfOneModelWaitForEachOther(t *testing.T) {
	w := newWorld(t)
	w.Add(g1, map[string][]byte{"rwkv7-g1-0.1b-20250307-ctx4096.pth": checkpoint(t, 1)})
	w.Break(fakehub.Faults{Pause: time.Millisecond, Piece: 20_000})
	var mu sync.Mutex
	var notes []string
	var both sync.WaitGroup
	for range 3 {
		p, err := models.Prepare(t.Context(), "rwkv7-g1-0.1b", w.o)
		require.NoError(t, err)
		both.Go(func() {
			_, err := p.Run(t.Context(), models.Events{Note: func(text string) {
				mu.Lock()
				defer mu.Unlock()
				notes = append(notes, text)
			}})
			assert.NoError(t, err)
		})
	}
	both.Wait()
	assert.Equal(t, 1, fakehub.Sent(w.Requests()))
	assert.Contains(t, notes, "another program pulls this model: waiting for it")
	assert.Len(t, files(w.o.Store.Dir, w.cache), 2)
}

// huggingFace returns a checkpoint as a folder in Hugging Face's layout, in two files.
func huggingFace(t *testing.T, in string) map[string][]byte {
	t.Helper()
	all := writers.FLA7(writers.Open(t, in), false)
	dir := t.TempDir()
	index := map[string]any{"metadata": map[string]any{}}
	places := map[string]string{}
	out := map[string][]byte{}
	for i, part := range []writers.File{all[:len(all)/2], all[len(all)/2:]} {
		name := []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}[i]
		part.Save(t, filepath.Join(dir, name))
		out[name] = read(t, filepath.Join(dir, name))
		for _, tensor := range part {
			places[tensor.Name] = name
		}
	}
	index["weight_map"] = places
	data, err := json.Marshal(index)
	require.NoError(t, err)
	out["model.safetensors.index.json"] = data
	return out
}

// llama returns a GGUF file of another architecture.
func llama(t *testing.T) []byte {
	t.Helper()
	return bytes.Replace(read(t, converted(t, "F16")), []byte("rwkv7"), []byte("llama"), 1)
}
