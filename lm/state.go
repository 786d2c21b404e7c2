package lm

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// State is what texts begin with. The zero value follows the model's file.
type State struct {
	Path       string // a state tuned for the model (.pth, .safetensors), or a saved state
	Transposed *bool  // whether a tuned state's matrices are transposed compared with the authors' files; nil follows the file
	None       bool   // begin without a state, even if the model's file has one
}

// read returns the beginning of texts, or nil for the model's own. The file may be a pipe; read waits for it until ctx ends.
func (s State) read(ctx context.Context, m *engine.Model) (*engine.Beginning, error) {
	switch {
	case s.None:
		return m.BeginEmpty(), nil
	case s.Path == "":
		return nil, nil
	}
	f, err := infile.Stream(ctx, s.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if magic, _ := r.Peek(len(engine.StateMagic)); bytes.Equal(magic, []byte(engine.StateMagic)) {
		var snapshot engine.Snapshot
		if err := m.Layout().Read(r, &snapshot); err != nil {
			return nil, cmp.Or(ctx.Err(), fmt.Errorf("%s: %w", s.Path, err))
		}
		return m.BeginWith(snapshot)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	states, err := convert.ReadStates(convert.State{Path: s.Path, Transposed: s.Transposed}, m.Arch(), m.Config())
	if err != nil {
		return nil, err
	}
	snapshot, err := m.Layout().Tuned(func(name string) ([]float32, error) { return states[name], nil })
	if err != nil {
		return nil, err
	}
	return m.BeginWith(snapshot)
}
