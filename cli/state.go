package cli

import (
	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/lm"
)

// stateFlags returns the flags of commands whose texts may begin with a state.
func stateFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.PathFlag{Name: "state", Usage: "begin with the state in `FILE`: tuned for the model (.pth, .safetensors) or saved by chat; none ignores a state in the model's file"},
		stateTransposeFlag(),
	}
}

func stateTransposeFlag() urfave.Flag {
	return &urfave.BoolFlag{Name: "state-transpose", Usage: "the tuned state's matrices are transposed compared with the authors' files, as web-rwkv and some trainers write them; =false means that they are not", DefaultText: "found from the file"}
}

// stateTransposed returns the value of --state-transpose, or nil if it is not given.
func stateTransposed(c *urfave.Context) *bool {
	if !c.IsSet("state-transpose") {
		return nil
	}
	return new(c.Bool("state-transpose"))
}

// startState returns the state that texts begin with, according to the flags.
func startState(c *urfave.Context) (lm.State, error) {
	path := c.Path("state")
	switch {
	case path == "" && c.IsSet("state-transpose"):
		return lm.State{}, misuse(c, "--state-transpose needs a tuned --state FILE")
	case path == "none":
		return lm.State{None: true}, nil
	}
	return lm.State{Path: path, Transposed: stateTransposed(c)}, nil
}
