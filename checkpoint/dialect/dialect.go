// Package dialect translates checkpoints of other programs into the names and layouts of the authors' .pth files. It knows models of
// Hugging Face's transformers (RWKV-4, and 5 and 6 by the same rule) and of flash-linear-attention (RWKV-6 and 7). It also knows models,
// tuned states and adapters of web-rwkv (.st).
//
// The tensors show which dialect a file has. If they do not, other marks of web-rwkv's converter decide. If these contradict each
// other, the caller must name the dialect. A tensor with another layout is translated when it is read. docs/format/writers.md lists the
// dialects.
package dialect

import (
	"fmt"
	"regexp"
	"sync"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// The dialects, as checkpoint.File.Dialect and messages name them. PTH is that of the authors' .pth files.
const (
	PTH          = "pth"
	Transformers = "transformers"
	FLA          = "flash-linear-attention"
	WebRWKV      = "web-rwkv"
)

// Unclear is the error of a file that does not tell whether it is in the layout of .pth files or of web-rwkv.
type Unclear struct {
	what   string // what does not tell it
	States bool   // the file holds tuned states and nothing else
}

func (e *Unclear) Error() string {
	return e.what + ": the file does not tell whether it is in the layout of .pth files or of web-rwkv"
}

// dialect is one way to write a checkpoint.
type dialect struct {
	name  string
	knows func(f names) answer
	what  string // in an Unclear error, where knows may answer perhaps
	rules []rule
}

// answer says whether a file is in a dialect.
type answer uint8

const (
	no answer = iota
	yes
	perhaps // the tensors are the same in the layout of .pth files
)

// whether turns a condition into an answer.
func whether(condition bool) answer {
	if condition {
		return yes
	}
	return no
}

// names is a checkpoint with its tensors by name.
type names struct {
	*checkpoint.File
	tensors map[string]checkpoint.Tensor
}

func byName(f *checkpoint.File) names {
	n := names{f, map[string]checkpoint.Tensor{}}
	for _, t := range f.Tensors {
		n.tensors[t.Name] = t
	}
	return n
}

func (n names) has(name string) bool {
	_, ok := n.tensors[name]
	return ok
}

// rule translates the tensors whose whole names match, and whose replaced name is the new one; Go's regexp syntax.
type rule struct {
	from func() *regexp.Regexp // compiled when it is first used
	to   string
	make func(t checkpoint.Tensor) ([]checkpoint.Tensor, error) // of the tensor under its new name; nil leaves it as it is
}

func to(from, to string) rule {
	return rule{to: to, from: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^(?:" + from + ")$") })}
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

// authors are the beginnings of the names in .pth files.
var authors = regexp.MustCompile(`^(?:model\.)?(?:emb|head|ln_out|blocks\.\d+)\.`)

// Authors reports whether a tensor's name has the form of names in the authors' .pth files. Some trainers put "model." before such a name.
func Authors(name string) bool { return authors.MatchString(name) }

// Translate gives the file's tensors the names and layouts of .pth files. as is the dialect that the user named, PTH or WebRWKV, or it is
// empty. It decides if the tensors do not show which of the two the file has. It is an error if as contradicts the tensors. If as is empty
// and the file does not show its dialect, Translate returns the file unchanged, with an error in its field Unclear. A file of dialect PTH
// is returned unchanged too.
func Translate(f *checkpoint.File, as string) (*checkpoint.File, error) {
	told, unclear := dialectOf(byName(f), as)
	switch {
	case unclear != nil:
		out := *f
		out.Unclear = unclear
		return &out, nil
	case as != "" && as != told.name:
		return nil, fmt.Errorf("its tensors have the names or shapes of %s's layout, not of %s's", told.name, as)
	case told.name == PTH:
		return f, nil
	}
	return told.translate(f)
}

// dialectOf finds the dialect of a file.
func dialectOf(f names, as string) (dialect, *Unclear) {
	for _, d := range dialects {
		switch d.knows(f) {
		case yes:
			return d, nil
		case perhaps:
			web, pth := marks(f)
			switch {
			case as == d.name || as == "" && web:
				return d, nil
			case as == "" && !pth:
				return d, &Unclear{what: d.what, States: d.what == fewStates}
			}
		}
	}
	return dialect{name: PTH}, nil
}

// translate applies the rules to all tensors.
func (d dialect) translate(f *checkpoint.File) (*checkpoint.File, error) {
	out := *f
	out.Format, out.Dialect, out.Tensors = f.Format+", in the dialect of "+d.name, d.name, nil
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
	out.Swapped = d.name == WebRWKV
	return &out, nil
}

// tensor translates one tensor by the first rule that fits. If no rule fits, it returns the tensor unchanged. The version's table checks
// it later.
func (d dialect) tensor(t checkpoint.Tensor) ([]checkpoint.Tensor, error) {
	for _, r := range d.rules {
		if !r.from().MatchString(t.Name) {
			continue
		}
		t.Name = spell(r.from().ReplaceAllString(t.Name, r.to))
		if r.make == nil {
			return []checkpoint.Tensor{t}, nil
		}
		return r.make(t)
	}
	return []checkpoint.Tensor{t}, nil
}
