package compare

import (
	"context"

	"github.com/gosling-rwkv/gosling/bench"
)

// What the speed of a model in a comparison is measured with, as bench.Options names it.
const (
	SpeedPrompt      = 512
	SpeedGen         = 32
	SpeedRepetitions = 2
)

// speed measures a model's speed and memory.
func (r *run) speed(ctx context.Context, f *Facts, path string) error {
	if r.kldOnly || r.NoSpeed {
		return nil
	}
	results, err := r.bench(ctx, path)
	for _, result := range results {
		if result.Prompt > 0 {
			f.Prefill = result.AvgTS
		} else {
			f.Decode = result.AvgTS
		}
		if r.Bench != nil {
			f.PeakMemory = max(f.PeakMemory, result.PeakRSS)
		}
	}
	return err
}

// bench measures in a process of its own, so that the memory is that of this model alone, or else in this one.
func (r *run) bench(ctx context.Context, path string) ([]bench.Result, error) {
	if r.Bench != nil {
		return bench.Apart(ctx, *r.Bench, path)
	}
	return bench.Run(ctx, bench.Options{
		Options: r.Setup.Options, Model: path, Clock: r.Clock,
		Prompts: []int{SpeedPrompt}, Gens: []int{SpeedGen}, Repetitions: SpeedRepetitions,
	})
}
