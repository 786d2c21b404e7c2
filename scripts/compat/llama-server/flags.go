package main

import (
	"fmt"
	"strconv"
	"strings"
)

// kind says what becomes of a flag.
type kind int

const (
	same    kind = iota // its value goes to Gosling's flag
	dropped             // it has a value, which changes nothing here
	ignored             // it has no value and changes nothing here
)

// flags are llama-server's that its tests pass, by the name under which Gosling has them.
var flags = map[string]struct {
	kind kind
	name string
}{
	"--port":         {same, "--port"},
	"--temp":         {same, "--temp"},
	"--seed":         {same, "--seed"},
	"--n-predict":    {same, "--n-predict"},
	"--parallel":     {same, "--slots"},
	"--threads":      {same, "--threads"},
	"--alias":        {same, "--alias"},
	"--cors-origins": {same, "--cors-origins"},

	// See translate.
	"--host":     {dropped, ""},
	"--ctx-size": {dropped, ""}, "--kv-unified": {ignored, ""}, "--api-key": {dropped, ""},

	// Both programs serve /slots unless told otherwise. llama-server serves /metrics only if it is told so.
	"--slots": {ignored, ""}, "--no-slots": {ignored, ""}, "--metrics": {ignored, ""},
	// Gosling has no counterpart of the others.
	"--tags": {dropped, ""}, "--pooling": {dropped, ""}, "--sleep-idle-seconds": {dropped, ""}, "--verbose": {ignored, ""},

	// The model is always the same.
	"--model": {dropped, ""}, "--model-url": {dropped, ""}, "--model-draft": {dropped, ""}, "--hf-repo": {dropped, ""}, "--hf-file": {dropped, ""},
	"--models-dir": {dropped, ""}, "--models-max": {dropped, ""}, "--models-preset": {dropped, ""}, "--no-models-autoload": {ignored, ""},
	"--mmproj-url": {dropped, ""}, "--no-mmproj": {ignored, ""}, "--lora": {dropped, ""}, "--offline": {ignored, ""},

	// How llama.cpp computes.
	"--batch-size": {dropped, ""}, "--ubatch-size": {dropped, ""}, "--n-gpu-layers": {dropped, ""}, "--cont-batching": {ignored, ""}, "--swa-full": {ignored, ""},
	"-ctk": {dropped, ""}, "-ctv": {dropped, ""}, "-fa": {dropped, ""}, "--grp-attn-n": {dropped, ""}, "--grp-attn-w": {dropped, ""}, "--context-shift": {ignored, ""},
	"--spec-type": {dropped, ""}, "--spec-draft-n-max": {dropped, ""}, "--spec-draft-n-min": {dropped, ""}, "--spec-synth-len": {dropped, ""}, "--spec-synth-rates": {dropped, ""},
	"--cache-ram": {dropped, ""}, "--no-cache-idle-slots": {ignored, ""}, "--backend_sampling": {ignored, ""},

	// Gosling does without them: embeddings and templates need no flag, the rest is not offered.
	"--embedding": {ignored, ""}, "--reranking": {ignored, ""}, "--jinja": {ignored, ""}, "--no-jinja": {ignored, ""}, "--reasoning-format": {dropped, ""},
	"--reasoning": {dropped, ""}, "--chat-template": {dropped, ""}, "--chat-template-file": {dropped, ""}, "--no-ui": {ignored, ""}, "--ui-mcp-proxy": {ignored, ""},
	"--tools": {dropped, ""}, "--tools-runtime": {dropped, ""}, "--mcp-servers-config": {dropped, ""}, "--mcp-servers-json": {dropped, ""},
	"--slot-save-path": {dropped, ""}, "--media-path": {dropped, ""},
}

// translate returns the flags and the model of gosling serve, and the API key. llama-server shares --ctx-size among its slots, unless
// they have one cache in common.
func translate(args []string) (to []string, key string, err error) {
	context, slots, unified, metrics := 0, 1, false, false
	for len(args) > 0 {
		name, value := args[0], ""
		f, known := flags[name]
		if !known {
			return nil, "", fmt.Errorf("%s: unknown flag: say in scripts/compat/llama-server/flags.go what becomes of it", name)
		}
		args = args[1:]
		if f.kind != ignored {
			if len(args) == 0 {
				return nil, "", fmt.Errorf("%s: no value", name)
			}
			value, args = args[0], args[1:]
		}
		if f.kind == same {
			to = append(to, f.name, value)
		}
		switch name {
		case "--ctx-size":
			context, err = strconv.Atoi(value)
		case "--parallel":
			slots, err = strconv.Atoi(value)
		case "--kv-unified":
			unified = true
		case "--metrics":
			metrics = true
		case "--no-slots":
			to = append(to, name)
		case "--host": // several are separated by commas
			for host := range strings.SplitSeq(value, ",") {
				to = append(to, "--host", strings.TrimSpace(host))
			}
		case "--api-key":
			key = value
		}
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", name, err)
		}
	}
	if !unified {
		context /= max(1, slots)
	}
	if context > 0 {
		to = append(to, "--ctx-size", strconv.Itoa(context))
	}
	if !metrics {
		to = append(to, "--no-metrics")
	}
	return append(to, "--ignore-eos", "demo"), key, nil
}
