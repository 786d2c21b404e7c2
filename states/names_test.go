package states_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
	"github.com/gosling-rwkv/gosling/states"
)

// layout is of a tiny model. Its states are 4224 numbers, which with the headers of three slices are kept bytes.
func layout(fingerprint byte) engine.Layout {
	c := rwkv.NewConfig("rwkv7")
	c.Layers, c.Embed, c.FFN, c.HeadSize, c.Vocab = 1, 64, 64, 64, 64
	return engine.NewLayout(v7.Arch(), c, [32]byte{fingerprint})
}

const kept = 4*4224 + 3*24

// fill makes a state of that model whose numbers are all x.
func fill(into *engine.Snapshot, tokens int64, x float32) error {
	if len(into.State) == 0 {
		into.State = [][]float32{make([]float32, 64), make([]float32, 4096), make([]float32, 64)}
	}
	into.Tokens = tokens
	for _, part := range into.State {
		for i := range part {
			part[i] = x
		}
	}
	return nil
}

// same returns a state of that model whose numbers are all x.
func same(tokens int64, x float32) *states.State {
	var s engine.Snapshot
	_ = fill(&s, tokens, x)
	return states.NewState(s)
}

// everywhere runs a test of a store in memory and of one in a folder.
func everywhere(t *testing.T, o states.NamesOptions, test func(t *testing.T, names *states.Names)) {
	o.Model, o.Layout = "goose", layout(1)
	for where, dir := range map[string]string{"in memory": "", "in a folder": t.TempDir()} {
		t.Run(where, func(t *testing.T) {
			o.Dir = dir
			test(t, open(t, o))
		})
	}
}

func open(t *testing.T, o states.NamesOptions) *states.Names {
	t.Helper()
	names, err := states.OpenNames(o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, names.Close()) })
	return names
}

// give keeps a state and releases it.
func give(t *testing.T, names *states.Names, tenant, name string, s *states.State) states.Named {
	t.Helper()
	n, err := names.Put(tenant, name, s, 0)
	require.NoError(t, err)
	s.Release()
	return n
}

// holds tells the number that the state of a name consists of.
func holds(t *testing.T, names *states.Names, tenant, name string) float32 {
	t.Helper()
	s, err := names.Hold(tenant, name)
	require.NoError(t, err)
	defer s.Release()
	x := s.Snapshot().State[0][0]
	for _, part := range s.Snapshot().State {
		for _, y := range part {
			require.Equal(t, x, y)
		}
	}
	return x
}

func TestNames(t *testing.T) {
	everywhere(t, states.NamesOptions{}, func(t *testing.T, names *states.Names) {
		first, second := same(10, 1), same(20, 2)
		give(t, names, "ann", "support", first)
		forked, err := names.Fork("ann", "support", "copy", 0)
		require.NoError(t, err)
		give(t, names, "ann", "support", second)

		for name, want := range map[string]*states.State{"support": second, "copy": first} {
			got, err := names.Hold("ann", name)
			require.NoError(t, err)
			assert.Same(t, want, got, name)
			got.Release()
		}
		list := names.List("ann")
		require.Len(t, list, 2)
		assert.Equal(t, states.Named{Name: "copy", ID: first.ID(), Model: "goose", Fingerprint: [32]byte{1}, Tokens: 10, Bytes: kept, Made: list[0].Made}, list[0])
		assert.Equal(t, forked, list[0])
		assert.Equal(t, "support", list[1].Name)
		assert.False(t, list[1].Made.IsZero())
		found, err := names.Find("ann", "copy")
		require.NoError(t, err)
		assert.Equal(t, forked, found)
		assert.Equal(t, states.NamesStats{Names: 2, Bytes: 2 * kept, Memory: 2 * kept}, names.Stats())

		require.NoError(t, names.Delete("ann", "copy"))
		require.ErrorIs(t, names.Delete("ann", "copy"), states.ErrNoState)
		assert.Panics(t, func() { first.Snapshot() }, "nobody holds it")
		second.Hold()
		give(t, names, "ann", "support", second)
		second.Snapshot()
		assert.Equal(t, states.NamesStats{Names: 1, Bytes: kept, Memory: kept}, names.Stats())
	})
}

