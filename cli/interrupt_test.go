//go:build unix

package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gosling-rwkv/gosling/imatrix"
)

// TestConvertIsStopped stops a conversion as soon as its temporary file appears. There must be no temporary file. There must be
// no output either, unless the signal came too late, and then it must be whole.
func TestConvertIsStopped(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "model.pth"), filepath.Join(dir, "model.gguf")
	c := tinyModel()
	c.Vocab, c.Embed = 1<<15, 512
	writeModel(t, in, c)
	for name, sig := range map[string]os.Signal{"by Ctrl-C": os.Interrupt, "by SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("gosling", "convert", in, out)
			require.NoError(t, cmd.Start())
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			err := signalOnce(cmd.Process, sig, filepath.Join(dir, "*.partial-*"), done)
			if err != nil {
				assert.Equal(t, 130, cmd.ProcessState.ExitCode())
				assert.NoFileExists(t, out)
			} else {
				t.Log("the conversion was faster than the signal")
				require.NoError(t, os.Remove(out))
			}
			left, err := filepath.Glob(filepath.Join(dir, "*.partial-*"))
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

// signalOnce sends the signal when a file that matches pattern exists. It returns how the program ended.
func signalOnce(p *os.Process, sig os.Signal, pattern string, done <-chan error) error {
	for {
		select {
		case err := <-done:
			return err
		default:
		}
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			_ = p.Signal(sig) // the program may have ended already
			return <-done
		}
	}
}

// TestKilledConvertKeepsTheOldFile kills a conversion outright.
func TestKilledConvertKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "model.pth"), filepath.Join(dir, "model.gguf")
	c := tinyModel()
	c.Vocab, c.Embed = 1<<15, 512
	writeModel(t, in, c)
	require.NoError(t, os.WriteFile(out, []byte("old"), 0o600))
	cmd := exec.Command("gosling", "convert", "--force", in, out)
	require.NoError(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	err := signalOnce(cmd.Process, os.Kill, filepath.Join(dir, "*.partial-*"), done)
	if err == nil {
		t.Skip("the conversion was faster than the signal")
	}
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Equal(t, "old", string(data))
}

