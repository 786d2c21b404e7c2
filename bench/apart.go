package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// Command is a program that measures a model and prints the results as JSON. The model's path is its last argument.
type Command struct {
	Path string   // path of the program
	Args []string // arguments; the first is the program's name
}

// Apart measures a model in a process of its own, so that the peak memory is that of this model alone.
func Apart(ctx context.Context, c Command, model string) ([]Result, error) {
	cmd := exec.CommandContext(ctx, c.Path)
	cmd.Args = append(append(cmd.Args[:0:0], c.Args...), model)
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("measuring the speed of %s: %w: %s", model, err, bytes.TrimSpace(diagnostics.Bytes()))
	}
	var results []Result
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		return nil, fmt.Errorf("measuring the speed of %s: %w", model, err)
	}
	return results, nil
}
