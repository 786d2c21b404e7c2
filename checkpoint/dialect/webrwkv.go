package dialect

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/checkpoint"
)

// What Unclear says of the files that their tensors do not tell.
const (
	squarePairs = "its low-rank pairs are square"
	oldBonus    = "its \"time_first\" is a logarithm in the files of RWKV-5.0, and may have been a plain \"time_faaaa\" before web-rwkv's converter renamed it"
	fewStates   = "it holds tuned states alone"
)

// webRWKV are the dialects of web-rwkv's converter, which Ai00 and RWKV-Runner use too: it writes a .pth as safetensors of F16,
// with time_faaaa called time_first and time_maa time_mix, and with low-rank pairs and tuned states transposed.
var webRWKV = []dialect{
	{name: WebRWKV, knows: webVersion7, what: squarePairs, rules: []rule{webPairs, webState}},
	{name: WebRWKV, knows: func(f names) answer { return whether(f.has("blocks.0.att.time_mix_x")) }, rules: webVersion6},
	{name: WebRWKV, knows: webVersion5, what: oldBonus, rules: []rule{webBonus, webState}},
	{name: WebRWKV, knows: webStates, what: fewStates, rules: []rule{webState}},
}

var (
	webPairs    = transposed(`blocks\.(\d+)\.att\.([wavg][12])`, "blocks.$1.att.$2")
	webState    = transposed(`blocks\.(\d+)\.att\.time_state`, "blocks.$1.att.time_state")
	webBonus    = to(`blocks\.(\d+)\.att\.time_first`, "blocks.$1.att.time_faaaa")
	webVersion6 = []rule{
		webBonus, webState,
		transposed(`blocks\.(\d+)\.att\.time_mix_(w[12])`, "blocks.$1.att.time_maa_$2"),
		transposed(`blocks\.(\d+)\.att\.time_decay_(w[12])`, "blocks.$1.att.time_decay_$2"),
		to(`blocks\.(\d+)\.(att|ffn)\.time_mix_(\w)`, "blocks.$1.$2.time_maa_$3"),
	}
)

// marks reports whether a file looks like web-rwkv's, whose files are all F16 and named .st or .state, or is neither. Files with
// one of the two marks may be either's.
func marks(f names) (web, pth bool) {
	half := !slices.ContainsFunc(f.Tensors, func(t checkpoint.Tensor) bool { return t.DType != checkpoint.F16 })
	named := slices.Contains([]string{".st", ".state"}, strings.ToLower(filepath.Ext(f.Path)))
	return half && named, !half && !named
}

// webVersion7 compares the shapes of low-rank pairs with the channels: the first matrix of a pair is [channels, rank] in a .pth,
// [rank, channels] in web-rwkv's file.
func webVersion7(f names) answer {
	if !f.has("blocks.0.att.r_k") {
		return no
	}
	emb := f.tensors["emb.weight"].Shape
	pairs := 0
	for _, t := range f.Tensors {
		m := pairNames.FindStringSubmatch(t.Name)
		if m == nil || len(t.Shape) != 2 || len(emb) != 2 {
			continue
		}
		pairs++
		first, second, channels := t.Shape[0], t.Shape[1], emb[1]
		if m[1] == "2" {
			first, second = second, first
		}
		if first != second {
			return whether(second == channels)
		}
	}
	if pairs > 0 && f.Safetensors {
		return perhaps
	}
	return no
}

var pairNames = regexp.MustCompile(`^blocks\.\d+\.att\.[wavg]([12])$`)

// webVersion5 knows the renamed bonus. Checkpoints with a gate (5.1 and 5.2) have it under no other name than time_faaaa; those
// without (5.0) have its logarithm as time_first.
func webVersion5(f names) answer {
	switch {
	case !f.Safetensors || !f.has("blocks.0.att.time_first") || !f.has("blocks.0.att.ln_x.weight"):
		return no
	case f.has("blocks.0.att.gate.weight"):
		return yes
	}
	return perhaps
}

// webStates knows files of nothing but tuned states, which are square and have one name in both dialects.
func webStates(f names) answer {
	other := func(t checkpoint.Tensor) bool { return !strings.HasSuffix(t.Name, ".att.time_state") }
	if f.Safetensors && len(f.Tensors) > 0 && !slices.ContainsFunc(f.Tensors, other) {
		return perhaps
	}
	return no
}

var (
	webHalves  = regexp.MustCompile(`\.(?:init_)?lora\.[01]$`)
	version6   = regexp.MustCompile(`^blocks\.\d+\.att\.time_(?:mix_x|mix_w[12]?|decay_w[12])$`)
	webAdapter = []rule{
		transposed(`(.*)\.((?:init_)?)lora\.0`, "$1.${2}lora_A"),
		to(`(.*)\.((?:init_)?)lora\.1`, "$1.${2}lora_B"),
		webPairs, webState,
	}
)

// Adapter gives an adapter of web-rwkv the names and layouts of a trainer's .pth file. In web-rwkv the halves of an adapter are called
// lora.0 and lora.1. Any other adapter is returned unchanged.
func Adapter(f *checkpoint.File) (*checkpoint.File, error) {
	any := func(pattern *regexp.Regexp) bool {
		return slices.ContainsFunc(f.Tensors, func(t checkpoint.Tensor) bool { return pattern.MatchString(t.Name) })
	}
	if !any(webHalves) {
		return f, nil
	}
	d := dialect{name: WebRWKV, rules: webAdapter}
	switch {
	case any(version6):
		d.rules = slices.Concat(webAdapter, webVersion6)
	case slices.ContainsFunc(f.Tensors, headBonus):
		d.rules = append(slices.Clone(webAdapter), webBonus)
	}
	return d.translate(f)
}

// headBonus reports whether a tensor is the bonus of version 5, a matrix; that of version 4 is a vector and keeps its name.
func headBonus(t checkpoint.Tensor) bool {
	return strings.HasSuffix(t.Name, ".att.time_first") && len(t.Shape) == 2 && t.Shape[1] > 1
}
