package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/internal/infile"
)

// stateFlags are for commands whose texts may begin with a state.
func stateFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.PathFlag{Name: "state", Usage: "begin with the state in `FILE`: one tuned for the model (.pth, .safetensors) or saved by chat; none is to begin without the one in the model's file"},
		stateTransposeFlag(),
	}
}

func stateTransposeFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "state-transpose", Usage: "the tuned state's matrices are transposed against the authors' files, as web-rwkv and some trainers write them; =false says that they are not", DefaultText: "what the file tells"}
}

// stateTransposed is what --state-transpose says; nil where it is not given.
func stateTransposed(c *urfave.Context) *bool {
	if !c.IsSet("state-transpose") {
		return nil
	}
	return new(c.Bool("state-transpose"))
}

// beginWithState lets the model's texts begin with what --state names.
func beginWithState(c *urfave.Context, m *engine.Model) error {
	path := c.Path("state")
	switch {
	case path == "" && c.IsSet("state-transpose"):
		return misuse(c, "--state-transpose is for a tuned --state FILE")
	case path == "":
		return nil
	case path == "none":
		m.BeginEmpty()
		return nil
	}
	f, err := infile.Stream(c.Context, path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if magic, _ := r.Peek(len(engine.StateMagic)); bytes.Equal(magic, []byte(engine.StateMagic)) {
		snapshot, err := m.ReadSnapshot(r)
		if err != nil {
			return cmp.Or(c.Err(), fmt.Errorf("%s: %w", path, err))
		}
		return m.BeginWith(snapshot)
	}
	if err := c.Err(); err != nil {
		return err
	}
	states, err := convert.ReadStates(convert.State{Path: path, Transposed: stateTransposed(c)}, m.Arch(), m.Config())
	if err != nil {
		return err
	}
	return m.BeginWithTuned(func(name string) ([]float32, error) { return states[name], nil })
}
