package engine_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/rwkv/rwkvtest"
)

// Where fields lie in the header of a state file.
const (
	versionAt     = 8
	archAt        = 12
	layersAt      = 28
	fingerprintAt = 40
	tokensAt      = 72
	headerSize    = 88
)

// saved is the state file after some text, and the session that saved it.
func saved(t testing.TB) (*engine.Session, []byte) {
	t.Helper()
	s := rwkvtest.NewSession(t, model(t))
	rwkvtest.Logits(t, s, text(4, 12), 0)
	var file bytes.Buffer
	require.NoError(t, s.Save(&file))
	return s, file.Bytes()
}

// half is the file of the session's state as f16.
func half(t testing.TB, s *engine.Session) []byte {
	t.Helper()
	snap, err := s.Snapshot()
	require.NoError(t, err)
	var file bytes.Buffer
	require.NoError(t, sessionLayout(t).Write(&file, snap, engine.StateF16))
	return file.Bytes()
}

// sessionLayout is the layout of the test's model.
func sessionLayout(t testing.TB) engine.Layout { return model(t).Layout() }

// seal puts the checksum of what lies before it at the end.
func seal(file []byte) []byte {
	sum := crc32.Checksum(file[:len(file)-4], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(file[len(file)-4:], sum)
	return file
}

func TestStatesThatDoNotFitAreRefused(t *testing.T) {
	s, file := saved(t)
	require.NoError(t, s.Load(bytes.NewReader(seal(slices.Clone(file)))))
	before, err := s.Snapshot()
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		change func([]byte) []byte
		want   string
	}{
		"nothing":         {func(b []byte) []byte { return nil }, "not a state file: shorter than its header"},
		"half a header":   {func(b []byte) []byte { return b[:headerSize/2] }, "not a state file: shorter than its header"},
		"another file":    {func(b []byte) []byte { return append([]byte("GGUF"), b...) }, `not a state file: it starts with "GGUF`},
		"a later version": {func(b []byte) []byte { b[versionAt] = 3; return b }, "a state file of version 3"},
		"an unknown type": {func(b []byte) []byte {
			b[versionAt] = 2
			b = slices.Insert(b, headerSize, 8, 0, 0, 0)
			return b[:len(b)-4]
		}, "numbers of type 8"},
		"another version":     {func(b []byte) []byte { b[archAt+4] = '6'; return b }, "a state of rwkv6 with 2 layers of 64 channels, heads of 32; the model is rwkv7"},
		"more layers":         {func(b []byte) []byte { b[layersAt] = 3; return b }, "a state of rwkv7 with 3 layers"},
		"layers without end":  {func(b []byte) []byte { b[layersAt+3] = 255; return b }, "a state of rwkv7 with 4278190082 layers"},
		"other weights":       {func(b []byte) []byte { b[fingerprintAt] ^= 1; return b }, "saved with other weights"},
		"less than no tokens": {func(b []byte) []byte { b[tokensAt+7] = 255; return b }, "a state after -"},
		"numbers that are none": {func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[headerSize:], math.Float32bits(float32(math.NaN())))
			return b
		}, "the state of layer 0 has numbers that are not finite"},
		"no checksum":   {func(b []byte) []byte { return b[:len(b)-4] }, "damaged"},
		"half a number": {func(b []byte) []byte { return b[:headerSize+6] }, "cut short in layer 0"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := tc.change(slices.Clone(file))
			if bytes.Equal(changed[:min(8, len(changed))], file[:8]) && len(changed) == len(file) {
				changed = seal(changed) // the checksum is not what gives it away
			}
			require.ErrorContains(t, s.Load(bytes.NewReader(changed)), tc.want)
		})
	}
	after, err := s.Snapshot()
	require.NoError(t, err)
	assert.Equal(t, before, after, "the session stays as it was")
}

func TestEveryDamagedByteOfAStateIsNoticed(t *testing.T) {
	s, file := saved(t)
	t.Run("f32", func(t *testing.T) { everyByte(t, s, file) })
	t.Run("f16", func(t *testing.T) { everyByte(t, s, half(t, s)) })
}

func everyByte(t *testing.T, s *engine.Session, file []byte) {
	for at := 0; at < len(file); at += 1 + at/100 {
		changed := slices.Clone(file)
		changed[at] ^= 0x10
		assert.Error(t, s.Load(bytes.NewReader(changed)), "byte %d flipped", at)
		assert.Error(t, s.Load(bytes.NewReader(file[:at])), "cut at byte %d", at)
	}
	require.NoError(t, s.Load(bytes.NewReader(file)))
}

func TestStatesOfOtherModelsAreRefused(t *testing.T) {
	_, file := saved(t)
	lib := ggmltest.Library(t)
	other := small
	other.Seed++
	narrow := small
	narrow.HeadSize = 16
	for want, c := range map[string]string{
		"saved with other weights":                     rwkvtest.Random(t, other, "F32"),
		"the model is rwkv7 with 2 of 64, heads of 16": rwkvtest.Random(t, narrow, "F32"),
		"with other weights: load":                     rwkvtest.Random(t, small, "F16"),
	} {
		m := rwkvtest.Load(t, lib, c, engine.Options{Device: "cpu", Threads: 1})
		require.ErrorContains(t, rwkvtest.NewSession(t, m).Load(bytes.NewReader(file)), want)
	}
}

