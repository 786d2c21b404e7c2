package writers

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// named renames a tensor by the first rule whose pattern matches.
func (t Tensor) named(rules [][2]string) Tensor {
	for _, r := range rules {
		if p := regexp.MustCompile("^" + r[0] + "$"); p.MatchString(t.Name) {
			t.Name = p.ReplaceAllString(t.Name, r[1])
			break
		}
	}
	return t
}

var transformers = [][2]string{
	{`emb\.weight`, "rwkv.embeddings.weight"},
	{`(ln_out\..*)`, "rwkv.$1"},
	{`blocks\.0\.ln0\.(.*)`, "rwkv.blocks.0.pre_ln.$1"},
	{`blocks\.(\d+)\.att\.time_mix_k`, "rwkv.blocks.$1.attention.time_mix_key"},
	{`blocks\.(\d+)\.att\.time_mix_v`, "rwkv.blocks.$1.attention.time_mix_value"},
	{`blocks\.(\d+)\.att\.time_mix_r`, "rwkv.blocks.$1.attention.time_mix_receptance"},
	{`blocks\.(\d+)\.att\.time_mix_g`, "rwkv.blocks.$1.attention.time_mix_gate"},
	{`blocks\.(\d+)\.ffn\.time_mix_k`, "rwkv.blocks.$1.feed_forward.time_mix_key"},
	{`blocks\.(\d+)\.ffn\.time_mix_r`, "rwkv.blocks.$1.feed_forward.time_mix_receptance"},
	{`blocks\.(\d+)\.att\.(.*)`, "rwkv.blocks.$1.attention.$2"},
	{`blocks\.(\d+)\.ffn\.(.*)`, "rwkv.blocks.$1.feed_forward.$2"},
	{`(blocks\..*)`, "rwkv.$1"},
}

// Transformers returns a model of RWKV-4, 5 or 6 as Hugging Face's transformers stores it.
func Transformers(f File) File {
	var all File
	for _, t := range f {
		all = append(all, t.named(transformers))
	}
	return all
}

// flaRules returns the names in flash-linear-attention that both versions share. projection is the end of the names of the four
// projections.
func flaRules(projection string) [][2]string {
	rules := [][2]string{
		{`emb\.weight`, "model.embeddings.weight"}, {`ln_out\.(.*)`, "model.norm.$1"}, {`head\.weight`, "lm_head.weight"},
		{`blocks\.0\.ln0\.(.*)`, "model.layers.0.pre_norm.$1"}, {`blocks\.(\d+)\.ln1\.(.*)`, "model.layers.$1.attn_norm.$2"},
		{`blocks\.(\d+)\.ln2\.(.*)`, "model.layers.$1.ffn_norm.$2"}, {`blocks\.(\d+)\.att\.ln_x\.(.*)`, "model.layers.$1.attn.g_norm.$2"},
		{`blocks\.(\d+)\.att\.output\.weight`, "model.layers.$1.attn.o_proj.weight"},
	}
	for word, letter := range map[string]string{"receptance": "r", "key": "k", "value": "v", "gate": "g"} {
		rules = append(rules, [2]string{`blocks\.(\d+)\.att\.` + word + `\.weight`, "model.layers.$1.attn." + letter + projection})
	}
	return rules
}

var layer = regexp.MustCompile(`^blocks\.(\d+)\.att\.(.*)$`)

// FLA7 returns an RWKV-7 model as flash-linear-attention stores it. stacked selects its older layout, with all token shifts in
// one tensor.
func FLA7(f File, stacked bool) File {
	rules := append(flaRules("_proj.weight"),
		[2]string{`blocks\.(\d+)\.att\.([wav])0`, "model.layers.$1.attn.${2}_lora.lora.2.bias"},
		[2]string{`blocks\.(\d+)\.att\.(.*)`, "model.layers.$1.attn.$2"},
		[2]string{`blocks\.(\d+)\.ffn\.(.*)`, "model.layers.$1.ffn.$2"})
	var all File
	shifts := newStacks("rwkvag")
	for _, t := range f {
		m := layer.FindStringSubmatch(t.Name)
		switch {
		case m != nil && regexp.MustCompile(`^[wavg][12]$`).MatchString(m[2]):
			part := map[byte]string{'1': "0", '2': "2"}[m[2][1]]
			t = t.transposed()
			t.Name = fmt.Sprintf("model.layers.%s.attn.%c_lora.lora.%s.weight", m[1], m[2][0], part)
		case stacked && m != nil && strings.HasPrefix(m[2], "x_"):
			shifts.add("model.layers."+m[1]+".attn.x_x", m[2][2:], t)
			continue
		default:
			t = t.named(rules)
		}
		all = append(all, t)
	}
	return append(all, shifts.tensors()...)
}

