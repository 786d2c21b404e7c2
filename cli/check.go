package cli

import (
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/check"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
)

// checkFile checks a model file and prints everything that is wrong with it.
func checkFile(c *urfave.Context, path string) error {
	found, err := check.File(c.Context, path, checkOptions(c))
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = jsontext.Write(c.App.Writer, found)
	} else {
		err = found.WriteText(c.App.Writer, path)
	}
	if err == nil && len(found.Problems) > 0 {
		err = fmt.Errorf("%s: %d things are wrong", path, len(found.Problems))
		if len(found.Problems) == 1 {
			err = fmt.Errorf("%s: one thing is wrong", path)
		}
	}
	return err
}

func checkOptions(c *urfave.Context) check.Options {
	return check.Options{Dequantizer: func() (check.Dequantizer, error) { return openGGML(c, "cpu") }}
}