func TestTenantsHaveNamesOfTheirOwn(t *testing.T) {
	everywhere(t, states.NamesOptions{}, func(t *testing.T, names *states.Names) {
		give(t, names, "ann", "support", same(1, 1))
		id := give(t, names, "ann", "", same(2, 2)).Name
		give(t, names, "bob", "own", same(3, 3))
		for _, tenant := range []string{"bob", "", "ann\x00", "an", "ann\x00support", "Ann"} {
			for _, name := range []string{"support", id, "", "\x00support"} {
				_, err := names.Hold(tenant, name)
				require.ErrorIs(t, err, states.ErrNoState)
				_, err = names.Find(tenant, name)
				require.ErrorIs(t, err, states.ErrNoState)
				_, err = names.Fork(tenant, name, "mine", 0)
				require.ErrorIs(t, err, states.ErrNoState)
				require.ErrorIs(t, names.Delete(tenant, name), states.ErrNoState)
			}
			for _, n := range names.List(tenant) {
				assert.Equal(t, "own", n.Name)
			}
		}
		give(t, names, "bob", "support", same(4, 4))
		assert.EqualValues(t, 1, holds(t, names, "ann", "support"))
		assert.EqualValues(t, 4, holds(t, names, "bob", "support"))
		require.NoError(t, names.Delete("bob", "support"))
		assert.EqualValues(t, 1, holds(t, names, "ann", "support"))
	})
}

func TestNamesOfStates(t *testing.T) {
	right := []string{"a", "A-b_c.9", strings.Repeat("x", 64), ".a", "-", "_", "9", "con1", "console", "com", "com10", "com1x", "lpt", "nul-", "xnul.txt", "null", "state_", "state_a",
		"state_" + strings.Repeat("x", 23), "state_" + strings.Repeat("X", 24), "STATE_" + strings.Repeat("x", 24), "a.b.c", ".a.b", "auxiliary.txt"}
	wrong := []string{"", ".", "..", "...", "a..b", "..a", "a.", strings.Repeat("x", 65), "a b", " a", "a ", "a/b", "/a", "../a", `a\b`, `..\a`, `C:a`, "a:b", "a\n", "a\r", "a\x00", "\x00", "a\x00b", "é", "а" /* Cyrillic */, "ａ", "a\u200b", "\u202ea", "ſ",
		"\xff", "a%2fb", "a*", "a?", "<a>", `"a"`, "'a'", "a|b", "~", "~a", "$a", "a;b", "a&b", "CON", "con", "Con.txt", "nul", "nul.txt", "NUL.tar.gz", "aux", "prn", "COM1", "com0.x", "com9", "LPT1", "lpt9.log",
		"state_" + strings.Repeat("x", 24), "state_0123456789abcdefghijklmn", strings.Repeat("x", 1e6)}
	require.GreaterOrEqual(t, len(right)+len(wrong), 60)
	everywhere(t, states.NamesOptions{}, func(t *testing.T, names *states.Names) {
		s := same(1, 1)
		for _, name := range right {
			n, err := names.Put("", name, s, 0)
			require.NoError(t, err, name)
			require.Equal(t, name, n.Name)
		}
		for _, name := range wrong {
			require.ErrorIs(t, states.CheckName(name), states.ErrName, name)
			if name == "" {
				continue // for which Put makes an id
			}
			_, err := names.Put("", name, s, 0)
			require.ErrorIs(t, err, states.ErrName, name)
			require.Less(t, len(err.Error()), 500)
			_, err = names.Fork("", "a", name, 0)
			require.ErrorIs(t, err, states.ErrName, name)
			_, err = names.Hold("", name)
			require.ErrorIs(t, err, states.ErrNoState, name)
			require.Less(t, len(err.Error()), 500)
		}
		assert.Len(t, names.List(""), len(right))
	})
}

func TestStatesWithoutANameGetAnID(t *testing.T) {
	everywhere(t, states.NamesOptions{}, func(t *testing.T, names *states.Names) {
		s := same(1, 5)
		first, second := give(t, names, "ann", "", s.Hold()), give(t, names, "ann", "", s)
		assert.Regexp(t, `^state_[a-z0-9]{24}$`, first.Name)
		assert.NotEqual(t, first.Name, second.Name)
		assert.EqualValues(t, 5, holds(t, names, "ann", first.Name))
		forked, err := names.Fork("ann", first.Name, "", 0)
		require.NoError(t, err)
		assert.Equal(t, first.ID, forked.ID)
		require.NoError(t, names.Delete("ann", first.Name))
		assert.EqualValues(t, 5, holds(t, names, "ann", forked.Name))
	})
}

