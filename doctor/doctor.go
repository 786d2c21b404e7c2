// Package doctor looks for what keeps models from running on this machine, and says what to do about it. It examines the processor,
// memory, disks, ggml's libraries and devices, and a model if one is named.
//
// A broken library or driver may end the process. With Options.Command the libraries and the model are examined in another process.
//
// Limits: memory and disks are examined only once. Other programs may change them afterwards.
package doctor

import (
	"context"
	"os/exec"

	"github.com/gosling-rwkv/gosling/internal/cpus"
	"github.com/gosling-rwkv/gosling/lm"
)

// Status is what a check found.
type Status string

// The statuses. A warning means that models run, but not as well as they could; a problem, that something does not work.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Problem Status = "problem"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

// Options say what is looked at. The zero value looks at the machine and at the libraries in the usual places.
type Options struct {
	lm.Options // Libraries, CPUVariant and the logs; every device is tried

	NamedBy string      // what named Libraries, for the advice: "--ggml" or "GOSLING_GGML"
	Version string      // of the program; empty is not told
	Model   string      // path of a GGUF model or a checkpoint; empty is none
	Left    []Left      // what stopped runs left behind
	Tell    func(Check) // gets each check as soon as it is made; nil drops it

	// Command makes the command that calls Examine with a part and with o in a process of its own, and gives it standard output.
	// Nil examines in this process.
	Command func(ctx context.Context, part Part, o Options) (*exec.Cmd, error)
}

// Left is a folder that a stopped run left behind.
type Left struct {
	Path string
	Of   string // what was stopped: "gosling compare m.gguf"
}

// Report is what Run found.
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

// Run looks at everything. What is wrong is in the report; the error is what kept Run from looking, such as the end of ctx.
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
	return r, o.examineParts(ctx, tell)
}
