// Package bench measures the speed of a model: reading prompts, generating text, and the share of the memory's bandwidth that
// generating uses.
//
//	results, err := bench.Run(ctx, bench.Options{Model: "rwkv7-g1-Q4_K_M.gguf", Prompts: []int{512}, Gens: []int{128}})
//
// Run has the tests of llama-bench, and RunParallel those of llama-batched-bench, so figures can be compared. A short measurement is
// repeated, because the clocks of some systems advance in steps of 16 ms.
//
// Limits: the peak of memory is that of the whole process. To measure one model only, Apart starts a separate process.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/clock"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/rss"
	"github.com/gosling-rwkv/gosling/lm"
)

// Options say what Run measures.
type Options struct {
	lm.Options

	Model string // path of the model's file
	Name  string // name in the results; empty is Model

	Prompts     []int    // lengths of prompts to read, in tokens
	Gens        []int    // numbers of tokens to generate
	Pairs       [][2]int // prompts and the numbers of tokens to generate after them, measured together
	Parallel    []int    // numbers of sequences side by side, for RunParallel only
	Repetitions int      // of each test, after a warm-up run; 0 is DefaultRepetitions

	Memory   int64          // bytes of memory that RunParallel may fill with sequences; 0 is no limit
	Progress func(Progress) // nil drops it; called by one goroutine at a time
}

// DefaultRepetitions is the default of Options.Repetitions.
const DefaultRepetitions = 5

// Progress reports the progress of a test.
type Progress struct {
	Test        string // its name, such as "pp512"
	Done, Total int64  // tokens
	Ended       bool   // the test is over
}

// Result is the result of one test. Its fields have llama-bench's names where llama-bench has them.
type Result struct {
	Model          string         `json:"model_filename"`
	ModelType      string         `json:"model_type"`
	ModelSize      int64          `json:"model_size"` // bytes of the tensors
	Parameters     int64          `json:"model_n_params"`
	Commit         string         `json:"build_commit"` // of this program; empty if it is not known
	CPU            string         `json:"cpu_info"`
	GPU            string         `json:"gpu_info"` // empty if no GPU computes
	Backends       string         `json:"backends"`
	Threads        int            `json:"n_threads"`
	Kernels        string         `json:"kernels"`      // level of Gosling's own kernels on the CPU; "off" if ggml computes all products
	GPULayers      int            `json:"n_gpu_layers"` // as requested; -1 for all that fit
	Mmap           bool           `json:"use_mmap"`
	Prompt         int            `json:"n_prompt"`
	Gen            int            `json:"n_gen"`
	Depth          int            `json:"n_depth"` // tokens before the test; always 0, because an RWKV model is as fast after them
	AvgNs          int64          `json:"avg_ns"`
	StddevNs       int64          `json:"stddev_ns"`
	AvgTS          float.Number   `json:"avg_ts"` // tokens per second
	StddevTS       float.Number   `json:"stddev_ts"`
	SamplesNs      []int64        `json:"samples_ns"`
	SamplesTS      []float.Number `json:"samples_ts"`
	LoadSeconds    float.Number   `json:"load_s"`
	PeakRSS        int64          `json:"peak_rss"`        // bytes
	BytesPerToken  int64          `json:"bytes_per_token"` // weights and state that each generated token reads
	Bandwidth      float.Number   `json:"bandwidth"`       // of the machine's memory, bytes per second; 0 if another device computes
	BandwidthShare float.Number   `json:"bandwidth_share"` // share of it that generating reaches; 0 for prompts
	GGML           string         `json:"ggml_version"`
	Time           time.Time      `json:"test_time"`
}

// Test returns the test's name. "pp512" reads a prompt of 512 tokens, "tg128" generates 128, and "pp512+tg128" does both.
func (r *Result) Test() string {
	switch {
	case r.Prompt > 0 && r.Gen > 0:
		return fmt.Sprintf("pp%d+tg%d", r.Prompt, r.Gen)
	case r.Prompt > 0:
		return fmt.Sprintf("pp%d", r.Prompt)
	}
	return fmt.Sprintf("tg%d", r.Gen)
}

