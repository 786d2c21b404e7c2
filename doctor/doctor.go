// Package doctor looks for what keeps models from running on this machine, and says what to do about it. It examines the processor,
// memory, disks, ggml's libraries and devices, Gosling's own kernels, and a model if one is named.
//
// A broken library or driver may end the process. With Options.Command the libraries and the model are examined in another process.
//
// Limits: memory and disks are examined only once. Other programs may change them afterwards.
package doctor

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/cpus"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/models"
)

// Status is the result of a check.
type Status string

// The statuses. A warning means that models run, but not as well as they could. A problem means that something does not work.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Problem Status = "problem"
)

// Check is one check and its result.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

// WriteText writes the check and, below it, what to do. Errors of w are left to w.
func (k Check) WriteText(w io.Writer) {
	const indent = "                      "
	text := strings.ReplaceAll(strings.TrimSpace(k.Text), "\n", "\n"+indent)
	fmt.Fprintf(w, "%-8s %-12s %s\n", k.Status, term.Visible(k.Name), text)
	if k.Advice != "" {
		fmt.Fprintf(w, "%s-> %s\n", indent, strings.ReplaceAll(k.Advice, "\n", "\n"+indent+"   "))
	}
}

// Options say what Run examines. The zero value examines the machine and the libraries in the usual places.
type Options struct {
	lm.Options // Libraries, CPUVariant, Kernels and the logs; every device is tried

	NamedBy string       // name of the flag or variable that set Libraries: "--ggml" or "GOSLING_GGML"
	Version string       // version of the program; empty leaves it out
	Model   string       // path of a GGUF model or a checkpoint; empty is none
	Left    []Left       // folders that stopped runs left
	Store   models.Store // of models; without a folder it is not examined
	Cache   string       // folder of downloads; empty is none
	Tell    func(Check)  // gets each check at once; nil drops it

	// Command returns a command that calls Examine with part, o and standard output in another process. Nil examines in this
	// process.
	Command func(ctx context.Context, part Part, o Options) (*exec.Cmd, error)

	multiply func(m *kernels.Matrix, x []float32) ([]float32, error) // set by tests; nil is Matrix.Multiply
}

// Left is a folder that a stopped run left behind.
type Left struct {
	Path string
	Of   string // the stopped command: "gosling compare m.gguf"
}

// Report is the result of Run.
type Report struct {
	Checks   []Check `json:"checks"`
	Problems int     `json:"problems"`
	Warnings int     `json:"warnings"`
}

func (r *Report) add(k Check) {
	r.Checks = append(r.Checks, k)
	switch k.Status {
	case Problem:
		r.Problems++
	case Warning:
		r.Warnings++
	}
}

// Run examines everything. The report holds what is wrong. The error is the reason why Run ended early, such as the end of ctx.
func Run(ctx context.Context, o Options) (Report, error) {
	r := Report{Checks: []Check{}}
	tell := func(k Check) {
		r.add(k)
		if o.Tell != nil {
			o.Tell(k)
		}
	}
	if o.Version != "" {
		tell(Check{Name: "gosling", Status: OK, Text: o.Version})
	}
	examineProcessors(cpus.Find(), tell)
	examineMemory(tell)
	examineDisks(tell)
	examineLeft(o.Left, tell)
	if o.Store.Dir != "" {
		examineStore(o.Store, o.Cache, tell)
	}
	return r, o.examineParts(ctx, tell)
}
