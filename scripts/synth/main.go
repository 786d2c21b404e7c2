// Command synth makes RWKV checkpoints of random weights in the shapes of the released models, and GGUF files of hybrids. Use it to try
// real sizes without the real weights:
//
//	go run ./scripts/synth --size 1.5B
//	go run ./scripts/synth --version arwkv7 --layers 4 --embed 256 --vocab 512
//	go run ./scripts/synth --layers 4 --embed 256 --head-size 32 --vocab 512 --out small.pth
//
// The text of such a model is noise. The same flags give the same file everywhere.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

func main() {
	err := run(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "synth:", err)
		os.Exit(1)
	}
}

// request is what the command line asks for.
type request struct {
	synth.Config
	size, out, ranks string
	force            bool
}

func run(args []string, log io.Writer) error {
	r, err := parse(args, log)
	if err != nil {
		return err
	}
	label, err := r.complete()
	if err != nil {
		return err
	}
	if r.out == "" {
		r.out = synth.FileName(r.Version, label)
		if r.hybrid() {
			r.out = "Synth-" + label + "-" + r.Version + "-F32.gguf"
		}
	}
	if err := os.MkdirAll(filepath.Dir(r.out), 0o777); err != nil {
		return err
	}
	f, err := atomicfile.Create(r.out, atomicfile.Options{Force: r.force})
	if err != nil {
		return err
	}
	defer f.Close()
	begin := time.Now()
	if r.hybrid() {
		err = synth.WriteGGUF(f, r.Config)
	} else {
		err = synth.Write(f, r.Config)
	}
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return err
	}
	seconds := time.Since(begin).Seconds()
	fmt.Fprintf(log, "%s: %.2f GiB in %.1f s", r.out, float64(size)/(1<<30), seconds)
	if seconds > 0 {
		fmt.Fprintf(log, ", %.0f MiB/s", float64(size)/(1<<20)/seconds)
	}
	fmt.Fprintln(log)
	return nil
}

func parse(args []string, log io.Writer) (*request, error) {
	r := &request{}
	flags := flag.NewFlagSet("synth", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&r.size, "size", "", "a released size, such as 0.1B, 1.5B or 7.2B (version 6: 1.6B, 3B, 7B, 14B)")
	flags.StringVar(&r.out, "out", "", "the file to write; by default a file in this folder, named by RWKV's rule")
	flags.BoolVar(&r.force, "force", false, "overwrite the file")
	flags.Uint64Var(&r.Seed, "seed", 0, "the seed of all numbers")
	flags.StringVar(&r.Version, "version", "7", "the RWKV version: "+strings.Join(synth.Versions(), ", ")+"; or a hybrid, written as GGUF: "+strings.Join(synth.Hybrids(), ", "))
	flags.BoolVar(&r.FirstValue, "g1", false, "like the G1 models: layer 0 also has the value residual's tensors")
	flags.IntVar(&r.Vocab, "vocab", 0, "size of the vocabulary, 65536 by default")
	flags.IntVar(&r.Layers, "layers", 0, "layers, instead of --size's")
	flags.IntVar(&r.Embed, "embed", 0, "channels, instead of --size's")
	flags.IntVar(&r.FFN, "ffn", 0, "width of the channel mix, by default the version's, 4 or 3.5 times the channels")
	flags.IntVar(&r.HeadSize, "head-size", 0, "size of a head, 64 by default")
	flags.IntVar(&r.KVHeads, "kv-heads", 0, "rwkv6qwen2: number of key and value heads, by default a quarter of all heads")
	flags.BoolVar(&r.NoGate, "no-gate", false, "arwkv7: without a gate")
	flags.BoolVar(&r.NoHeadNorm, "no-head-norm", false, "arwkv7: without a norm over each head's output")
	flags.BoolVar(&r.NoBiases, "no-biases", false, "rwkv6qwen2: without biases")
	flags.StringVar(&r.ranks, "ranks", "", "low-rank widths `w,a,v,g[,x]` of decay, rate, value, gate and, in version 6, the token shift")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: name the file with --out", flags.Arg(0))
	}
	return r, nil
}

// complete fills in the dimensions of the chosen size, and returns its label.
func (r *request) complete() (string, error) {
	if all := slices.Concat(synth.Versions(), synth.Hybrids()); !slices.Contains(all, r.Version) {
		return "", fmt.Errorf("version %q cannot be made: want one of %s", r.Version, strings.Join(all, ", "))
	}
	if err := r.readRanks(); err != nil {
		return "", err
	}
	if r.size == "" {
		if r.Embed == 0 || r.Layers == 0 {
			return "", errors.New("name a --size, or --layers and --embed")
		}
		n, err := r.Parameters()
		return labelOf(n), err
	}
	label, c, err := synth.Size(r.Version, r.size)
	if err != nil {
		return "", err
	}
	if r.Ranks == (synth.Ranks{}) && r.Embed == 0 {
		r.Ranks = c.Ranks
	}
	if r.Layers == 0 {
		r.Layers = c.Layers
	}
	if r.Embed == 0 {
		r.Embed = c.Embed
	}
	return label, nil
}

func (r *request) hybrid() bool { return slices.Contains(synth.Hybrids(), r.Version) }

func (r *request) readRanks() error {
	if r.ranks == "" {
		return nil
	}
	parts := strings.Split(r.ranks, ",")
	fields := []*int{&r.Ranks.Decay, &r.Ranks.Rate, &r.Ranks.Value, &r.Ranks.Gate, &r.Ranks.Mix}
	if len(parts) != len(fields) && len(parts) != len(fields)-1 {
		return fmt.Errorf("--ranks %s: want four numbers, w,a,v,g, or five", r.ranks)
	}
	for i, part := range parts {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return fmt.Errorf("--ranks %s: %q is not a number", r.ranks, part)
		}
		*fields[i] = n
	}
	return nil
}

// labelOf writes a number of parameters as model names do: "1.5B", "12M", "830K".
func labelOf(parameters int64) string {
	n := float64(parameters)
	switch {
	case n >= 0.95e8:
		return fmt.Sprintf("%.1fB", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0fM", n/1e6)
	}
	return fmt.Sprintf("%.0fK", n/1e3)
}
