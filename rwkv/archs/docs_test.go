package archs_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	"github.com/gosling-rwkv/gosling/rwkv/v5"
	"github.com/gosling-rwkv/gosling/rwkv/v6"
	"github.com/gosling-rwkv/gosling/rwkv/v7"
)

// described are the architectures that pages of docs/format describe, with dimensions that give every tensor.
var described = map[string]rwkv.Config{
	"rwkv4": {HeadSize: 1},
	"rwkv5": {HeadSize: 32, Tuned: true, Own: v5.Dims{Gated: true}},
	"rwkv6": {HeadSize: 32, Tuned: true, Own: v6.Dims{MixRank: 8, DecayRank: 16}},
	"rwkv7": {HeadSize: 32, Tuned: true, Own: v7.Dims{DecayRank: 8, RateRank: 9, ValueRank: 10, GateRank: 11}},
}

func TestPagesOfFormatsNameEveryTensorAndKey(t *testing.T) {
	layer := regexp.MustCompile(`^blk\.\d+\.`)
	for _, arch := range archs.All() {
		c, ok := described[arch.Name]
		if !ok {
			continue
		}
		t.Run(arch.Name, func(t *testing.T) {
			page, err := os.ReadFile("../../docs/format/" + arch.Name + ".md")
			require.NoError(t, err)
			c.Arch, c.Layers, c.Embed, c.FFN, c.Vocab = arch.Name, 2, 64, 128, 257
			for _, kv := range arch.Keys(c) {
				assert.Contains(t, string(page), "`"+kv.Key+"`")
			}
			named := map[string]bool{}
			for _, spec := range arch.Tensors(c) {
				name := layer.ReplaceAllString(spec.Name, "")
				named[name] = true
				assert.Contains(t, string(page), "`"+name+"`")
			}
			for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z][a-z0-9_.]*\\.(?:weight|bias)`.*?) \\|").FindAllStringSubmatch(string(page), -1) {
				for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
					assert.True(t, named[name[1]], "the page names %s, the table does not", name[1])
				}
			}
		})
	}
}
