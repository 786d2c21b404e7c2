package cli

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/rss"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

var benchFormats = []string{"md", "csv", "json"}

func benchCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.StringFlag{Name: "n-prompt", Aliases: []string{"p"}, Usage: "read prompts of `N` tokens; several with commas, 0 for none", Value: "512"},
		&urfave.StringFlag{Name: "n-gen", Aliases: []string{"n"}, Usage: "generate `N` tokens; several with commas, 0 for none", Value: "128"},
		&urfave.IntFlag{Name: "repetitions", Aliases: []string{"r"}, Usage: "measure each `N` times, after a run to warm up", Value: 5},
		&urfave.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "print `FORMAT` md, csv or json", Value: "md"},
	}
	return &urfave.Command{
		Name: "bench", Usage: "measure the speed of a model", ArgsUsage: "MODEL",
		Description: `Measures reading a prompt (pp) and generating (tg), in tokens per second with the standard deviation, as llama-bench
does. Besides, how long the model took to load, the most memory that was used, and what share of the memory bandwidth
of this machine, measured by reading on the same threads, generating reaches.

Examples:
  gosling bench model.gguf
  gosling bench model.gguf -p 128,512 -n 64 -r 3 -t 2 -o json`,
		Flags:  slices.Concat(flags, modelFlags()),
		Action: bench,
	}
}

// benchResult is one line of the table, in llama-bench's names where it has them.
type benchResult struct {
	Model          string         `json:"model_filename"`
	ModelType      string         `json:"model_type"`
	ModelSize      int64          `json:"model_size"` // bytes of the tensors
	Parameters     int64          `json:"model_n_params"`
	Backends       string         `json:"backends"`
	Threads        int            `json:"n_threads"`
	GPULayers      int            `json:"n_gpu_layers"` // as asked for, -1 for all that fit
	Prompt         int            `json:"n_prompt"`
	Gen            int            `json:"n_gen"`
	AvgNs          int64          `json:"avg_ns"`
	StddevNs       int64          `json:"stddev_ns"`
	AvgTS          float.Number   `json:"avg_ts"` // tokens per second
	StddevTS       float.Number   `json:"stddev_ts"`
	SamplesNs      []int64        `json:"samples_ns"`
	SamplesTS      []float.Number `json:"samples_ts"`
	LoadSeconds    float.Number   `json:"load_s"`
	PeakRSS        int64          `json:"peak_rss"`        // bytes
	BytesPerToken  int64          `json:"bytes_per_token"` // of weights and state, read for each generated one
	Bandwidth      float.Number   `json:"bandwidth"`       // of the machine's memory, bytes per second
	BandwidthShare float.Number   `json:"bandwidth_share"` // of it that generating reaches; 0 for prompts
	GGML           string         `json:"ggml_version"`
	Time           time.Time      `json:"test_time"`
}

func (r *benchResult) name() string {
	if r.Prompt > 0 {
		return fmt.Sprintf("pp%d", r.Prompt)
	}
	return fmt.Sprintf("tg%d", r.Gen)
}

func bench(c *urfave.Context) error {
	tests, err := benchTests(c)
	if err != nil {
		return err
	}
	m, loaded, err := loadModel(c)
	if err != nil {
		return err
	}
	defer m.Close()
	session, err := m.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	lib, err := openGGML(c, c.String("device")) // the same again
	if err != nil {
		return err
	}
	about := describeBench(c, m)
	about.GGML = lib.Version()
	about.LoadSeconds = float.Number(loaded.Seconds())
	var results []benchResult
	for _, test := range tests {
		result := about
		result.Prompt, result.Gen, result.Time = test.prompt, test.gen, time.Now().UTC()
		line := newReading(c.App.ErrWriter, clockOf(c), result.name(), (c.Int("repetitions")+1)*(test.prompt+test.gen))
		err := result.measure(line.follow(c.Context), clockOf(c), session, m.Vocab(), c.Int("repetitions"))
		line.end()
		if err != nil {
			return err
		}
		result.PeakRSS = rss.Peak()
		results = append(results, result)
	}
	if !m.Devices()[0].IsHost() {
		return buffered(c.App.Writer, func(w io.Writer) error { return printBench(w, c.String("output"), results) })
	}
	width, err := bandwidth(c.Context, clockOf(c), m.Memory(), m.Threads())
	if err != nil {
		return err
	}
	for i := range results {
		r := &results[i]
		r.Bandwidth = width
		if r.Gen > 0 {
			r.BandwidthShare = r.AvgTS * float.Number(r.BytesPerToken) / width
		}
	}
	return buffered(c.App.Writer, func(w io.Writer) error { return printBench(w, c.String("output"), results) })
}

