package lm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/dialect"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/internal/writers"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// tunedFile is a file of tuned states with the dimensions of byteModel.
func tunedFile(t testing.TB, kind string, dtype checkpoint.DType, layers int) []byte {
	t.Helper()
	var f writers.File
	for i := range layers {
		data := make([]byte, 2*32*32*4)
		for j := range 2 * 32 * 32 {
			binary.LittleEndian.PutUint32(data[4*j:], math.Float32bits(float32(i+1)+float32(j%50)/64))
		}
		f = append(f, writers.Tensor{Name: fmt.Sprintf("blocks.%d.att.time_state", i), DType: checkpoint.F32, Shape: []int64{2, 32, 32}, Data: data})
	}
	path := filepath.Join(t.TempDir(), "state."+kind)
	f.As(t, dtype).Save(t, path)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// savedFile is a state after some text, and its file.
func savedFile(t testing.TB, m *Model, kind engine.StateType) (engine.Snapshot, []byte) {
	t.Helper()
	s, err := m.NewSession()
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Prefill(t.Context(), []tokenizer.Token{1, 2, 3})
	require.NoError(t, err)
	snapshot, err := s.Snapshot()
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, m.Layout().Write(&file, snapshot, kind))
	return snapshot, file.Bytes()
}

// ways are the two ways to read a state that must agree.
func ways(t *testing.T, m *Model, data []byte, transposed *bool) (engine.Snapshot, error) {
	t.Helper()
	there, err := m.ReadState(bytes.NewReader(data), int64(len(data)), transposed)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	received, again := m.ReceiveState(bytes.NewBuffer(data), transposed)
	assert.Equal(t, there, received)
	assert.Equal(t, fmt.Sprint(err), fmt.Sprint(again))
	left, listErr := os.ReadDir(dir)
	require.NoError(t, listErr)
	assert.Empty(t, left, "the temporary file is gone")
	if err != nil {
		var bad *StateError
		assert.ErrorAs(t, err, &bad)
		assert.NotContains(t, again.Error(), dir)
		assert.NotContains(t, again.Error(), "gosling-state")
		assert.Nil(t, there.State)
	}
	return there, err
}

