package sched_test

import (
	"cmp"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/internal/rss"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// BenchmarkConversations computes 8 texts on 8 slots, and 64 that take turns on them. The variable MODEL names another model than the demo.
// It reports tokens per second, states that were swapped out per token, and how much the peak of resident memory grew after the model was loaded.
func BenchmarkConversations(b *testing.B) {
	for _, texts := range []int{8, 64} {
		b.Run(fmt.Sprint(texts), func(b *testing.B) {
			m, err := engine.Load(ggmltest.Library(b), cmp.Or(os.Getenv("MODEL"), "../demo/demo.gguf"), engine.Options{Device: "CPU"})
			require.NoError(b, err)
			defer m.Close()
			loaded := rss.Peak()
			machine, err := sched.NewSlots(m, 8)
			require.NoError(b, err)
			defer machine.Close()
			e := sched.New(machine, sched.Options{Quantum: 32})
			defer e.Close()
			for b.Loop() {
				var all sync.WaitGroup
				for i := range texts {
					greedy, err := sampler.New(sampler.Options{}) // random weights give flat logits, which take longer to sample from than real ones
					require.NoError(b, err)
					o := generate.Options{Sampler: greedy, Limit: 64}
					s, err := e.Submit(b.Context(), sched.Request{Tenant: fmt.Sprint(i % 5), Prompt: make([]tokenizer.Token, 16), Generate: o})
					require.NoError(b, err)
					all.Go(func() {
						for _, ok := s.Next(); ok; _, ok = s.Next() {
						}
					})
				}
				all.Wait()
			}
			stats := e.Stats()
			b.ReportMetric(float64(stats.Decoded.Tokens)/b.Elapsed().Seconds(), "tok/s")
			b.ReportMetric(float64(stats.Swaps)/float64(stats.Decoded.Tokens), "swaps/tok")
			b.ReportMetric(float64(rss.Peak()-loaded)/(1<<20), "MiB")
		})
	}
}
