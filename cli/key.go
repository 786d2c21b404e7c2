package cli

import (
	"errors"
	"fmt"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/keys"
)

func keyCommand() *urfave.Command {
	return &urfave.Command{
		Name: "key", Usage: "manage the keys of a server", ArgsUsage: "new|list|rm [NAME]",
		Description: `Writes the file for gosling serve --api-key-file. "new" prints the key that clients send, once: the file has only its hash. A
running server reads the file again when it changes.

Examples:
  gosling key new alice --file keys
  gosling key new app --file keys --permissions infer --limits requests=60,tokens=100000,running=4
  gosling key list --file keys
  gosling key rm alice --file keys`,
		Flags: []urfave.Flag{
			&urfave.PathFlag{Name: "file", Usage: "the keys are in `FILE`"},
			&urfave.StringFlag{Name: "permissions", Usage: "the new key allows `LIST`: some of infer, states, models and metrics, or all", Value: "infer,states"},
			&urfave.StringFlag{Name: "limits", Usage: "the new key has the limits `LIST`: some of requests=N and tokens=N per minute, running=N at the same time, priority=N from 1 to 100", DefaultText: "none"},
		},
		Action: manageKeys,
	}
}

func manageKeys(c *urfave.Context) error {
	file, name := c.Path("file"), c.Args().Get(1)
	if file == "" {
		return misuse(c, "name the file of keys with --file FILE")
	}
	want := map[string]int{"new": 2, "rm": 2, "list": 1}[c.Args().First()]
	if want == 0 || c.NArg() != want {
		return misuse(c, "want new NAME, list, or rm NAME")
	}
	switch c.Args().First() {
	case "new":
		return newKey(c, file, name)
	case "rm":
		return keys.Remove(c.Context, file, name)
	}
	all, err := keys.Read(file)
	if err != nil {
		return err
	}
	for _, k := range all {
		if _, err := fmt.Fprintf(c.App.Writer, "%s\t%s\t%s\n", k.Name, k.Permissions, k.Limits); err != nil {
			return err
		}
	}
	return nil
}

// newKey makes a key and prints what clients send.
func newKey(c *urfave.Context, file, name string) error {
	permissions, err := keys.ParsePermissions(c.String("permissions"))
	if err != nil {
		return misuse(c, "--permissions: %v", err)
	}
	limits := keys.Limits{}
	if c.IsSet("limits") {
		if limits, err = keys.ParseLimits(c.String("limits")); err != nil {
			return misuse(c, "--limits: %v", err)
		}
	}
	secret, k, err := keys.Make(name, permissions, limits)
	if err != nil {
		return misuse(c, "%v", err)
	}
	if err := keys.Add(c.Context, file, k); err != nil {
		if errors.Is(err, keys.ErrExists) {
			err = &hinted{err, fmt.Sprintf("remove it first: gosling key rm %s --file %s", name, file)}
		}
		return err
	}
	_, err = fmt.Fprintln(c.App.Writer, secret)
	return err
}