func TestStatesThatDoNotFitGetNoName(t *testing.T) {
	everywhere(t, states.NamesOptions{}, func(t *testing.T, names *states.Names) {
		_, err := names.Put("", "a", state(1, 5), 0)
		require.ErrorContains(t, err, "a state of 1 tensors, the model has 3")
		_, err = names.Put("", "a", same(1, 1), -time.Second)
		require.ErrorContains(t, err, "a state cannot be kept for -1s")
		assert.Empty(t, names.List(""))
	})
}

func TestLimitsOfNames(t *testing.T) {
	o := states.NamesOptions{Each: states.Limit{States: 3, Bytes: 2 * kept}, All: states.Limit{States: 5, Bytes: 3 * kept}}
	everywhere(t, o, func(t *testing.T, names *states.Names) {
		fork := func(tenant, from, to string) error { _, err := names.Fork(tenant, from, to, 0); return err }
		first, second, third := same(1, 1), same(2, 2), same(3, 3)
		give(t, names, "ann", "a", first)
		require.NoError(t, fork("ann", "a", "b"))
		require.NoError(t, fork("ann", "a", "c"), "bytes count once")
		require.ErrorIs(t, fork("ann", "a", "d"), states.ErrLimit, "four states")
		give(t, names, "ann", "c", second)
		_, err := names.Put("ann", "b", third, 0)
		require.ErrorIs(t, err, states.ErrLimit, "three bodies")
		assert.EqualValues(t, 1, holds(t, names, "ann", "b"), "what could not be replaced is there")
		give(t, names, "bob", "a", third)
		fourth := same(4, 4)
		_, err = names.Put("carl", "a", fourth, 0)
		require.ErrorContains(t, err, "all tenants' states would take 67872 bytes, at most 50904 are kept")
		give(t, names, "carl", "a", third.Hold())
		require.ErrorContains(t, fork("carl", "a", "b"), "all tenants' states would be 6, at most 5 are kept")
		for _, name := range []string{"a", "b", "c"} {
			require.NoError(t, names.Delete("ann", name))
		}
		assert.Panics(t, func() { first.Snapshot() }, "refused names hold nothing")
		fourth.Release()
		assert.Panics(t, func() { fourth.Snapshot() })
	})
}

func TestStatesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := open(t, states.NamesOptions{Layout: layout(1), Dir: t.TempDir(), All: states.Limit{States: 3}})
		soon, later := same(1, 1), same(2, 2)
		begin := time.Now()
		n, err := names.Put("ann", "", soon, 10*time.Minute)
		require.NoError(t, err)
		assert.True(t, n.Expires.Equal(begin.Add(10*time.Minute)))
		soon.Release()
		_, err = names.Put("ann", "later", later, time.Hour)
		require.NoError(t, err)
		later.Release()
		_, err = names.Fork("ann", "later", "fork", 0)
		require.NoError(t, err)

		time.Sleep(10*time.Minute - 1)
		assert.EqualValues(t, 1, holds(t, names, "ann", n.Name))
		time.Sleep(1 * time.Nanosecond)
		_, err = names.Hold("ann", n.Name)
		require.ErrorIs(t, err, states.ErrNoState)
		_, err = names.Fork("ann", n.Name, "x", 0)
		require.ErrorIs(t, err, states.ErrNoState)
		require.ErrorIs(t, names.Delete("ann", n.Name), states.ErrNoState)
		assert.Len(t, names.List("ann"), 2)
		soon.Snapshot() // is still there, though nobody can find it
		_, err = names.Fork("ann", "later", "third", 0)
		require.NoError(t, err, "what has expired counts no more")
		assert.Panics(t, func() { soon.Snapshot() }, "the next change removes it")
		assert.Equal(t, 3, names.Stats().Names)

		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, 2, names.Stats().Names, "the timer removes it, without a call")
		assert.EqualValues(t, 2, holds(t, names, "ann", "fork"))
	})
}

func TestAClosedStore(t *testing.T) {
	everywhere(t, states.NamesOptions{}, func(t *testing.T, names *states.Names) {
		s := same(1, 1)
		_, err := names.Put("", "a", s, time.Hour)
		require.NoError(t, err)
		require.NoError(t, names.Close())
		_, err = names.Put("", "b", s, 0)
		require.ErrorIs(t, err, states.ErrClosed)
		_, err = names.Hold("", "a")
		require.ErrorIs(t, err, states.ErrClosed)
		_, err = names.Fork("", "a", "b", 0)
		require.ErrorIs(t, err, states.ErrClosed)
		require.ErrorIs(t, names.Delete("", "a"), states.ErrClosed)
		s.Release()
		assert.Panics(t, func() { s.Snapshot() }, "it holds nothing")
	})
}
