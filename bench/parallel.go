package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/rss"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// MostSequences is the largest number of sequences in Options.Parallel.
const MostSequences = 256

// ParallelResult is the result of one test of several sequences side by side. In JSON, the fields of the measurement have the names that
// llama-batched-bench gives them. Times and speeds are means over the repetitions. Times are in seconds. Speeds are in tokens per second
// of all sequences together.
type ParallelResult struct {
	Model       string       `json:"model_filename"`
	ModelType   string       `json:"model_type"`
	ModelSize   int64        `json:"model_size"` // bytes of the tensors
	Parameters  int64        `json:"model_n_params"`
	Backends    string       `json:"backends"`
	Threads     int          `json:"n_threads"`
	GPULayers   int          `json:"n_gpu_layers"` // as requested; -1 for all that fit
	Kernels     string       `json:"kernels"`      // level of Gosling's own kernels on the CPU; "off" if ggml computes all products
	Prompt      int          `json:"pp"`           // tokens of each sequence's prompt
	Gen         int          `json:"tg"`           // tokens generated for each sequence
	Sequences   int          `json:"pl"`
	Tokens      int          `json:"n_kv"` // prompt and generated tokens of all sequences; RWKV has no KV cache
	PromptTime  float.Number `json:"t_pp"`
	PromptSpeed float.Number `json:"speed_pp"`
	GenTime     float.Number `json:"t_tg"`
	GenSpeed    float.Number `json:"speed_tg"`
	Time        float.Number `json:"t"`
	Speed       float.Number `json:"speed"` // all tokens divided by Time
	LoadSeconds float.Number `json:"load_s"`
	PeakRSS     int64        `json:"peak_rss"` // bytes
	GGML        string       `json:"ggml_version"`
	Begin       time.Time    `json:"test_time"`
}

// test returns the test's name, such as "pp512+tg128 x 4".
func (r *ParallelResult) test() string {
	return fmt.Sprintf("pp%d+tg%d x %d", r.Prompt, r.Gen, r.Sequences)
}

// RunParallel measures sequences side by side, as llama-batched-bench does. It tests each prompt length with each number of tokens to
// generate and each number of sequences. Each sequence has its own prompt. A step of decoding reads one token of each sequence. A number of
// sequences outside 1 to MostSequences is an error. A number that does not fit into memory is an error too.
func RunParallel(ctx context.Context, o Options) ([]ParallelResult, error) {
	if err := o.settle(); err != nil {
		return nil, err
	}
	if err := o.checkParallel(); err != nil {
		return nil, err
	}
	m, about, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if err := o.room(m, slices.Max(o.Parallel)); err != nil {
		return nil, err
	}
	var results []ParallelResult
	for _, prompt := range orNone(o.Prompts) {
		for _, gen := range orNone(o.Gens) {
			for _, n := range o.Parallel {
				r := about.parallel(prompt, gen, n)
				if err := o.testParallel(ctx, m, &r); err != nil {
					return nil, err
				}
				results = append(results, r)
			}
		}
	}
	return results, nil
}

// checkParallel returns an error for numbers of sequences that cannot be measured.
func (o *Options) checkParallel() error {
	if len(o.Parallel) == 0 {
		return errors.New("bench: no number of sequences")
	}
	for _, n := range o.Parallel {
		if n < 1 || n > MostSequences {
			return fmt.Errorf("bench: %d sequences side by side: want 1 to %d", n, MostSequences)
		}
	}
	return nil
}

// orNone returns the counts, or a single 0 if there are none.
func orNone(counts []int) []int {
	if len(counts) == 0 {
		return []int{0}
	}
	return counts
}

// room returns an error if the memory is too small for this number of sequences.
func (o *Options) room(m *lm.Model, sequences int) error {
	free, where := o.Memory, "memory"
	if d := m.Devices()[0]; !d.IsHost() {
		free, _ = d.Memory()
		where = d.Name
	}
	each := int64(4 * m.Vocab()) // the logits
	for _, s := range m.Arch().State(m.Config()) {
		each += 4 * s.Elements
	}
	if need := each * int64(sequences); free > 0 && need > free {
		const mib = 1 << 20
		return fmt.Errorf("%s: %d sequences need %.1f MiB for states and logits, %.1f MiB of %s are free: try %d or fewer",
			o.Name, sequences, float64(need)/mib, float64(free)/mib, where, max(1, free/each))
	}
	return nil
}

// parallel returns the result of a test with the fields about the model and the machine. It has no measurements yet.
func (r *Result) parallel(prompt, gen, sequences int) ParallelResult {
	return ParallelResult{
		Model: r.Model, ModelType: r.ModelType, ModelSize: r.ModelSize, Parameters: r.Parameters, Backends: r.Backends, Threads: r.Threads,
		GPULayers: r.GPULayers, Kernels: r.Kernels, LoadSeconds: r.LoadSeconds, GGML: r.GGML,
		Prompt: prompt, Gen: gen, Sequences: sequences, Tokens: sequences * (prompt + gen), Begin: time.Now().UTC(),
	}
}

