package sched

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// rowCheck compares the rows of a prompt with what is wanted, and counts them.
type rowCheck struct {
	width int
	want  []float32
	next  int // the token of the next row
	got   int // numbers
	err   error
}

func checkRows(p []tokenizer.Token, outputs rwkv.Outputs) *rowCheck {
	c := &rowCheck{width: vocab}
	if outputs.Hidden() {
		c.width = hidden
	}
	if _, c.want = rowsOf(1, p, outputs); outputs.Last() {
		c.next = len(p) - 1
	}
	return c
}

func (c *rowCheck) take(first int, rows []float32) error {
	if c.got+len(rows) > len(c.want) || first != c.next || !slices.Equal(c.want[c.got:c.got+len(rows)], rows) {
		c.err = errors.Join(c.err, fmt.Errorf("%d numbers from token %d on are not those wanted: %d came before", len(rows), first, c.got))
	}
	c.got += len(rows)
	c.next += len(rows) / c.width
	return nil
}

// A request for rows after all tokens reads the whole prompt. One for the last row begins with what is known, whatever that is.
func TestRowsAndTheTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(2)
		e := New(f, Options{Tree: states.NewTree(1 << 30)})
		defer e.Close()
		c := Cached{Space: states.NewSecret().Namespace(states.Owner{}), Cut: true, Fill: true}
		p := prompt(rand.New(rand.NewPCG(31, 1)), 200)
		for i, tc := range []struct {
			outputs  rwkv.Outputs
			readOnly bool
			prompt   []tokenizer.Token
			reads    int
		}{
			{rwkv.LastLogits, true, p[:100], 100},
			{rwkv.LastLogits, true, p[:100], 0},
			{rwkv.LastHidden, true, p[:100], 100}, // this row was not computed
			{rwkv.LastHidden, true, p[:100], 1},   // nor is it kept, but the state before it is
			{rwkv.AllLogits, true, p[:100], 100},
			{rwkv.AllHidden, true, p[:100], 100},
			{rwkv.AllLogits, false, p, 200},
			{rwkv.LastLogits, false, p, 0}, // the logits after all tokens end with these
			{rwkv.LastHidden, true, p, 100},
			{rwkv.LastHidden, true, p, 1},
			{rwkv.LastLogits, true, p, 0},
			{rwkv.LastHidden, true, p[:1], 1},
			{rwkv.NoLogits, true, p[100:], 100},
			{rwkv.LastLogits, true, p[100:], 100}, // a state without logits is not enough
			{rwkv.LastLogits, true, p[100:], 0},
		} {
			check, before := checkRows(tc.prompt, tc.outputs), e.Stats().Read.Tokens
			r := Request{Prompt: tc.prompt, Cache: &c, ReadOnly: tc.readOnly, Outputs: tc.outputs, Rows: check.take, Generate: options(1, 1)}
			if tc.outputs == rwkv.NoLogits {
				r.Rows = nil
			}
			s, err := e.Submit(t.Context(), r)
			require.NoError(t, err)
			got, last := read(s)
			require.NoError(t, last.End.Err)
			require.NoError(t, check.err, "case %d", i)
			require.Len(t, check.want, check.got, "case %d", i)
			require.EqualValues(t, tc.reads, e.Stats().Read.Tokens-before, "case %d", i)
			require.Equal(t, len(tc.prompt)-tc.reads, last.End.Cached, "case %d", i)
			if !tc.readOnly {
				require.Equal(t, expected(tc.prompt, options(1, 1)).text, got.text)
			}
		}
	})
}

// Chunks are as short as the latency wants also if it is Rows that takes the time, and those of other prompts are as long as before.
func TestRowsTakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = 100 * time.Millisecond
		f := newFake(2)
		f.perRead, f.perStep = 100*time.Microsecond, time.Millisecond
		e := New(f, Options{Latency: latency})
		defer e.Close()
		rng := rand.New(rand.NewPCG(32, 1))
		stream, err := e.Submit(t.Context(), Request{Prompt: prompt(rng, 5), Generate: endless(1, 3000)})
		require.NoError(t, err)
		done := make(chan time.Duration)
		go func() {
			gap, at := time.Duration(0), time.Now()
			for event, ok := stream.Next(); ok; event, ok = stream.Next() {
				if event.Read == 0 {
					gap, at = max(gap, time.Since(at)), time.Now()
				}
			}
			done <- gap
		}()
		var calls int
		slow := func(first int, rows []float32) error {
			calls++
			time.Sleep(time.Duration(len(rows)/hidden) * 5 * time.Millisecond)
			return nil
		}
		s, err := e.Submit(t.Context(), Request{Prompt: prompt(rng, 400), ReadOnly: true, Outputs: rwkv.AllHidden, Rows: slow})
		require.NoError(t, err)
		read(s)
		assert.Greater(t, calls, 20)
		s, err = e.Submit(t.Context(), Request{Prompt: prompt(rng, 2000), ReadOnly: true})
		require.NoError(t, err)
		read(s)
		assert.Less(t, <-done, latency+10*time.Millisecond)
		assert.Equal(t, ladder[0], f.longest[rwkv.NoLogits], "Rows do not slow others down")
		s, err = e.Submit(t.Context(), Request{Prompt: prompt(rng, 2000), ReadOnly: true, Outputs: rwkv.AllLogits, Rows: func(int, []float32) error { return nil }})
		require.NoError(t, err)
		read(s)
		assert.Equal(t, mostLogits, f.longest[rwkv.AllLogits])
	})
}

func TestRowsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(newFake(2), Options{})
		defer e.Close()
		p := prompt(rand.New(rand.NewPCG(33, 1)), 30)
		full := func(int, []float32) error { return errors.New("there is no room") }
		for _, outputs := range []rwkv.Outputs{rwkv.LastLogits, rwkv.AllLogits} {
			streams, err := e.SubmitAll(t.Context(), Request{Prompt: p, Outputs: outputs, Rows: full, Generate: options(1, 5)}, samplers(2)...)
			require.NoError(t, err)
			other, err := e.Submit(t.Context(), Request{Prompt: p, Generate: options(1, 5)})
			require.NoError(t, err)
			for _, s := range streams {
				_, last := read(s)
				require.ErrorContains(t, last.End.Err, "there is no room")
			}
			_, last := read(other)
			require.Equal(t, generate.Limit, last.Reason)
		}
		for _, r := range []Request{
			{Outputs: rwkv.AllHidden, Rows: full, Generate: options(1, 5)},
			{Outputs: rwkv.LastLogits, Generate: options(1, 5)},
			{Rows: full, Generate: options(1, 5)},
			{Outputs: 17, Rows: full, ReadOnly: true},
		} {
			r.Prompt = p
			_, err := e.Submit(t.Context(), r)
			require.Error(t, err)
		}
	})
}
