package states_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

var system = strings.Repeat("The goose swims on the lake and looks for food. ", 1000)

// conversations returns a tree with n checkpoints of conversations that share a system prompt, and a prompt of 100,000 bytes that
// continues the last one.
func conversations(b *testing.B, n int) (*states.Tree, *states.Prompt) {
	tree := states.NewTree(1 << 40)
	for i := range n {
		turns := strings.Repeat(fmt.Sprintf("\n\nUser: %d geese\n\nAssistant: fly", i), 1+i%8)
		put(b, tree, cut(b, system+turns), 0, states.Checkpoint{Cut: true, Cost: time.Second})
	}
	last := cut(b, system+strings.Repeat("\n\nUser: More geese\n\nAssistant: swim", 100_000/34)[:52_000])
	for at := len(last.Tokens()) - 1000; at > 0; at -= 1000 {
		put(b, tree, last, at, states.Checkpoint{Cut: true, Cost: time.Second})
	}
	return tree, last
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10, 5000} {
		for name, need := range map[string]states.Need{"exact": {Exact: true, Logits: true}, "any": {Logits: true}} {
			b.Run(fmt.Sprintf("%dcheckpoints/%s", n, name), func(b *testing.B) {
				tree, p := conversations(b, n)
				for b.Loop() {
					hit := tree.Lookup(here, p, need)
					require.Greater(b, hit.Next, len(p.Tokens())-2000)
					hit.Release()
				}
			})
		}
	}
}

func BenchmarkNewPrompt(b *testing.B) {
	tokens := encode(b, strings.Repeat("The goose swims on the lake and looks for food. ", 2084))
	for b.Loop() {
		states.NewPrompt(tokenizer.World(), tokens)
	}
}

// BenchmarkPut keeps a checkpoint above five thousand others, whose worth depends on it.
func BenchmarkPut(b *testing.B) {
	tree, p := conversations(b, 5000)
	at := len(encode(b, system))
	s := state(int64(at), 8)
	for b.Loop() {
		require.NoError(b, tree.Put(here, p, at, states.Checkpoint{State: s, Cost: time.Second}))
	}
}

// BenchmarkPool makes states of 8 MiB, of which 64 are kept, with and without a Pool. GOGC is Go's own.
func BenchmarkPool(b *testing.B) {
	const kept, numbers = 64, 8 << 20 / 4
	for name, pool := range map[string]*states.Pool{"pool": {}, "garbage": nil} {
		b.Run(name, func(b *testing.B) {
			runtime.GC()
			var ring [kept]*states.State
			most := uint64(0)
			for i := 0; b.Loop(); i++ {
				save, s := filled(int64(i), numbers), (*states.State)(nil)
				if pool != nil {
					s, _ = pool.New(save)
				} else {
					var snapshot engine.Snapshot
					_ = save(&snapshot)
					s = states.NewState(snapshot)
				}
				if old := ring[i%kept]; old != nil {
					old.Release()
				}
				ring[i%kept] = s
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
			b.ReportMetric(float64(most)/(1<<20), "MiB")
		})
	}
}
