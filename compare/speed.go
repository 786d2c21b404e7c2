package compare

import (
	"context"

	"github.com/gosling-rwkv/gosling/bench"
)

// The settings with which a comparison measures speed, in the names of bench.Options.
const (
	SpeedPrompt      = 512
	SpeedGen         = 32
	SpeedRepetitions = 2
)

// speed measures a model's speed and memory, unless the options turn that off.
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

// bench measures in a process of its own if there is a command for that, so that the memory is this model's alone. Otherwise it
// measures in this process.
func (r *run) bench(ctx context.Context, path string) ([]bench.Result, error) {
	if r.Bench != nil {
		return bench.Apart(ctx, *r.Bench, path)
	}
	return bench.Run(ctx, bench.Options{
		Options: r.Setup.Options, Model: path,
		Prompts: []int{SpeedPrompt}, Gens: []int{SpeedGen}, Repetitions: SpeedRepetitions,
	})
}
