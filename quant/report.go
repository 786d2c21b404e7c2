package quant

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/term"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/rwkv"
)

// Report describes the file that was written.
type Report struct {
	Path  string
	Size  int64 // of the file in bytes
	Kinds []Kind

	Without []string // the tensors that are not in the importance matrix or the calibration

	kindOf   []int   // of each source
	told     string  // the path of the importance matrix or the calibration
	weighted bool    // anything was rounded by it
	apart    float64 // how far the weights are from those that were calibrated, as a part of them
}

// sameWeights is how far weights may be apart through a type of 8 bits or more, and somewhat more.
const sameWeights = 0.02

// Kind sums up the tensors of one name in all layers that went from one type to another.
type Kind struct {
	Name     string // "time_mix_key"
	From, To gguf.Type
	Tensors  int
	Elements int64
	Bytes    int64

	squares float64
}

// RMSE is the root of the mean squared difference from the source. It is 0 if nothing was lost or nothing was measured.
func (k Kind) RMSE() float64 {
	if k.Elements == 0 {
		return 0
	}
	return math.Sqrt(k.squares / float64(k.Elements))
}

// Notes says what the importance matrix or the calibration did not do, and where it fits only roughly.
func (r Report) Notes() (notes []string) {
	if r.told != "" && !r.weighted {
		return []string{r.told + " had no effect: no tensor was rounded by it"}
	}
	if r.apart > sameWeights {
		notes = append(notes, fmt.Sprintf("%s was made with weights that differ from these by %.0f %%: one made with this model may lose less", r.told, 100*r.apart))
	}
	const shown = 3
	if n := len(r.Without); n > 0 {
		names := strings.Join(r.Without[:min(n, shown)], ", ")
		if n > shown {
			names += fmt.Sprintf(" and %d more", n-shown)
		}
		notes = append(notes, fmt.Sprintf("rounded without importance, because %s does not cover them: %s", r.told, names))
	}
	return notes
}

// newReport lists the kinds in the order of the sources.
func newReport(sources []Source) Report {
	r := Report{kindOf: make([]int, len(sources))}
	for i, s := range sources {
		name, from := rwkv.KindOf(s.Tensor.Name), s.From
		if s.Floats != nil {
			from = gguf.F32
		}
		k := slices.IndexFunc(r.Kinds, func(k Kind) bool { return k.Name == name && k.From == from && k.To == s.Tensor.Type })
		if k < 0 {
			k = len(r.Kinds)
			r.Kinds = append(r.Kinds, Kind{Name: name, From: from, To: s.Tensor.Type})
		}
		r.kindOf[i] = k
		r.Kinds[k].Tensors++
		r.Kinds[k].Elements += s.Tensor.Elements()
		if n, err := s.Tensor.Type.RowBytes(s.Tensor.Elements()); err == nil {
			r.Kinds[k].Bytes += n
		}
	}
	return r
}

func (r Report) add(source int, squares float64) {
	r.Kinds[r.kindOf[source]].squares += squares
}

// Elements is the number of elements of all tensors.
func (r Report) Elements() int64 {
	n := int64(0)
	for _, k := range r.Kinds {
		n += k.Elements
	}
	return n
}

// BitsPerWeight is the size of the whole file in bits for each element.
func (r Report) BitsPerWeight() float64 {
	if r.Elements() == 0 {
		return 0
	}
	return 8 * float64(r.Size) / float64(r.Elements())
}

// WriteKinds writes a line for each kind of tensor: the types it had and has, its size and its error.
func (r Report) WriteKinds(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tTENSORS\tFROM\tTO\tSIZE\tRMSE")
	first := map[string]int{} // keeps a kind with several types together
	for i, k := range r.Kinds {
		if _, ok := first[k.Name]; !ok {
			first[k.Name] = i
		}
	}
	kinds := slices.Clone(r.Kinds)
	slices.SortStableFunc(kinds, func(a, b Kind) int { return cmp.Compare(first[a.Name], first[b.Name]) })
	for _, k := range kinds {
		loss := "-"
		if k.RMSE() > 0 {
			loss = fmt.Sprintf("%.3g", k.RMSE())
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", term.Visible(k.Name), k.Tensors, k.From, k.To, units.Bytes(k.Bytes), loss)
	}
	fmt.Fprintln(w)
	return w.Flush()
}
