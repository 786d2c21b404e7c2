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

// mostFindings is how many faults of one file are reported.
const mostFindings = 5

// examineFile checks a file as "inspect --check" does.
func (o Options) examineFile(ctx context.Context, tell func(Check)) error {
	found, err := check.File(ctx, o.Model, check.Options{Dequantizer: func() (check.Dequantizer, error) { return o.open("cpu") }})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		advice := "name a .gguf file or a checkpoint; if it was cut short, download it again"
		if errors.Is(err, os.ErrNotExist) {
			advice = "name a file that exists"
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

// examineRunning checks whether a sound file is a model that fits. If it fits, examineRunning predicts a token with it.
func (o Options) examineRunning(ctx context.Context, tell func(Check)) {
	if !gguf.Is(o.Model) {
		tell(adviseConverting(o.Model))
		return
	}
	lib, err := o.open("auto")
	if err != nil {
		lib = nil // the check of the libraries reported what is wrong
	}
	k := fits(lib, o.Model)
	tell(k)
	if k.Status == Problem || lib == nil {
		return
	}
	begin := time.Now()
	if err := o.firstToken(ctx, lib); err != nil {
		tell(Check{"runs", Problem, excerpt.Message(err), "try --device cpu and --verbose; if only one device fails, leave it out"})
		return
	}
	tell(Check{Name: "runs", Status: OK, Text: fmt.Sprintf("loaded and predicted a token in %.1f s", time.Since(begin).Seconds())})
}

// adviseConverting reports that a checkpoint does not run as it is.
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

// fits compares the memory that a model takes with the free memory. lib is nil if there is none.
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
			return Check{Name: "fits", Status: OK, Text: fmt.Sprintf("takes about %s on %s and %s of the machine's memory", units.Bytes(row.VRAM), d.Name, units.Bytes(row.HostRAM))}
		}
	}
	rows, _ := fit.Table(arch, config, f)
	return fitsMemory(row, rows, path)
}

// fitsMemory compares the model with the memory of the CPU. rows say what other quantizations take.
func fitsMemory(row fit.Row, rows []fit.Row, path string) Check {
	total, err := fit.ThisRAM()
	if err != nil {
		return Check{"fits", Warning, fmt.Sprintf("takes about %s of memory; the size of this machine's memory is not known", units.Bytes(row.RAM)), "compare it with the size that the system shows"}
	}
	free, err := fit.FreeRAM()
	if err != nil {
		free = total
	}
	k := Check{Name: "fits", Status: OK, Text: fmt.Sprintf("takes about %s of memory; %s of %s is free", units.Bytes(row.RAM), units.Bytes(free), units.Bytes(total))}
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

// smallerAdvice names the best quantization of the file that fits the memory.
func smallerAdvice(row fit.Row, rows []fit.Row, memory int64, path string) string {
	for _, r := range rows {
		if r.RAM <= memory && r.Size < row.Size {
			return fmt.Sprintf("quantize it with gosling quantize %s %s: it then takes %s", path, r.Mix, units.Bytes(r.RAM))
		}
	}
	return "use a smaller model: gosling recommend names one"
}

// firstToken loads a model as "run" does and computes the logits after one token.
func (o Options) firstToken(ctx context.Context, lib *ggml.Library) error {
	m, err := engine.Load(lib, o.Model, engine.Options{Kernels: o.Kernels, Log: o.Log})
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
