package states_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/states"
)

// filled returns what writes a state of n numbers, all of them tokens, as engine.Slots.Save does.
func filled(tokens int64, n int) func(*engine.Snapshot) error {
	return func(into *engine.Snapshot) error {
		if len(into.State) != 1 || len(into.State[0]) != n {
			into.State = [][]float32{make([]float32, n)}
		}
		into.Tokens = tokens
		for i := range into.State[0] {
			into.State[0][i] = float32(tokens)
		}
		return nil
	}
}

func TestAPoolUsesMemoryAgain(t *testing.T) {
	var pool states.Pool
	first, err := pool.New(filled(1, 100))
	require.NoError(t, err)
	memory := &first.Snapshot().State[0][0]
	first.Hold().Release()
	second, err := pool.New(filled(2, 100))
	require.NoError(t, err)
	require.NotSame(t, memory, &second.Snapshot().State[0][0], "the first is still held")
	first.Release()
	third, err := pool.New(filled(3, 100))
	require.NoError(t, err)
	assert.Same(t, memory, &third.Snapshot().State[0][0])
	assert.EqualValues(t, 3, third.Snapshot().Tokens)
	assert.NotEqual(t, first.ID(), third.ID())
	assert.EqualValues(t, 424, third.Bytes())

	third.Release()
	wrong := errors.New("no state")
	_, err = pool.New(func(into *engine.Snapshot) error { assert.Zero(t, into.Tokens); return wrong })
	require.ErrorIs(t, err, wrong)
	fourth, err := pool.New(filled(4, 100))
	require.NoError(t, err)
	assert.Same(t, memory, &fourth.Snapshot().State[0][0], "an error loses no memory")
}

func TestAPoolKeepsFew(t *testing.T) {
	var pool states.Pool
	var all []*states.State
	memory := map[*float32]bool{}
	for i := range 20 {
		s, err := pool.New(filled(int64(i), 10))
		require.NoError(t, err)
		all = append(all, s)
		memory[&s.Snapshot().State[0][0]] = true
	}
	for _, s := range all {
		s.Release()
	}
	again := 0
	for range 20 {
		s, err := pool.New(filled(0, 10))
		require.NoError(t, err)
		if memory[&s.Snapshot().State[0][0]] {
			again++
		}
	}
	assert.Equal(t, 4, again)
}

func TestAReleasedStateCannotBeUsed(t *testing.T) {
	for name, use := range map[string]func(*states.State){
		"used":     func(s *states.State) { s.Snapshot() },
		"held":     func(s *states.State) { s.Hold() },
		"released": func(s *states.State) { s.Release() },
	} {
		s := state(0, 1)
		s.Release()
		assert.Panics(t, func() { use(s) }, name)
	}
}