func TestStatesThatAreReceived(t *testing.T) {
	m := byteModel(t)
	want, file := savedFile(t, m, engine.StateF32)
	got, err := ways(t, m, file, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	_, small := savedFile(t, m, engine.StateF16)
	got, err = ways(t, m, small, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 3, got.Tokens)

	tuned, err := ways(t, m, tunedFile(t, "pth", checkpoint.F32, 2), nil)
	require.NoError(t, err)
	assert.Zero(t, tuned.Tokens)
	require.NoError(t, m.Layout().Fits(tuned))
	for name, data := range map[string][]byte{
		"F16 .pth": tunedFile(t, "pth", checkpoint.F16, 2), "F64 .pth": tunedFile(t, "pth", checkpoint.F64, 2), "BF16 .safetensors": tunedFile(t, "safetensors", checkpoint.F32, 2),
	} {
		got, err := ways(t, m, data, nil)
		require.NoError(t, err, name)
		assert.Equal(t, tuned, got, name)
	}
	turned, err := ways(t, m, tunedFile(t, "pth", checkpoint.F32, 2), new(true))
	require.NoError(t, err)
	assert.NotEqual(t, tuned, turned)

	half := tunedFile(t, "st", checkpoint.F16, 2)
	_, err = ways(t, m, half, nil)
	var unclear *dialect.Unclear
	require.ErrorAs(t, err, &unclear)
	for transposed, want := range map[bool]engine.Snapshot{false: tuned, true: turned} {
		got, err := ways(t, m, half, &transposed)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestFilesThatAreNotStates(t *testing.T) {
	m := byteModel(t)
	_, file := savedFile(t, m, engine.StateF32)
	_, small := savedFile(t, m, engine.StateF16)
	tuned := tunedFile(t, "pth", checkpoint.F32, 2)
	changed := func(data []byte, at int) []byte {
		data = bytes.Clone(data)
		data[at] ^= 1
		return data
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":                  {nil, "is empty"},
		"a word":                   {[]byte("goose"), "is not a .pth or .safetensors checkpoint"},
		"a model":                  {[]byte("GGUF\x03\x00\x00\x00"), "is a GGUF model already"},
		"JSON":                     {[]byte(`{"data": "x"}`), "is JSON text"},
		"a page":                   {[]byte("<!DOCTYPE html><html>"), "is a web page"},
		"half a magic":             {file[:5], "is not a .pth"},
		"half a header":            {file[:40], "shorter than its header"},
		"a saved state cut short":  {file[:len(file)/2], "the state is cut short in layer"},
		"one byte less":            {file[:len(file)-1], "checksum"},
		"one byte more":            {append(bytes.Clone(file), 0), "the file goes on after the end of the state"},
		"one byte more of f16":     {append(bytes.Clone(small), 0), "the file goes on after the end of the state"},
		"a damaged number":         {changed(file, 300), "checksum"},
		"other weights":            {changed(file, 45), "other weights"},
		"a state of another model": {changed(file, 28), "a state of rwkv7 with 3 layers"},
		"a tuned state cut short":  {tuned[:len(tuned)/2], ""},
		"fewer layers":             {tunedFile(t, "pth", checkpoint.F32, 1), `"blocks.1.att.time_state" is missing`},
		"more layers":              {tunedFile(t, "safetensors", checkpoint.F32, 3), "states of 3 layers, the model has 2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ways(t, m, tc.data, nil)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestHostileUploads(t *testing.T) {
	files, err := filepath.Glob("../../shared/testdata/hostile/*")
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("no shared/testdata/hostile")
	}
	m := byteModel(t)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			defer fuzzing.Guard(t, len(data), 1<<10)()
			_, err = ways(t, m, data, nil)
			require.Error(t, err)
			t.Log(err)
		})
	}
}

// endless is a stream without end, and counts what was read.
type endless struct {
	head io.Reader
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	n, _ := e.head.Read(p)
	if n == 0 {
		n = len(p)
		clear(p)
	}
	e.read += int64(n)
	return n, nil
}

func TestAStreamWithoutEnd(t *testing.T) {
	m := byteModel(t)
	for _, head := range []string{engine.StateMagic, "PK\x03\x04", "\x80\x02", "goose"} {
		stream := &endless{head: strings.NewReader(head)}
		_, err := m.ReceiveState(stream, nil)
		require.ErrorIs(t, err, ErrStateSize)
		var bad *StateError
		require.ErrorAs(t, err, &bad)
		assert.LessOrEqual(t, stream.read, m.MaxStateFile()+1)
	}
}

func TestAStreamThatFails(t *testing.T) {
	m := byteModel(t)
	_, file := savedFile(t, m, engine.StateF32)
	gone := errors.New("the client has gone")
	for _, at := range []int{0, 4, 200, len(file)} {
		_, err := m.ReceiveState(io.MultiReader(bytes.NewReader(file[:at]), failingReader{gone}), nil)
		require.ErrorIs(t, err, gone)
		var bad *StateError
		require.False(t, errors.As(err, &bad), "the client's connection is not a fault of the file")
	}
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	t.Setenv("TMP", filepath.Join(t.TempDir(), "missing"))
	_, err := m.ReceiveState(bytes.NewReader(file), nil)
	require.ErrorContains(t, err, "a temporary file for the state cannot be written: ")
	assert.NotContains(t, err.Error(), "missing")
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// FuzzReadState reads states of every format. What is accepted fits the model and is the same when it is written and read again.
func FuzzReadState(f *testing.F) {
	m := byteModel(f)
	for _, kind := range []engine.StateType{engine.StateF32, engine.StateF16} {
		_, file := savedFile(f, m, kind)
		f.Add(file, byte(0))
	}
	for _, kind := range []string{"pth", "safetensors"} {
		for _, dtype := range []checkpoint.DType{checkpoint.F32, checkpoint.F16, checkpoint.BF16} {
			f.Add(tunedFile(f, kind, dtype, 2), byte(dtype)%3)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, layout byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		transposed := map[byte]*bool{1: new(false), 2: new(true)}[layout]
		got, err := m.ReadState(bytes.NewReader(data), int64(len(data)), transposed)
		if err != nil {
			return
		}
		var file bytes.Buffer
		require.NoError(t, m.Layout().Write(&file, got, engine.StateF32))
		again, err := m.ReadState(bytes.NewReader(file.Bytes()), int64(file.Len()), nil)
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}
