package models_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/fakehub"
	"github.com/gosling-rwkv/gosling/internal/synth"
	"github.com/gosling-rwkv/gosling/models"
	"github.com/gosling-rwkv/gosling/quant"
)

// pullKey makes the test's program pull from the hub that it names, into the folder that follows.
const pullKey = "GOSLING_TEST_PULL"

func TestMain(m *testing.M) {
	if os.Getenv(pullKey) == "" {
		os.Exit(m.Run())
	}
	if err := pullAlone(os.Getenv(pullKey), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pullAlone(url, dir string) error {
	o := models.Options{
		Store: models.Store{Dir: filepath.Join(dir, "store")}, Machine: fit.Machine{RAM: 64 << 30}, Type: "Q4_K_M",
		Client: func(p hub.Protocol) (*hub.Client, error) {
			return hub.New(hub.Site{Endpoint: url, Named: true, Cache: filepath.Join(dir, "cache")}, hub.Options{})
		},
		Write: quant.Options{Threads: 4, Quantizer: func() (quant.Quantizer, error) { return ggml.Open(ggmltest.Options()) }},
	}
	p, err := models.Prepare(context.Background(), "hf.co/me/goose", o)
	if err != nil {
		return err
	}
	_, err = p.Run(context.Background(), models.Events{})
	return err
}

var anonymous = regexp.MustCompile(`(?m)^Anonymous:\s+(\d+) kB$`)

// TestAPullTakesLittleMemoryAndNoMoreDiskThanItsFiles pulls a checkpoint of 190 MB to Q4_K_M in a process of its own.
func TestAPullTakesLittleMemoryAndNoMoreDiskThanItsFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("pulls 190 MB")
	}
	if _, err := ggml.Find(ggmltest.Options()); err != nil {
		t.Skip("no ggml libraries: make ggml")
	}
	var b bytes.Buffer
	require.NoError(t, synth.Write(&b, synth.Config{Layers: 12, Embed: 768, Vocab: 8192, Seed: 1}))
	size := int64(b.Len())
	require.Greater(t, size, int64(150<<20))
	h := fakehub.New()
	defer h.Close()
	h.Add("me/goose", map[string][]byte{"goose.pth": b.Bytes()})
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), pullKey+"="+h.URL)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var memory, disk int64
	for running := true; running; {
		select {
		case err := <-done:
			require.NoError(t, err)
			running = false
		case <-time.After(20 * time.Millisecond):
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", cmd.Process.Pid))
			if m := anonymous.FindSubmatch(text); m != nil {
				n, err := strconv.ParseInt(string(m[1]), 10, 64)
				require.NoError(t, err)
				memory = max(memory, n<<10)
			}
			disk = max(disk, folderSize(dir))
		}
	}
	result := folderSize(dir)
	t.Logf("at most %d MiB of memory and %d MiB of disk; the checkpoint has %d MiB, the result %d MiB", memory>>20, disk>>20, size>>20, result>>20)
	assert.Positive(t, memory)
	assert.Less(t, memory, int64(128<<20), "the bar is 256 MiB for a model of any size")
	assert.LessOrEqual(t, disk, size+result+1<<20)
	assert.Less(t, result, size/2)
}

func folderSize(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}
