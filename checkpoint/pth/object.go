package pth

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// objectError reports a file that holds objects of classes of somebody's program, such as a whole module. They cannot be
// made without that program, but the program can save the tensors alone. Errors that wrap it name the file.
type objectError struct {
	Path   string // of the file
	Part   string // what asks for the class, such as "data.pkl"; empty for an archive of TorchScript
	Name   string // of the class, with its module
	Offset int64  // where it is asked for
	State  string // how Python gets the state dict of what it loads, "%s": such as `%s["model"]`
}

// Error says what the file holds and gives the line of Python that saves its state dict.
func (e *objectError) Error() string {
	what, load := "is an archive of TorchScript", "torch.jit.load(%q, map_location=\"cpu\")"
	if e.Part != "" {
		load = "torch.load(%q, map_location=\"cpu\", weights_only=False)"
		what = fmt.Sprintf("%s asks for %s at offset %d: the file holds ", e.Part, excerpt.Of(e.Name), e.Offset)
		if e.State == module {
			what += "a whole module"
		} else {
			what += "objects beside the tensors"
		}
	}
	base := "model.pth"
	if e.Path != "" {
		base = filepath.Base(e.Path)
	}
	to := strings.TrimSuffix(base, filepath.Ext(base)) + "-weights.pth"
	return fmt.Sprintf("%s, not a state dict alone: if you trust it, save its weights where its program is installed: "+
		"python3 -c 'import torch; torch.save(%s, %q)'", what, fmt.Sprintf(e.State, fmt.Sprintf(load, base)), to)
}

// The ways to a state dict of a module, and of a dict with tensors among other values.
const (
	module = "%s.state_dict()"
	mixed  = "{k: v for k, v in %s.items() if torch.is_tensor(v)}"
)

// data are modules whose functions make plain values, which checkpoints may have beside the tensors.
var data = []string{"copyreg", "copy_reg", "datetime", "decimal", "enum", "lightning", "numpy", "omegaconf", "pathlib", "pytorch_lightning", "types"}

// refuse is the error of a name that is not in the table. It advises to load the file elsewhere only where an object is made:
// what a file made to do harm wants is a call.
func (d *decoder) refuse(name string) error {
	e := &objectError{Part: d.part, Name: name, Offset: d.at, State: module}
	made := d.makesObject()
	switch {
	case strings.HasPrefix(name, "__torch__."):
		e.Part = ""
		return e
	case d.inModule(), made && len(d.stack) == 0:
		return e
	case made || slices.Contains(data, strings.SplitN(name, ".", 2)[0]):
		e.State = d.stateDict()
		if e.State == "" && made {
			e.State = within("state_dict") // which may follow
		}
		if e.State != "" {
			return e
		}
	}
	return d.errorf("asks for %s at offset %d: a checkpoint needs no such thing, not loading", excerpt.Of(name), d.at)
}

// within is the way to what a dict has under a name.
func within(name string) string { return fmt.Sprintf("%%s[%q]", name) }

// makesObject reports whether the next instructions make an object of the class just named: they may remember it, and give
// an empty tuple to NEWOBJ.
func (d *decoder) makesObject() bool {
	next, _ := d.r.Peek(min(8, int(d.size-d.off)))
	switch {
	case len(next) > 2 && next[0] == 'q':
		next = next[2:]
	case len(next) > 5 && next[0] == 'r':
		next = next[5:]
	case len(next) > 1 && next[0] == 0x94:
		next = next[1:]
	}
	return bytes.HasPrefix(next, []byte(")\x81"))
}

// inModule reports whether a class is named where old files keep a module: ("module", class, file, text of the program).
func (d *decoder) inModule() bool { return len(d.stack) == d.floor()+1 && d.top() == "module" }

// stateDict is the way to the state dict in the outermost dict as far as it was read, or to the module that is being read
// there; empty if there is neither.
func (d *decoder) stateDict() string {
	if len(d.stack) == 0 {
		return ""
	}
	outer := &dict{}
	if m, ok := d.stack[0].(*dict); ok {
		outer.keys, outer.values = slices.Clone(m.keys), slices.Clone(m.values)
	}
	for pair := range slices.Chunk(d.stack[1:], 2) {
		if len(pair) == 2 {
			outer.keys, outer.values = append(outer.keys, pair[0]), append(outer.values, pair[1])
		}
	}
	for _, name := range wrapped {
		if m := outer.dict(name); m != nil && m.hasTensor() {
			return within(name)
		}
		if d.stack[len(d.stack)-1] == name {
			return fmt.Sprintf(module, within(name))
		}
	}
	if outer.hasTensor() {
		return mixed
	}
	return ""
}
