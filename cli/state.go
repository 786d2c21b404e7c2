package cli

import (
	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/lm"
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

// startState is what the flags let texts begin with.
func startState(c *urfave.Context) (lm.State, error) {
	path := c.Path("state")
	switch {
	case path == "" && c.IsSet("state-transpose"):
		return lm.State{}, misuse(c, "--state-transpose is for a tuned --state FILE")
	case path == "none":
		return lm.State{None: true}, nil
	}
	return lm.State{Path: path, Transposed: stateTransposed(c)}, nil
}
