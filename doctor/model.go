package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gosling-rwkv/gosling/check"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// mostFindings is how many faults of one file are told.
const mostFindings = 5

// examineFile looks at a file: all that inspect --check does, whether it fits the memory, and whether it runs.
func (o Options) examineFile(ctx context.Context, tell func(Check)) error {
	found, err := check.File(ctx, o.Model, check.Options{Dequantizer: func() (check.Dequantizer, error) { return o.open("cpu") }})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		advice := "name a .gguf or a checkpoint; one that was cut short is downloaded again"
		if errors.Is(err, os.ErrNotExist) {
			advice = "name a file that is there"
		}
		tell(Check{"model", Problem, excerpt.Message(err), advice})
		return nil
	}
	tellFindings(o.Model, found, tell)
	return nil
}

func tellFindings(path string, found check.Findings, tell func(Check)) {
	for i, p := range found.Problems {
		if i == mostFindings {
			tell(Check{"model", Problem, fmt.Sprintf("and %d more", len(found.Problems)-i), "see all with gosling inspect --check " + path})
			return
		}
		tell(Check{"model", Problem, p, "download it again, or convert it again with this program"})
	}
	text := path + ": nothing is wrong"
	for _, n := range found.Notes {
		text += "\nnote: " + n
	}
	if len(found.Problems) == 0 {
		tell(Check{Name: "model", Status: OK, Text: text})
	}
}

// examineRunning sees whether a sound file is a model that fits, and lets it predict a token if it is.
func (o Options) examineRunning(ctx context.Context, tell func(Check)) {
	if !gguf.Is(o.Model) {
		tell(adviseConverting(o.Model))
		return
	}
	lib, err := o.open("auto")
	if err != nil {
		lib = nil // what is wrong with the libraries was told
	}
	k := fits(lib, o.Model)
	tell(k)
	if k.Status == Problem || lib == nil {
		return
	}
	begin := time.Now()
	if err := o.firstToken(ctx, lib); err != nil {
		tell(Check{"runs", Problem, excerpt.Message(err), "see what happens with --device cpu and --verbose; if only a device is at fault, leave it out"})
		return
	}
	tell(Check{Name: "runs", Status: OK, Text: fmt.Sprintf("loaded and predicted a token in %.1f s", time.Since(begin).Seconds())})
}

// adviseConverting says that a checkpoint does not run as it is.
func adviseConverting(path string) Check {
	f, err := formats.Open(path)
	if err != nil {
		return Check{"runs", Problem, excerpt.Message(err), "name another file"}
	}
	defer f.Close()
	if problems := convert.Check(f); len(problems) > 0 {
		return Check{"runs", Problem, excerpt.Message(problems[0]), "name a checkpoint of RWKV"}
	}
	arch, _ := archs.Detect(f.Shape)
	return Check{"runs", Warning, fmt.Sprintf("a checkpoint of %s, which does not run as it is", arch.Name), "convert it: gosling convert " + path}
}

// fits compares what a model takes with what is free. lib is nil if there is none.
func fits(lib *ggml.Library, path string) Check {
	f, err := gguf.Open(path)
	if err != nil {
		return Check{"fits", Problem, excerpt.Message(err), "name another file"}
	}
	defer f.Close()
	arch, config, err := archs.Describe(f)
	if err != nil {
		return Check{"fits", Problem, excerpt.Message(err), "name a model of RWKV"}
	}
	row, err := fit.AsItIs(arch, config, f)
	if err != nil {
		return Check{"fits", Problem, excerpt.Message(err), "convert it again with this program"}
	}
	for _, d := range devicesOf(lib) {
		if free, _ := d.Memory(); d.Type == ggml.GPU && free >= row.VRAM {
			return Check{Name: "fits", Status: OK, Text: fmt.Sprintf("takes about %s of %s, and %s beside it", units.Bytes(row.VRAM), d.Name, units.Bytes(row.HostRAM))}
		}
	}
	rows, _ := fit.Table(arch, config, f)
	return fitsMemory(row, rows, path)
}

// fitsMemory compares with the memory of the CPU; rows are what other quantizations take.
func fitsMemory(row fit.Row, rows []fit.Row, path string) Check {
	total, err := fit.ThisRAM()
	if err != nil {
		return Check{"fits", Warning, fmt.Sprintf("takes about %s of memory; how much there is, is not known", units.Bytes(row.RAM)), "judge by what the system says"}
	}
	free, err := fit.FreeRAM()
	if err != nil {
		free = total
	}
	k := Check{Name: "fits", Status: OK, Text: fmt.Sprintf("takes about %s of memory, %s are free of %s", units.Bytes(row.RAM), units.Bytes(free), units.Bytes(total))}
	switch {
	case row.RAM > total:
		k.Status, k.Advice = Problem, smallerAdvice(row, rows, total, path)
	case row.RAM > free:
		k.Status, k.Advice = Warning, "end other programs, or "+smallerAdvice(row, rows, free, path)
	}
	return k
}

func devicesOf(lib *ggml.Library) []ggml.Device {
	if lib == nil {
		return nil
	}
	return lib.Devices()
}

// smallerAdvice names the best quantization of a file that does fit.
func smallerAdvice(row fit.Row, rows []fit.Row, memory int64, path string) string {
	for _, r := range rows {
		if r.RAM <= memory && r.Size < row.Size {
			return fmt.Sprintf("quantize it: gosling quantize %s %s gives one that takes %s", path, r.Mix, units.Bytes(r.RAM))
		}
	}
	return "take a smaller model: gosling recommend names one"
}

// firstToken loads a model as "run" does and looks at the logits after one token.
func (o Options) firstToken(ctx context.Context, lib *ggml.Library) error {
	m, err := engine.Load(lib, o.Model, engine.Options{Log: o.Log})
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := m.NewSession(engine.SessionOptions{})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Decode(ctx, tokenizer.Token(0)); err != nil {
		return fmt.Errorf("%s: %w", o.Model, err)
	}
	return nil
}