// testParallel runs one test and fills in its result.
func (o *Options) testParallel(ctx context.Context, m *lm.Model, r *ParallelResult) error {
	b, err := m.NewSlots(r.Sequences, engine.SessionOptions{})
	if err != nil {
		return fmt.Errorf("%d sequences: %w", r.Sequences, err)
	}
	defer b.Close()
	s := sideBySide{batch: b, now: clock.Of(ctx), prompts: make([][]tokenizer.Token, r.Sequences), gen: r.Gen}
	tokens := randomTokens(r.Sequences*max(r.Prompt, 1), m.Vocab())
	for i := range s.prompts {
		s.prompts[i] = tokens[i*r.Prompt : (i+1)*r.Prompt]
	}
	s.next = tokens[:r.Sequences]

	p := Progress{Test: r.test(), Total: int64(o.Repetitions) * int64(r.Tokens)}
	o.Progress(p)
	defer func() {
		p.Ended = true
		o.Progress(p)
	}()
	if err := s.warmUp(ctx); err != nil {
		return err
	}
	ctx = engine.WithProgress(ctx, func(tokens int) {
		p.Done = min(p.Done+int64(tokens), p.Total) // if the clock is coarse, there are more runs than repetitions
		o.Progress(p)
	})
	prefill, decode, err := s.measure(ctx, o.Repetitions)
	r.PeakRSS = rss.Peak()
	n := float64(r.Sequences)
	r.PromptTime, r.GenTime, r.Time = seconds(prefill), seconds(decode), seconds(prefill+decode)
	r.PromptSpeed, r.GenSpeed = float.Rate(n*float64(r.Prompt), prefill), float.Rate(n*float64(r.Gen), decode)
	r.Speed = float.Rate(float64(r.Tokens), prefill+decode)
	return err
}

func seconds(d time.Duration) float.Number { return float.Number(d.Seconds()) }

// sideBySide is a group of sequences that are measured together.
type sideBySide struct {
	batch   *engine.Slots
	now     clock.Clock
	prompts [][]tokenizer.Token // of equal length
	next    []tokenizer.Token   // one token for each sequence; every step of decoding reads these
	gen     int
}

// warmUp reads the first and the last chunk of the prompts and decodes a few tokens. After it, all graphs exist.
func (s *sideBySide) warmUp(ctx context.Context) error {
	chunk, n := s.chunk(), len(s.prompts[0])
	if n > chunk {
		if err := s.read(ctx, 0, chunk); err != nil {
			return err
		}
	}
	if n > 0 {
		if err := s.read(ctx, (n-1)/chunk*chunk, n); err != nil {
			return err
		}
	}
	return s.decode(ctx, min(s.gen, warmTokens))
}

// measure returns the mean times of prefill and decoding.
func (s *sideBySide) measure(ctx context.Context, repetitions int) (prefill, decode time.Duration, err error) {
	runs := time.Duration(0)
	for range repetitions {
		_, err := repeat(func() (time.Duration, error) {
			a, b, err := s.once(ctx)
			prefill, decode, runs = prefill+a, decode+b, runs+1
			return a + b, err
		})
		if err != nil {
			return 0, 0, err
		}
	}
	return prefill / runs, decode / runs, nil
}

// once reads the prompts from empty states, then decodes, and returns how long each took.
func (s *sideBySide) once(ctx context.Context) (prefill, decode time.Duration, err error) {
	if err := s.batch.Reset(); err != nil {
		return 0, 0, err
	}
	begin := s.now()
	n, chunk := len(s.prompts[0]), s.chunk()
	for at := 0; at < n; at += chunk {
		if err := s.read(ctx, at, min(at+chunk, n)); err != nil {
			return 0, 0, err
		}
	}
	middle := s.now()
	err = s.decode(ctx, s.gen)
	return middle.Sub(begin), s.now.Since(middle), err
}

// chunk returns the number of tokens of each prompt that are read at once. For all sequences together, this is at most engine.MaxChunk.
func (s *sideBySide) chunk() int { return max(1, engine.MaxChunk/len(s.prompts)) }

// read reads the tokens from to to-1 of each prompt. It asks for logits only after the last token of the prompts.
func (s *sideBySide) read(ctx context.Context, from, to int) error {
	parts, outputs := make([][]tokenizer.Token, len(s.prompts)), rwkv.NoLogits
	for i, p := range s.prompts {
		parts[i] = p[from:to]
	}
	if to == len(s.prompts[0]) {
		outputs = rwkv.LastLogits
	}
	_, err := s.batch.Read(ctx, parts, outputs)
	return err
}

// decode makes n steps. Each step reads one token of every sequence.
func (s *sideBySide) decode(ctx context.Context, n int) error {
	step := make([][]tokenizer.Token, len(s.prompts))
	for i := range step {
		step[i] = s.next[i : i+1]
	}
	for range n {
		if _, err := s.batch.Read(ctx, step, rwkv.LastLogits); err != nil {
			return err
		}
	}
	return nil
}