// The order of the five token shifts in .pth files and in flash-linear-attention.
const pthOrder, flaOrder = "wkvrg", "rwkvg"

// FLA6 returns an RWKV-6 model as flash-linear-attention stores it.
func FLA6(f File) File {
	rules := append(flaRules("_proj.linear.weight"),
		[2]string{`blocks\.(\d+)\.att\.time_maa_x`, "model.layers.$1.attn.x_proj.0.mu"},
		[2]string{`blocks\.(\d+)\.att\.time_decay`, "model.layers.$1.attn.w_proj.linear.lora.2.bias"},
		[2]string{`blocks\.(\d+)\.att\.time_faaaa`, "model.layers.$1.attn.bonus"},
		[2]string{`blocks\.(\d+)\.ffn\.time_maa_k`, "model.layers.$1.ffn.key.mu"},
		[2]string{`blocks\.(\d+)\.ffn\.time_maa_r`, "model.layers.$1.ffn.receptance.mu"},
		[2]string{`blocks\.(\d+)\.ffn\.(key|receptance)\.weight`, "model.layers.$1.ffn.$2.linear.weight"},
		[2]string{`blocks\.(\d+)\.ffn\.value\.weight`, "model.layers.$1.ffn.value.weight"})
	var all File
	shifts := newStacks(flaOrder)
	for _, t := range f {
		m := layer.FindStringSubmatch(t.Name)
		if m == nil {
			all = append(all, t.named(rules))
			continue
		}
		at := "model.layers." + m[1] + ".attn."
		switch name := m[2]; {
		case name == "time_decay_w1", name == "time_decay_w2":
			t = t.transposed()
			t.Name = at + "w_proj.linear.lora." + map[string]string{"1": "0", "2": "2"}[name[12:]] + ".weight"
		case name == "time_maa_w1": // [C, 5D] -> [5D, C], with the blocks reordered
			t = t.transposed()
			t = t.reordered().shaped(at+"x_proj.0.linear.weight", t.Shape...)
		case name == "time_maa_w2": // [5, D, C] -> [C, 5D]
			t = t.reordered().shaped(at+"x_proj.2.weight", t.Shape[0]*t.Shape[1], t.Shape[2]).transposed()
		case strings.HasPrefix(name, "time_maa_") && name != "time_maa_x":
			shifts.add(at+"x_bias", name[9:], t)
			continue
		default:
			t = t.named(rules)
		}
		all = append(all, t)
	}
	return append(all, shifts.tensors()...)
}

// reordered moves five equal parts from the order of .pth files to that of flash-linear-attention.
func (t Tensor) reordered() Tensor {
	var out []byte
	part := len(t.Data) / 5
	for _, letter := range flaOrder {
		out = append(out, t.Data[strings.IndexRune(pthOrder, letter)*part:][:part]...)
	}
	t.Data = out
	return t
}

// stacks joins vectors of several tensors into one tensor, in the order of letters.
type stacks struct {
	letters string
	order   []string
	parts   map[string]map[string]Tensor
}

func newStacks(letters string) *stacks {
	return &stacks{letters: letters, parts: map[string]map[string]Tensor{}}
}

func (s *stacks) add(name, letter string, t Tensor) {
	if s.parts[name] == nil {
		s.parts[name] = map[string]Tensor{}
		s.order = append(s.order, name)
	}
	s.parts[name][letter] = t
}

func (s *stacks) tensors() File {
	var all File
	for _, name := range s.order {
		var data [][]byte
		var one Tensor
		for _, letter := range s.letters {
			one = s.parts[name][string(letter)]
			data = append(data, one.Data)
		}
		n := int64(len(one.Data)) / one.DType.Size()
		one.Data = bytes.Join(data, nil)
		all = append(all, one.shaped(name, int64(len(s.letters)), n))
	}
	return all
}
