// Package dialect translates checkpoints that other programs wrote, with names and layouts of their own, into those of the
// authors' .pth files: models of Hugging Face's transformers (RWKV-4, and 5 and 6 by the same rule), of
// flash-linear-attention (RWKV-6 and 7), and of web-rwkv (.st).
//
// Which dialect a file speaks is told by its tensors. Tensors whose layout differs are translated as they are read.
package dialect

import (
	"fmt"
	"regexp"

	"gosling/checkpoint"
)

// dialect is one way to write a checkpoint.
type dialect struct {
	name  string
	knows func(has func(string) bool, f *checkpoint.File) bool
	rules []rule
}

// rule translates the tensors whose whole names match, and whose replaced name is the new one; Go's regexp syntax.
type rule struct {
	from *regexp.Regexp
	to   string
	make func(t checkpoint.Tensor) ([]checkpoint.Tensor, error) // of the tensor under its new name; nil leaves it as it is
}

func to(from, to string) rule {
	return rule{from: regexp.MustCompile("^(?:" + from + ")$"), to: to}
}

func transposed(from, target string) rule {
	r := to(from, target)
	r.make = func(t checkpoint.Tensor) ([]checkpoint.Tensor, error) {
		t, err := t.Transposed()
		return []checkpoint.Tensor{t}, err
	}
	return r
}

func made(from, target string, make func(t checkpoint.Tensor) ([]checkpoint.Tensor, error)) rule {
	r := to(from, target)
	r.make = make
	return r
}

// Translate gives the file's tensors the names and layouts of .pth files. A file that speaks no other dialect is returned as
// it is.
func Translate(f *checkpoint.File) (*checkpoint.File, error) {
	names := map[string]bool{}
	for _, t := range f.Tensors {
		names[t.Name] = true
	}
	has := func(name string) bool { return names[name] }
	for _, d := range dialects {
		if d.knows(has, f) {
			return d.translate(f)
		}
	}
	return f, nil
}

func (d dialect) translate(f *checkpoint.File) (*checkpoint.File, error) {
	out := &checkpoint.File{Path: f.Path, Format: f.Format + ", " + d.name + "'s names", Others: f.Others, Closer: f.Closer}
	seen := map[string]string{}
	for _, t := range f.Tensors {
		old := t.Name
		list, err := d.tensor(t)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", old, err)
		}
		for _, t := range list {
			if first, twice := seen[t.Name]; twice {
				return nil, fmt.Errorf("tensors %q and %q are both %q", first, old, t.Name)
			}
			seen[t.Name] = old
			out.Tensors = append(out.Tensors, t)
		}
	}
	return out, nil
}

// tensor translates one tensor by the first rule that fits; what none does stays as it is, for the version's table to judge.
func (d dialect) tensor(t checkpoint.Tensor) ([]checkpoint.Tensor, error) {
	for _, r := range d.rules {
		if !r.from.MatchString(t.Name) {
			continue
		}
		t.Name = spell(r.from.ReplaceAllString(t.Name, r.to))
		if r.make == nil {
			return []checkpoint.Tensor{t}, nil
		}
		return r.make(t)
	}
	return []checkpoint.Tensor{t}, nil
}