func TestAStateIsTheSameForACopyOfTheFile(t *testing.T) {
	_, file := saved(t)
	s := rwkvtest.NewSession(t, model(t)) // made once more of the same seed
	require.NoError(t, s.Load(bytes.NewReader(file)))
	require.EqualValues(t, 12, s.Tokens())
	var again bytes.Buffer
	require.NoError(t, s.Save(&again))
	require.Equal(t, file, again.Bytes())
}

func TestNoiseIsRefusedAtOnce(t *testing.T) {
	s, _ := saved(t)
	noise := &counting{}
	require.ErrorContains(t, s.Load(noise), "not a state file")
	require.LessOrEqual(t, noise.read, 4096, "no more than a header is read")
}

// counting is noise without end.
type counting struct{ read int }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.read + i*i)
	}
	c.read += len(p)
	return len(p), nil
}

func TestSnapshotsThatDoNotFitAreRefused(t *testing.T) {
	s, _ := saved(t)
	before, err := s.Snapshot()
	require.NoError(t, err)
	last := len(before.State) - 1
	for name, change := range map[string]func(engine.Snapshot) engine.Snapshot{
		"empty":             func(engine.Snapshot) engine.Snapshot { return engine.Snapshot{} },
		"a tensor missing":  func(x engine.Snapshot) engine.Snapshot { x.State = x.State[:last]; return x },
		"a tensor shorter":  func(x engine.Snapshot) engine.Snapshot { x.State[last] = x.State[last][1:]; return x },
		"a tensor too long": func(x engine.Snapshot) engine.Snapshot { x.State[last] = append(x.State[last], 1); return x },
	} {
		other := engine.Snapshot{Tokens: 99}
		for _, x := range before.State {
			other.State = append(other.State, make([]float32, len(x)))
		}
		require.Error(t, s.Restore(change(other)), name)
		after, err := s.Snapshot()
		require.NoError(t, err)
		require.Equal(t, before, after, "%s: the session stays as it was", name)
	}
}

func TestAWriterThatFailsIsReported(t *testing.T) {
	s, file := saved(t)
	full := errors.New("disk full")
	for _, room := range []int{0, 50, headerSize, headerSize + 300, len(file) - 2} {
		require.ErrorIs(t, s.Save(&disk{room, full}), full, fmt.Sprint(room))
	}
	require.NoError(t, s.Save(&disk{len(file), full}))
}

// disk takes some bytes before it fails.
type disk struct {
	room int
	err  error
}

func (d *disk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		return 0, d.err
	}
	d.room -= len(p)
	return len(p), nil
}

func TestStatesAsF16(t *testing.T) {
	s, file := saved(t)
	layout, small := sessionLayout(t), half(t, s)
	assert.EqualValues(t, len(file), layout.FileBytes(engine.StateF32))
	assert.EqualValues(t, len(small), layout.FileBytes(engine.StateF16))
	assert.Equal(t, byte(1), file[versionAt])
	assert.Equal(t, byte(2), small[versionAt])
	want, err := s.Snapshot()
	require.NoError(t, err)
	var got engine.Snapshot
	require.NoError(t, layout.Read(bytes.NewReader(small), &got))
	require.Equal(t, want.Tokens, got.Tokens)
	for i, x := range want.State {
		for j := range x {
			require.InDelta(t, x[j], got.State[i][j], math.Abs(float64(x[j]))/2048+1e-7)
		}
	}
	memory := &got.State[0][0]
	require.NoError(t, layout.Read(bytes.NewReader(file), &got))
	assert.Equal(t, want, got)
	assert.Same(t, memory, &got.State[0][0], "memory is used again")
	require.NoError(t, s.Load(bytes.NewReader(small)))
}

func TestStatesBeyondF16AreRefused(t *testing.T) {
	s, _ := saved(t)
	layout := sessionLayout(t)
	snap, err := s.Snapshot()
	require.NoError(t, err)
	last := len(snap.State) - 1
	for x, fits := range map[float32]bool{65504: true, -65504: true, 65505: false, -65505: false, 1e30: false} {
		snap.State[last][3] = x
		var file bytes.Buffer
		err := layout.Write(&file, snap, engine.StateF16)
		if fits {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, engine.ErrRange)
		require.ErrorContains(t, err, fmt.Sprintf("the state of layer 1 has the number %g, the largest of f16 is 65504", x))
		assert.Zero(t, file.Len())
		require.NoError(t, layout.Write(&file, snap, engine.StateF32))
	}
	snap.State[last][3] = float32(math.Inf(1))
	require.ErrorContains(t, layout.Write(&disk{}, snap, engine.StateF32), "not finite")
	snap.State = snap.State[1:]
	require.ErrorContains(t, layout.Write(&disk{}, snap, engine.StateF32), "a state of 5 tensors, the model has 6")
}

func FuzzLoadState(f *testing.F) {
	s, file := saved(f)
	small := half(f, s)
	layout := sessionLayout(f)
	f.Add(small)
	f.Add(small[:headerSize+4])
	f.Add(small[:headerSize+2])
	f.Add(file)
	f.Add(file[:headerSize])
	f.Add(file[:headerSize-1])
	f.Add([]byte("GSLSTATE"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		if s.Load(bytes.NewReader(data)) != nil {
			return
		}
		kind := engine.StateF32
		if data[versionAt] == 2 {
			kind = engine.StateF16
		}
		snap, err := s.Snapshot()
		require.NoError(t, err)
		var again bytes.Buffer
		require.NoError(t, layout.Write(&again, snap, kind))
		require.Equal(t, data[:again.Len()], again.Bytes(), "what is loaded is what is saved")
	})
}
