package cli

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/checkpoint"
	"github.com/gosling-rwkv/gosling/checkpoint/formats"
	"github.com/gosling-rwkv/gosling/checkpoint/pth"
	"github.com/gosling-rwkv/gosling/checkpoint/safetensors"
	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/imatrix"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/keys"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func TestThePageOfLimitsSaysWhatHolds(t *testing.T) {
	page, err := os.ReadFile("../docs/limits.md")
	require.NoError(t, err)
	for _, l := range []infile.Limit{textLimit, promptLimit, tokensLimit, toolsLimit, messageLimit, compare.Answer, compare.Notes,
		convert.Vocabulary, formats.Config, safetensors.Index, quant.Sensitivities, keys.FileLimit} {
		assert.Contains(t, string(page), fmt.Sprintf("\n| %s | %d MiB | ", l.What, l.Bytes>>20))
	}
	for what, n := range map[string]int64{
		"texts of `embed`": maxLines, "questions of `eval`": eval.MaxQuestions,
		"bytes of a GGUF header": gguf.MaxHeader, "bytes of a text in a GGUF header": gguf.MaxText, "keys of a GGUF header": gguf.MaxKeys, "texts and arrays in all arrays of a GGUF header": gguf.MaxItems,
		"tensors of a GGUF model": gguf.MaxTensors, "files of a GGUF model": gguf.MaxParts,
		"tensors of a checkpoint": checkpoint.MaxTensors, "bytes of a tensor's name": checkpoint.MaxName, "dimensions of a tensor": checkpoint.MaxDims,
		"files of a checkpoint": safetensors.MaxParts, "bytes of a safetensors header": safetensors.MaxHeader,
		"bytes of a pickle": pth.MaxPickle, "values of a pickle": pth.MaxValues, "records of a `.pth`": pth.MaxRecords, "bytes of the directory of a `.pth`": pth.MaxDirectory,
		"tokens of a vocabulary": tokenizer.MaxRows, "bytes of a token": tokenizer.MaxTokenBytes, "bytes of a word for byte-level BPE": tokenizer.MaxWord, "sums of an importance matrix": imatrix.MaxSums,
		"keys of a key file":                 keys.MaxKeys,
		"bytes of a request without a state": api.MaxBody, "levels of objects and arrays": api.MaxDepth, "fields of an object": api.MaxFields,
		"messages of a chat, and items of a response's input": api.MaxMessages, "parts of a message, and texts and runs of token ids in a prompt": api.MaxParts, "function calls in a message": api.MaxCalls, "functions that an answer may call": api.MaxTools,
		"prompts of a request": api.MaxPrompts, "texts of a request for embeddings": api.MaxInputs, "answers to a prompt": api.MaxChoices,
		"stop strings": api.MaxStops, "bytes of a stop string": api.MaxStopBytes, "tokens with a bias": api.MaxBiases,
		"likeliest tokens told for each token": api.MaxTopLogprobs, "bytes of a cache's salt": api.MaxSalt,
	} {
		assert.Contains(t, string(page), fmt.Sprintf("\n| %s | %s | ", what, units.Grouped(n)))
	}
}
