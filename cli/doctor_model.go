package cli

import (
	"errors"
	"fmt"
	"os"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/check"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// mostFindings is how many faults of one file are told.
const mostFindings = 5

// examineModel looks at a file: all that inspect --check does, whether it fits the memory, and whether it runs.
func examineModel(c *urfave.Context, path string, tell func(finding)) error {
	found, err := check.File(c.Context, path, checkOptions(c))
	if c.Context.Err() != nil {
		return c.Context.Err()
	}
	if err != nil {
		advice := "name a .gguf or a checkpoint; one that was cut short is downloaded again"
		if errors.Is(err, os.ErrNotExist) {
			advice = "name a file that is there"
		}
		tell(finding{"model", statusProblem, errorText(err), advice})
		return nil
	}
	tellFindings(path, found, tell)
	return nil
}

func tellFindings(path string, found check.Findings, tell func(finding)) {
	for i, p := range found.Problems {
		if i == mostFindings {
			tell(finding{"model", statusProblem, fmt.Sprintf("and %d more", len(found.Problems)-i), "see all with gosling inspect --check " + path})
			return
		}
		tell(finding{"model", statusProblem, p, "download it again, or convert it again with this program"})
	}
	text := path + ": nothing is wrong"
	for _, n := range found.Notes {
		text += "\nnote: " + n
	}
	if len(found.Problems) == 0 {
		tell(finding{Name: "model", Status: statusOK, Text: text})
	}
}

// examineRunning sees whether a sound file is a model that fits, and lets it predict a token if it is.
func examineRunning(c *urfave.Context, path string, tell func(finding)) {
	if !gguf.Is(path) {
		tell(adviseConverting(path))
		return
	}
	lib, err := openGGML(c, "auto")
	if err != nil {
		lib = nil // what is wrong with the libraries was told
	}
	k := fits(lib, path)
	tell(k)
	if k.Status == statusProblem || lib == nil {
		return
	}
	begin := time.Now()
	if err := firstToken(c, lib, path); err != nil {
		tell(finding{"runs", statusProblem, errorText(err), "see what happens with --device cpu and --verbose; if only a device is at fault, leave it out"})
		return
	}
	tell(finding{Name: "runs", Status: statusOK, Text: fmt.Sprintf("loaded and predicted a token in %.1f s", time.Since(begin).Seconds())})
}

// adviseConverting says that a checkpoint does not run as it is.
func adviseConverting(path string) finding {
	f, err := formats.Open(path)
	if err != nil {
		return finding{"runs", statusProblem, errorText(err), "name another file"}
	}
	defer f.Close()
	if problems := convert.Check(f); len(problems) > 0 {
		return finding{"runs", statusProblem, errorText(problems[0]), "name a checkpoint of RWKV"}
	}
	arch, _ := archs.Detect(f.Shape)
	return finding{"runs", statusWarning, fmt.Sprintf("a checkpoint of %s, which does not run as it is", arch.Name), "convert it: gosling convert " + path}
}

// fits compares what a model takes with what is free. lib is nil if there is none.
func fits(lib *ggml.Library, path string) finding {
	f, err := gguf.Open(path)
	if err != nil {
		return finding{"fits", statusProblem, errorText(err), "name another file"}
	}
	defer f.Close()
	arch, config, err := archs.Describe(f)
	if err != nil {
		return finding{"fits", statusProblem, errorText(err), "name a model of RWKV"}
	}
	row, err := fit.AsItIs(arch, config, f)
	if err != nil {
		return finding{"fits", statusProblem, errorText(err), "convert it again with this program"}
	}
	for _, d := range devicesOf(lib) {
		if free, _ := d.Memory(); d.Type == ggml.GPU && free >= row.VRAM {
			return finding{Name: "fits", Status: statusOK, Text: fmt.Sprintf("takes about %s of %s, and %s beside it", bytesText(row.VRAM), d.Name, bytesText(row.HostRAM))}
		}
	}
	rows, _ := fit.Table(arch, config, f)
	return fitsMemory(row, rows, path)
}

// fitsMemory compares with the memory of the CPU; rows are what other quantizations take.
func fitsMemory(row fit.Row, rows []fit.Row, path string) finding {
	total, err := fit.ThisRAM()
	if err != nil {
		return finding{"fits", statusWarning, fmt.Sprintf("takes about %s of memory; how much there is, is not known", bytesText(row.RAM)), "judge by what the system says"}
	}
	free, err := fit.FreeRAM()
	if err != nil {
		free = total
	}
	k := finding{Name: "fits", Status: statusOK, Text: fmt.Sprintf("takes about %s of memory, %s are free of %s", bytesText(row.RAM), bytesText(free), bytesText(total))}
	switch {
	case row.RAM > total:
		k.Status, k.Advice = statusProblem, smallerAdvice(row, rows, total, path)
	case row.RAM > free:
		k.Status, k.Advice = statusWarning, "end other programs, or "+smallerAdvice(row, rows, free, path)
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
			return fmt.Sprintf("quantize it: gosling quantize %s %s gives one that takes %s", path, r.Mix, bytesText(r.RAM))
		}
	}
	return "take a smaller model: gosling recommend names one"
}

// firstToken loads a model as "run" does and looks at the logits after one token.
func firstToken(c *urfave.Context, lib *ggml.Library, path string) error {
	m, err := engine.Load(lib, path, engine.Options{Log: logger(c)})
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := m.NewSession(engine.SessionOptions{})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Decode(c.Context, tokenizer.Token(0)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
