package states_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/states"
)

func TestNames(t *testing.T) {
	names := states.NewNames(states.Limit{}, states.Limit{})
	first, second := state(10, 100), state(20, 100)
	require.NoError(t, names.Put("ann", "support", first))
	require.NoError(t, names.Fork("ann", "support", "copy"))
	require.NoError(t, names.Put("ann", "support", second))
	first.Release()
	second.Release()

	for name, want := range map[string]*states.State{"support": second, "copy": first} {
		got, err := names.Hold("ann", name)
		require.NoError(t, err)
		assert.Same(t, want, got, name)
		got.Release()
	}
	list := names.List("ann")
	require.Len(t, list, 2)
	assert.Equal(t, states.Named{Name: "copy", ID: first.ID(), Tokens: 10, Bytes: 424, Made: list[0].Made}, list[0])
	assert.Equal(t, "support", list[1].Name)
	assert.False(t, list[1].Made.IsZero())

	assert.Empty(t, names.List("bob"))
	_, err := names.Hold("bob", "support")
	require.ErrorIs(t, err, states.ErrNoState)
	require.ErrorIs(t, names.Delete("bob", "support"), states.ErrNoState)
	require.ErrorIs(t, names.Fork("bob", "support", "mine"), states.ErrNoState)

	require.NoError(t, names.Delete("ann", "copy"))
	require.ErrorIs(t, names.Delete("ann", "copy"), states.ErrNoState)
	assert.Panics(t, func() { first.Snapshot() }, "nobody holds it")
	require.NoError(t, names.Put("ann", "support", second))
	second.Snapshot()
}

func TestNamesOfStates(t *testing.T) {
	names := states.NewNames(states.Limit{}, states.Limit{})
	s := state(1, 1)
	for _, name := range []string{"a", "A-b_c.9", strings.Repeat("x", 64)} {
		require.NoError(t, names.Put("", name, s), name)
	}
	for _, name := range []string{"", strings.Repeat("x", 65), "a b", "a/b", "é", "a\n", "a\x00", strings.Repeat("x", 1e6)} {
		err := names.Put("", name, s)
		require.ErrorIs(t, err, states.ErrName, name)
		require.Less(t, len(err.Error()), 500)
	}
	require.ErrorIs(t, names.Fork("", "a", "../a"), states.ErrName)
	assert.Len(t, names.List(""), 3)
}

func TestLimitsOfNames(t *testing.T) {
	names := states.NewNames(states.Limit{States: 3, Bytes: 1000}, states.Limit{States: 5, Bytes: 1500})
	small, large := state(1, 100), state(1, 145) // 424 and 604 bytes
	require.NoError(t, names.Put("ann", "a", small))
	require.NoError(t, names.Fork("ann", "a", "b"))
	require.NoError(t, names.Fork("ann", "a", "c"), "bytes count once")
	require.ErrorIs(t, names.Fork("ann", "a", "d"), states.ErrLimit, "four states")
	require.ErrorIs(t, names.Put("ann", "c", large), states.ErrLimit, "1028 bytes")
	kept, err := names.Hold("ann", "c")
	require.NoError(t, err)
	require.Same(t, small, kept, "what could not be replaced is there")
	kept.Release()
	require.NoError(t, names.Put("bob", "a", large))
	require.ErrorContains(t, names.Put("carl", "a", state(1, 145)), "all tenants' states would take 1632 bytes, at most 1500 are kept")
	require.NoError(t, names.Put("carl", "a", large))
	require.ErrorContains(t, names.Put("carl", "b", large), "all tenants' states would be 6, at most 5 are kept")
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, names.Delete("ann", name))
	}
	small.Release()
	assert.Panics(t, func() { small.Snapshot() }, "refused names hold nothing")
}