// Run measures a model: first each prompt length, then each number of generated tokens.
func Run(ctx context.Context, o Options) ([]Result, error) {
	if err := o.settle(); err != nil {
		return nil, err
	}
	m, about, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	results, err := o.tests(ctx, m, about)
	if err != nil || !m.Devices()[0].IsHost() {
		return results, err
	}
	width, err := Bandwidth(ctx, m.Memory(), m.Threads())
	if err != nil {
		return nil, err
	}
	for i := range results {
		r := &results[i]
		r.Bandwidth = width
		if r.Gen > 0 && r.Prompt == 0 {
			r.BandwidthShare = r.AvgTS * float.Number(r.BytesPerToken) / width
		}
	}
	return results, nil
}

// open opens the model and returns what all results have in common.
func (o *Options) open(ctx context.Context) (*lm.Model, Result, error) {
	now := clock.Of(ctx)
	begin := now()
	m, err := lm.Open(ctx, o.Model, o.Options)
	if err != nil {
		return nil, Result{}, err
	}
	loaded := now.Since(begin)
	about, err := o.about(m)
	if err != nil {
		return nil, about, errors.Join(err, m.Close())
	}
	about.LoadSeconds = float.Number(loaded.Seconds())
	return m, about, nil
}

// settle fills in the defaults and returns an error for options that cannot be measured.
func (o *Options) settle() error {
	o.Name = cmp.Or(o.Name, o.Model)
	o.Repetitions = cmp.Or(o.Repetitions, DefaultRepetitions)
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	counts := append(slices.Clone(o.Prompts), o.Gens...)
	for _, pair := range o.Pairs {
		counts = append(counts, pair[:]...)
	}
	switch {
	case len(counts) == 0:
		return errors.New("bench: no prompts to read and no tokens to generate")
	case slices.Min(counts) < 1:
		return fmt.Errorf("bench: a test of %d tokens: want 1 or more", slices.Min(counts))
	case o.Repetitions < 1:
		return fmt.Errorf("bench: %d repetitions: want 1 or more", o.Repetitions)
	}
	return nil
}

// tests runs all tests and returns their results. Each result starts as a copy of about.
func (o *Options) tests(ctx context.Context, m *lm.Model, about Result) ([]Result, error) {
	session, err := m.NewSession()
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var results []Result
	for _, n := range o.Prompts {
		about.Prompt = n
		results = append(results, about)
	}
	about.Prompt = 0
	for _, n := range o.Gens {
		about.Gen = n
		results = append(results, about)
	}
	for _, pair := range o.Pairs {
		about.Prompt, about.Gen = pair[0], pair[1]
		results = append(results, about)
	}
	for i := range results {
		if err := o.test(ctx, session, m.Vocab(), &results[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// test runs one test and fills in its result.
func (o *Options) test(ctx context.Context, s *engine.Session, vocab int, r *Result) error {
	r.Time = time.Now().UTC()
	p := Progress{Test: r.Test(), Total: int64(o.Repetitions+1) * int64(r.Prompt+r.Gen)}
	o.Progress(p)
	ctx = engine.WithProgress(ctx, func(tokens int) {
		p.Done = min(p.Done+int64(tokens), p.Total) // a coarse clock needs more runs
		o.Progress(p)
	})
	err := r.measure(ctx, clock.Of(ctx), s, vocab, o.Repetitions)
	p.Ended = true
	o.Progress(p)
	r.PeakRSS = rss.Peak()
	return err
}

// about returns what all results have in common.
func (o *Options) about(m *lm.Model) (Result, error) {
	r := Result{Model: o.Name, Threads: m.Threads(), Kernels: m.Kernels().String(), GPULayers: -1, BytesPerToken: m.BytesPerToken()}
	if o.GPULayers != nil {
		r.GPULayers = *o.GPULayers
	}
	for _, t := range m.File().Tensors() {
		r.ModelSize += t.Size
		r.Parameters += t.Elements()
	}
	r.ModelType = m.Kind()
	var backends []string
	for _, d := range m.Devices() {
		if !slices.Contains(backends, d.Backend) {
			backends = append(backends, d.Backend)
		}
	}
	r.Backends = strings.Join(backends, ",")
	lib, err := o.OpenLibrary() // the library that computes
	if err != nil {
		return r, err
	}
	r.GGML, r.Commit, r.Mmap = lib.Version(), commit(), !o.NoMmap
	for _, d := range lib.Devices() {
		if d.IsHost() && r.CPU == "" {
			r.CPU = d.Description
		}
	}
	var gpus []string
	for _, d := range m.Devices() {
		if !d.IsHost() {
			gpus = append(gpus, d.Description)
		}
	}
	r.GPU = strings.Join(gpus, ", ")
	return r, nil
}

// commit returns the revision that the program was built from, as far as it is known.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}
