package cli

import (
	"context"
	"fmt"
	"io"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/inspect"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/internal/outfile"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/models"
)

// storeCommands are the commands for the store of models.
func storeCommands() []*urfave.Command {
	return []*urfave.Command{{
		Name: "list", Aliases: []string{"ls"}, Usage: "list the models that were pulled (also ls)",
		Description: `Lists the models in the store: the folder gosling/models in XDG_DATA_HOME, or in ~/.local/share, unless GOSLING_MODELS names
another. GGUF files that you put there are listed too.

Examples:
  gosling list
  gosling list --json | jq '.[].path'`,
		Flags: []urfave.Flag{jsonFlag()}, Action: stored(listModels, 0, 0),
	}, {
		Name: "show", Usage: "show what is known of a model in the store", ArgsUsage: "NAME",
		Description: `Prints where the model comes from, its hashes, its file and its weights. "gosling inspect NAME" prints everything in the file.

Examples:
  gosling show rwkv7-g1-0.4b`,
		Flags: []urfave.Flag{jsonFlag()}, Action: stored(showModel, 1, 1),
	}, {
		Name: "cp", Usage: "give a model in the store another name", ArgsUsage: "NAME NEW",
		Description: `Both names stand for the same file. No weights are copied. The file is removed with its last name.

Examples:
  gosling cp rwkv7-g1-0.4b goose`,
		Action: stored(func(ctx context.Context, s models.Store, c *urfave.Context) error {
			return s.Copy(ctx, c.Args().Get(0), c.Args().Get(1))
		}, 2, 2),
	}, {
		Name: "rm", Usage: "remove a model from the store", ArgsUsage: "NAME...",
		Description: `Removes the names, and the files that have no other name.

Examples:
  gosling rm rwkv7-g1-0.4b
  gosling rm rwkv7-g1-0.4b:Q8_0`,
		Action: stored(removeModels, 1, 100),
	}}
}

func listModels(_ context.Context, s models.Store, c *urfave.Context) error {
	all, err := s.List()
	switch {
	case err != nil:
		return err
	case c.Bool("json"):
		return jsontext.Write(c.App.Writer, append([]models.Entry{}, all...))
	case len(all) == 0:
		fmt.Fprintf(c.App.ErrWriter, "no models in %s: get one with \"gosling pull NAME\"; \"gosling recommend\" names one for this machine\n", s.Dir)
		return nil
	}
	return outfile.Buffered(c.App.Writer, func(w io.Writer) error { return models.WriteList(w, all) })
}

func showModel(_ context.Context, s models.Store, c *urfave.Context) error {
	e, err := s.Find(c.Args().First())
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return jsontext.Write(c.App.Writer, e)
	}
	l, err := inspect.File(e.Path)
	if err != nil {
		return err
	}
	return outfile.Buffered(c.App.Writer, func(w io.Writer) error {
		if err := e.WriteText(w); err != nil {
			return err
		}
		l.WriteTotals(w)
		return nil
	})
}

func removeModels(ctx context.Context, s models.Store, c *urfave.Context) error {
	for _, name := range c.Args().Slice() {
		freed, err := s.Remove(ctx, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.App.ErrWriter, "removed %s, which frees %s\n", name, units.Bytes(freed))
	}
	return nil
}
