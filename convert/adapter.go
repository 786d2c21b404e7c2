package convert

import (
	"math"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint/adapter"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/gguf"
)

// openAdapters opens all of them, or returns those that it has opened and an error.
func openAdapters(list []Adapter) ([]*adapter.Adapter, error) {
	var adapters []*adapter.Adapter
	for _, a := range list {
		opened, err := formats.OpenAdapter(a.Path, a.Alpha, a.Init)
		if err != nil {
			return adapters, err
		}
		adapters = append(adapters, opened)
	}
	return adapters, nil
}

func closeAll(adapters []*adapter.Adapter) {
	for _, a := range adapters {
		a.Close()
	}
}

// tuned tells in the metadata what was merged: the model's own name becomes that of the base, the adapters' the finetune.
func (p *plan) tuned(adapters []*adapter.Adapter) {
	if len(adapters) == 0 {
		return
	}
	var names []string
	for _, a := range adapters {
		names = append(names, gguf.Text(a.Name(), math.MaxInt))
	}
	finetune := strings.Join(names, "+")
	base := ""
	var keys []gguf.KV
	for _, kv := range p.keys {
		switch kv.Key {
		case "general.name":
			base, _ = kv.Value.(string)
			kv.Value = base + " " + finetune
		case "general.finetune":
			continue
		}
		keys = append(keys, kv)
	}
	at := slices.IndexFunc(keys, func(kv gguf.KV) bool { return kv.Key == "general.name" }) + 1
	p.keys = slices.Insert(keys, at,
		gguf.KV{Key: "general.finetune", Value: finetune},
		gguf.KV{Key: "general.base_model.count", Value: uint32(1)},
		gguf.KV{Key: "general.base_model.0.name", Value: base},
	)
}
