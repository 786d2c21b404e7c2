package rwkvcpp

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// restorer undoes what rwkv.cpp's converter did, which depends on the version of RWKV.
type restorer struct {
	version  int
	channels map[string]int64 // by layer, such as "blocks.0.": the length of ln_x, channels of the heads together
}

func newRestorer(entries []entry) restorer {
	r := restorer{version: 4, channels: map[string]int64{}}
	for _, e := range entries {
		layer, rest := split(e.name)
		switch rest {
		case "att.k_k", "att.x_rwkvag":
			r.version = 7
		case "att.time_maa_x":
			r.version = max(r.version, 6)
		case "att.ln_x.weight":
			r.version = max(r.version, 5)
			r.channels[layer] = e.elements()
		}
	}
	return r
}

var inLayer = regexp.MustCompile(`^blocks\.[0-9]+\.`)

// split parts the name of a tensor into its layer, such as "blocks.0.", and the rest.
func split(name string) (layer, rest string) {
	layer = inLayer.FindString(name)
	return layer, name[len(layer):]
}

// restore gives the original tensors, mostly one, of one of the file.
func (r restorer) restore(e entry) ([]checkpoint.Tensor, error) {
	layer, rest := split(e.name)
	if rest == "att.x_rwkvag" {
		return unstack(e, layer)
	}
	t := checkpoint.Tensor{Name: e.name, DType: e.typ.dtype(), Shape: e.shape, Data: e.data()}
	part, key, _ := strings.Cut(rest, ".")
	if part != "att" && part != "ffn" || layer == "" {
		return []checkpoint.Tensor{t}, nil
	}
	if (strings.HasPrefix(key, "time_mix_") || strings.HasPrefix(key, "time_maa_")) && len(t.Shape) == 1 {
		t.Shape = []int64{1, 1, t.Shape[0]}
	}
	var err error
	switch r.version {
	case 4:
		if key == "time_decay" {
			t.Data = inverse(t, rate)
		}
	case 5:
		t = r.restore5(t, layer, key)
	case 6:
		t, err = restore6(t, key)
	case 7:
		if lowRank7[key] {
			t, err = t.Transposed()
		}
	}
	return []checkpoint.Tensor{t}, err
}

// restore5 undoes the decay, and gives the bonus, which is stored as it is used, the name that means so.
func (r restorer) restore5(t checkpoint.Tensor, layer, key string) checkpoint.Tensor {
	switch key {
	case "time_decay":
		t.Data = inverse(t, decay)
	case "time_first":
		t.Name = layer + "att.time_faaaa"
	case "time_faaaa":
	default:
		return t
	}
	t.Shape = heads(t.Shape, r.channels[layer])
	return t
}

// heads is the shape of one value a head or a channel before the converter squeezed it and put dimensions of 1 behind:
// [H, 1, 1] and [H, 1] were [H], [H, N, 1] was [H, N], and [N, 1] was [1, N] where one head has all the channels.
func heads(shape []int64, channels int64) []int64 {
	switch {
	case len(shape) == 3 && shape[1] > 1 && shape[2] == 1:
		return shape[:2]
	case len(shape) == 2 && shape[1] == 1 && shape[0] == channels:
		return []int64{1, channels}
	case len(shape) > 1 && shape[len(shape)-1] == 1:
		return shape[:1]
	}
	return shape
}

func restore6(t checkpoint.Tensor, key string) (checkpoint.Tensor, error) {
	switch key {
	case "time_maa_w1", "time_maa_w2", "time_decay_w1", "time_decay_w2":
		return t.Transposed()
	case "time_decay":
		t.Shape = []int64{1, 1, t.Elements()}
	case "time_faaaa":
		if len(t.Shape) == 3 && t.Shape[2] == 1 {
			t.Shape = t.Shape[:2]
		} else if len(t.Shape) == 2 && t.Shape[1] == 1 { // one head, squeezed
			t.Shape = []int64{1, t.Shape[0]}
		}
	}
	return t, nil
}

var lowRank7 = map[string]bool{"w1": true, "w2": true, "a1": true, "a2": true, "v1": true, "v2": true, "g1": true, "g2": true}

// unstack parts the six mixing vectors of RWKV-7, which the converter puts into one.
func unstack(e entry, layer string) ([]checkpoint.Tensor, error) {
	if e.typ.decode != nil {
		return nil, fmt.Errorf("the stack of mixing vectors is %s: rwkv.cpp does not quantize it", e.typ.name)
	}
	if e.elements()%6 != 0 {
		return nil, fmt.Errorf("the stack of mixing vectors has %d elements, want six vectors", e.elements())
	}
	n := e.elements() / 6
	var tensors []checkpoint.Tensor
	for i, letter := range []string{"r", "w", "k", "v", "a", "g"} {
		tensors = append(tensors, checkpoint.Tensor{
			Name:  layer + "att.x_" + letter,
			DType: e.typ.dtype(),
			Shape: []int64{1, 1, n},
			Data:  io.NewSectionReader(e.file, e.offset+int64(i)*n*e.typ.bytes, n*e.typ.bytes),
		})
	}
	return tensors, nil
}
