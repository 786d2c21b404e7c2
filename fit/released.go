package fit

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gosling-rwkv/gosling/rwkv"
	"github.com/gosling-rwkv/gosling/rwkv/archs"
	v5 "github.com/gosling-rwkv/gosling/rwkv/v5"
	v6 "github.com/gosling-rwkv/gosling/rwkv/v6"
	v7 "github.com/gosling-rwkv/gosling/rwkv/v7"
)

// Model is a released model.
type Model struct {
	Version    string // of RWKV, such as "7" or "5.2"
	Size       string // as in its name, such as "7.2B"
	Line       string // "G1", "World", "Raven", "Pile", "MIDI", "ABC"
	Uses       []string
	Repository string // on Hugging Face
	File       string // a pattern, because dates differ

	Arch   rwkv.Arch
	Config rwkv.Config
}

// Name returns the name of the model.
func (m Model) Name() string { return fmt.Sprintf("RWKV-%s %s %s", m.Version, m.Line, m.Size) }

// ID returns the name by which the model is downloaded, such as "rwkv7-g1-0.4b".
func (m Model) ID() string {
	return strings.ToLower(fmt.Sprintf("rwkv%s-%s-%s", m.Version[:1], m.Line, m.Size))
}

//go:embed models.txt
var modelsTable string

// Released returns the models of models.txt, in its order.
var Released = sync.OnceValue(func() []Model {
	var models []Model
	for line := range strings.Lines(modelsTable) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		m, err := parseModel(strings.Fields(line))
		if err != nil {
			panic("fit: internal error: models.txt: " + line + ": " + err.Error())
		}
		models = append(models, m)
	}
	return models
})

// parseModel parses a line with these columns: version, size, line, vocabulary, layers, channels, width of the channel mix,
// ranks, uses, repository, file.
func parseModel(f []string) (Model, error) {
	if len(f) != 11 {
		return Model{}, fmt.Errorf("%d columns, want 11", len(f))
	}
	m := Model{Version: f[0], Size: f[1], Line: f[2], Uses: strings.Split(f[8], ","), Repository: f[9], File: f[10]}
	name := "rwkv" + m.Version[:1]
	all := archs.All()
	i := slices.IndexFunc(all, func(a rwkv.Arch) bool { return a.Name == name })
	if i < 0 {
		return m, fmt.Errorf("no architecture %q", name)
	}
	m.Arch, m.Config = all[i], rwkv.NewConfig(name)
	c := &m.Config
	c.HeadSize = 64
	if m.Version == "4" {
		c.HeadSize = 1
	}
	if err := numbers(f[3:7], &c.Vocab, &c.Layers, &c.Embed, &c.FFN); err != nil {
		return m, err
	}
	if err := setOwn(c, m.Version, strings.Split(f[7], ",")); err != nil {
		return m, err
	}
	return m, c.Check()
}

// setOwn sets the dimensions that only the version has. Versions 6 and 7 have ranks.
func setOwn(c *rwkv.Config, version string, ranks []string) (err error) {
	switch version[0] {
	case '7':
		var d v7.Dims
		err = numbers(ranks, &d.DecayRank, &d.RateRank, &d.ValueRank, &d.GateRank)
		c.Own = d
	case '6':
		var d v6.Dims
		err = numbers(ranks, &d.MixRank, &d.DecayRank)
		c.Own = d
	case '5':
		c.Own = v5.Dims{Gated: version != "5.0"}
	}
	return err
}

// numbers parses as many numbers as there are places for them.
func numbers(texts []string, to ...*int) error {
	if len(texts) != len(to) {
		return fmt.Errorf("%d dimensions, want %d", len(texts), len(to))
	}
	for i, text := range texts {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		*to[i] = n
	}
	return nil
}

// Parameters returns the number of weights.
func (m Model) Parameters() int64 {
	n := int64(0)
	for _, s := range m.Arch.Tensors(m.Config) {
		if !s.Optional {
			n += s.Elements()
		}
	}
	return n
}