// TestAComparisonThatWasStoppedGoesOn stops a comparison when the first candidate's notes appear. The resumed comparison must
// print the same as one that was not stopped.
func TestAComparisonThatWasStoppedGoesOn(t *testing.T) {
	needGGML(t)
	dir := t.TempDir()
	checkpoint, base, text := filepath.Join(dir, "model.pth"), filepath.Join(dir, "base.gguf"), filepath.Join(dir, "text")
	writeModel(t, checkpoint, tinyModel())
	require.NoError(t, exec.Command("gosling", "convert", checkpoint, base, "--type", "f32").Run())
	require.NoError(t, os.WriteFile(text, bytes.Repeat([]byte("The goose said to the gander: "), 300), 0o600))
	args := []string{"compare", base, "--types", "q8_0,q4_0", "--text", text, "--context", "64", "--no-speed", "--json", "-t", "1"}
	want, err := exec.Command("gosling", append(args, "--work", t.TempDir())...).Output()
	require.NoError(t, err)

	args = append(args, "--work", dir)
	cmd := exec.Command("gosling", args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if err := signalOnce(cmd.Process, os.Interrupt, filepath.Join(dir, "gosling-compare-*", "*.positions"), done); err == nil {
		t.Skip("the comparison was faster than the signal")
	}
	assert.Equal(t, 130, cmd.ProcessState.ExitCode())
	assert.Contains(t, said.String(), "--resume to continue")
	got, err := exec.Command("gosling", append(args, "--resume")...).Output()
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
	left, err := filepath.Glob(filepath.Join(dir, "gosling-compare-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestAnImportanceMatrixThatWasStoppedGoesOn(t *testing.T) {
	needGGML(t)
	dir := t.TempDir()
	checkpoint, model, text := filepath.Join(dir, "model.pth"), filepath.Join(dir, "model.gguf"), filepath.Join(dir, "text")
	writeModel(t, checkpoint, tinyModel())
	require.NoError(t, exec.Command("gosling", "convert", checkpoint, model, "--type", "f32").Run())
	require.NoError(t, os.WriteFile(text, bytes.Repeat([]byte("The goose said to the gander: "), 2000), 0o600))
	whole, part := filepath.Join(dir, "whole.gguf"), filepath.Join(dir, "part.gguf")
	args := []string{"imatrix", model, "--text", text, "--ctx", "64", "--threads", "1", "-o"}
	require.NoError(t, exec.Command("gosling", append(args, whole)...).Run())

	cmd := exec.Command("gosling", append(args, part)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if err := signalOnce(cmd.Process, os.Interrupt, part, done); err == nil {
		t.Skip("the matrix was made faster than the signal came")
	}
	assert.Equal(t, 130, cmd.ProcessState.ExitCode())
	assert.Contains(t, said.String(), "with --resume to continue")
	stopped, err := imatrix.Read(part)
	require.NoError(t, err)
	require.NoError(t, exec.Command("gosling", append(args, part, "--resume")...).Run())
	want, err := imatrix.Read(whole)
	require.NoError(t, err)
	got, err := imatrix.Read(part)
	require.NoError(t, err)
	assert.Less(t, stopped.Chunks, want.Chunks)
	assert.Equal(t, want.Chunks, got.Chunks)
	for i, e := range want.Entries {
		assert.Equal(t, e.Tokens, got.Entries[i].Tokens, e.Name)
		assert.InEpsilonSlice(t, e.Squares, got.Entries[i].Squares, 1e-5, e.Name)
	}
}

// waiting starts a command that waits for a pipe. It returns once the command has opened its end.
func waiting(t *testing.T, pipe string, flag int, args ...string) (*exec.Cmd, *os.File) {
	t.Helper()
	cmd := exec.Command("gosling", args...)
	cmd.Stdin, cmd.Stderr = nil, &bytes.Buffer{}
	require.NoError(t, cmd.Start())
	for {
		other, err := os.OpenFile(pipe, flag|unix.O_NONBLOCK, 0)
		if err == nil {
			return cmd, other
		}
		require.ErrorIs(t, err, unix.ENXIO, "as long as the program has not opened it to read")
	}
}

// TestTheFirstSignalEndsAWaitForAPipe keeps the other end of the pipe open, but writes or reads nothing.
func TestTheFirstSignalEndsAWaitForAPipe(t *testing.T) {
	needGGML(t)
	dir := t.TempDir()
	checkpoint, model, pipe := filepath.Join(dir, "model.pth"), filepath.Join(dir, "model.gguf"), filepath.Join(dir, "pipe")
	writeModel(t, checkpoint, tinyModel())
	require.NoError(t, exec.Command("gosling", "convert", checkpoint, model, "--type", "f32").Run())
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	sentences := filepath.Join(dir, "sentences")
	require.NoError(t, os.WriteFile(sentences, bytes.Repeat([]byte("goose\n"), 400), 0o600))
	for name, args := range map[string][]string{
		"a prompt":      {"run", model, "--file", pipe},
		"tools":         {"run", model, "--tools", pipe, "hi"},
		"a state":       {"run", model, "--state", pipe, "hi"},
		"a text":        {"perplexity", model, "--text", pipe},
		"sentences":     {"embed", model, "-f", pipe},
		"tokens":        {"logits", model, "--tokens-file", pipe, "-o", filepath.Join(dir, "out")},
		"questions":     {"eval", "tasks", model, "--file", pipe},
		"a vocabulary":  {"tokenize", "--vocab", pipe, "a"},
		"sensitivities": {"quantize", model, "--target-bpw", "8", "--sensitivity", pipe, filepath.Join(dir, "q.gguf")},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, writer := waiting(t, pipe, os.O_WRONLY, args...)
			defer writer.Close()
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			require.Error(t, cmd.Wait())
			assert.Equal(t, 130, cmd.ProcessState.ExitCode(), "%s", cmd.Stderr)
			assert.Empty(t, cmd.Stderr.(*bytes.Buffer).String())
		})
	}
	for name, args := range map[string][]string{
		"logits":     {"logits", model, "--prompt", string(bytes.Repeat([]byte("goose "), 100)), "--all", "-o", pipe},
		"embeddings": {"embed", model, "-f", sentences, "-o", pipe},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, reader := waiting(t, pipe, os.O_RDONLY, args...)
			defer reader.Close()
			for n := 0; n == 0; { // until the program writes
				n, _ = reader.Read(make([]byte, 1))
			}
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
			require.Error(t, cmd.Wait())
			assert.Equal(t, 130, cmd.ProcessState.ExitCode(), "%s", cmd.Stderr)
		})
	}
	t.Run("standard output", func(t *testing.T) {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		defer r.Close()
		cmd := exec.Command("gosling", "logits", model, "--prompt", string(bytes.Repeat([]byte("goose "), 100)), "--all", "-o", "-")
		cmd.Stdout = w
		require.NoError(t, cmd.Start())
		require.NoError(t, w.Close())
		_, err = r.Read(make([]byte, 1))
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.Error(t, cmd.Wait())
		assert.Equal(t, 130, cmd.ProcessState.ExitCode())
	})
}
