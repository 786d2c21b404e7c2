package lm

import (
	"strings"

	"github.com/gosling-rwkv/gosling/internal/excerpt"
)

// Kind describes the model in a few words: its architecture, the size that its file tells, and the type of most of its weights, such as
// "rwkv7 1.5B Q4_K".
func (m *Model) Kind() string {
	sizes := map[string]int64{}
	for _, t := range m.File().Tensors() {
		sizes[t.Type.String()] += t.Size
	}
	var most string
	for name, size := range sizes {
		if size > sizes[most] || size == sizes[most] && name < most {
			most = name
		}
	}
	label, _ := m.File().String("general.size_label")
	return strings.Join(strings.Fields(m.Config().Arch+" "+excerpt.Cut(label, 40)+" "+most), " ")
}