// benchTest is a prompt to read or a number of tokens to generate, the other one being 0.
type benchTest struct{ prompt, gen int }

func benchTests(c *urfave.Context) ([]benchTest, error) {
	if c.NArg() != 1 {
		return nil, misuse(c, "want one model, not %d arguments", c.NArg())
	}
	if !slices.Contains(benchFormats, c.String("output")) {
		return nil, misuse(c, "--output %s: want one of %s", c.String("output"), strings.Join(benchFormats, ", "))
	}
	if r := c.Int("repetitions"); r < 1 {
		return nil, misuse(c, "--repetitions %d: want 1 or more", r)
	}
	prompts, err := counts(c, "n-prompt")
	if err != nil {
		return nil, err
	}
	gens, err := counts(c, "n-gen")
	if err != nil {
		return nil, err
	}
	var tests []benchTest
	for _, n := range prompts {
		tests = append(tests, benchTest{prompt: n})
	}
	for _, n := range gens {
		tests = append(tests, benchTest{gen: n})
	}
	if len(tests) == 0 {
		return nil, misuse(c, "nothing to measure: both -p and -n are 0")
	}
	return tests, nil
}

// counts reads a list of numbers of tokens, leaving out zeros.
func counts(c *urfave.Context, flag string) ([]int, error) {
	const most = 1 << 20
	var list []int
	for word := range strings.SplitSeq(c.String(flag), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 0 || n > most {
			return nil, misuse(c, "--%s %q: want numbers from 0 to %d", flag, word, most)
		}
		if n > 0 {
			list = append(list, n)
		}
	}
	return list, nil
}

// describeBench fills in what all lines have in common.
func describeBench(c *urfave.Context, m *lm.Model) benchResult {
	r := benchResult{Model: c.Args().First(), Threads: m.Threads(), GPULayers: -1, BytesPerToken: m.BytesPerToken()}
	if c.IsSet("gpu-layers") {
		r.GPULayers = c.Int("gpu-layers")
	}
	types := map[string]int64{}
	for _, t := range m.File().Tensors() {
		r.ModelSize += t.Size
		r.Parameters += t.Elements()
		types[t.Type.String()] += t.Size
	}
	var most string
	for name, size := range types {
		if size > types[most] || size == types[most] && name < most {
			most = name
		}
	}
	label, _ := m.File().String("general.size_label")
	r.ModelType = strings.Join(strings.Fields(m.Config().Arch+" "+excerpt.Cut(label, 40)+" "+most), " ")
	var backends []string
	for _, d := range m.Devices() {
		if !slices.Contains(backends, d.Backend) {
			backends = append(backends, d.Backend)
		}
	}
	r.Backends = strings.Join(backends, ",")
	return r
}

// measure runs the test once for nothing and then takes the given number of samples. A sample is a run, or the mean of as many
// as the clock needs.
func (r *benchResult) measure(ctx context.Context, now clock, s *engine.Session, vocab, repetitions int) error {
	random := rand.New(rand.NewPCG(1, 2))
	tokens := make([]tokenizer.Token, max(r.Prompt, r.Gen))
	for i := range tokens {
		tokens[i] = tokenizer.Token(random.IntN(vocab))
	}
	once := func(tokens []tokenizer.Token) (time.Duration, error) {
		if err := s.Reset(); err != nil {
			return 0, err
		}
		begin := now()
		if r.Prompt > 0 {
			_, err := s.Prefill(ctx, tokens)
			return now.since(begin), err
		}
		for _, t := range tokens {
			if _, err := s.Decode(ctx, t); err != nil {
				return 0, err
			}
		}
		return now.since(begin), nil
	}
	warm := tokens
	if r.Gen > 0 {
		warm = tokens[:min(len(tokens), 16)]
	}
	if _, err := once(warm); err != nil {
		return err
	}
	var ns []float64
	for range repetitions {
		took, err := repeat(func() (time.Duration, error) { return once(tokens) })
		if err != nil {
			return err
		}
		ns = append(ns, float64(took))
		r.SamplesNs = append(r.SamplesNs, took.Nanoseconds())
		r.SamplesTS = append(r.SamplesTS, rate(float64(len(tokens)), took))
	}
	avg, stddev := meanAndDeviation(ns)
	r.AvgNs, r.StddevNs = int64(avg), int64(stddev)
	r.AvgTS, r.StddevTS = meanAndDeviation(r.SamplesTS)
	return nil
}
