package compare

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// FuzzAnswers reads answers files. Accepted answers are no more than the questions and can be graded. Written again, they are
// read the same.
func FuzzAnswers(f *testing.F) {
	of := answersHeader{"lambada", "m.gguf", "7"}
	head := `{"task":"lambada","model":"m.gguf","model_id":"7"}` + "\n"
	questions := make([]eval.Question, 3)
	ids := make([]any, len(questions))
	for i := range questions {
		questions[i].Right = i
		ids[i] = questionID(questions[i])
	}
	f.Add(fmt.Appendf(nil, head+`{"correct":true,"log_prob":-0.5,"question":"%s"}`+"\n"+`{"kind":"add","correct":false,"log_prob":-7,"question":"%s"}`+"\n"+`{"corr`, ids[:2]...))
	f.Add(fmt.Appendf(nil, head+`{"correct":true,"log_prob":1e308,"question":"%s"}`+"\n", ids[0]))
	f.Add(fmt.Appendf(nil, head+`{"correct":true,"log_prob":-1e308,"question":"%s"}`+"\n", ids[0]))
	f.Add([]byte(head + "null\n7\n"))
	f.Add([]byte(`{"task":"mmlu"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		a := answers{questions: questions}
		size, err := a.parse(bytes.NewReader(data), of)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(a.all), len(questions))
		require.LessOrEqual(t, int(size), len(data))
		require.NotContains(t, string(data[size:]), "\n", "only part of a line is cut off")
		task := eval.Grade(of.Task, a.all)
		require.Len(t, a.all, task.Items)
		if size == 0 {
			return
		}
		var text bytes.Buffer
		again, written := answers{questions: questions}, answers{questions: questions, out: &text}
		require.NoError(t, written.write(of))
		for _, one := range a.all {
			require.NoError(t, written.add(one))
		}
		length, err := again.parse(bytes.NewReader(text.Bytes()), of)
		require.NoError(t, err)
		require.Equal(t, text.Len(), int(length))
		require.Equal(t, a.all, again.all)
	})
}

// FuzzCandidate reads the notes of a compared candidate. Accepted notes fit the columns and can be printed. Written again, they
// are read the same.
func FuzzCandidate(f *testing.F) {
	columns := []eval.Column{{Text: "a.txt", Context: 4, Chunks: 1, Scored: 2}}
	whole := eval.Candidate{
		Facts:      eval.Facts{Name: "Q4_K_M", Size: 100, BitsPerWeight: 4.5, Tasks: []eval.Task{eval.Grade("tasks", []eval.Answered{{Kind: "add", LogProb: -1}})}},
		Divergence: []eval.Divergence{eval.Summarize([]eval.Position{{NLL: 1, BaseNLL: 1, KLD: 0.25, Delta: -0.5}, {NLL: 2, BaseNLL: 1, KLD: 0.5, SameTop: 1}})},
		Weights:    []eval.TensorError{{Name: "output.weight", Kind: "output", Layer: -1, Error: 0.05}},
	}
	seed, err := json.Marshal(whole)
	require.NoError(f, err)
	f.Add(seed)
	f.Add([]byte(`{"name":"Q4_K_M","divergence":[{"scored_tokens":2,"kld_curve":[1]}],"weights":[{}],"tasks":[{}]}`))
	f.Add([]byte(`{"name":"Q4_K_M","size":-1,"bits_per_weight":-1e308,"divergence":[{"scored_tokens":2,"kld":{"value":-1e308}}]}`))
	f.Add([]byte(`{"name":"Q4_K_M","divergence":[]}`))
	f.Add([]byte(`{"name":"Q4_K_M","divergence":[{"scored_tokens":2}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer fuzzing.Guard(t, len(data), 1<<12)()
		done, ok := parseMeasured(data, "Q4_K_M", columns)
		if !ok {
			return
		}
		r := eval.Comparison{Base: eval.Facts{Name: "F16"}, Columns: columns, Candidates: []eval.Candidate{done}}
		r.Base.Tasks = done.Tasks
		for _, table := range Tables(r) {
			for _, row := range table.Rows {
				require.Len(t, row, len(table.Head))
			}
			require.NoError(t, table.Write(io.Discard))
			require.NoError(t, table.WriteMarkdown(io.Discard))
		}
		require.NoError(t, WriteCSV(io.Discard, r))
		require.NoError(t, WritePage(io.Discard, r))
		text, err := json.Marshal(done)
		require.NoError(t, err)
		again, ok := parseMeasured(text, "Q4_K_M", columns)
		require.True(t, ok)
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(second))
	})
}

// FuzzPositions reads the notes of a stopped comparison. It accepts whole chunks of finite measurements. Written again, they have
// the same bytes.
func FuzzPositions(f *testing.F) {
	var seed bytes.Buffer
	require.NoError(f, binary.Write(&seed, binary.LittleEndian, make([]eval.Position, 5)))
	f.Add(seed.Bytes(), uint8(2), uint8(9))
	f.Add(seed.Bytes(), uint8(1), uint8(1))
	f.Add(bytes.Repeat([]byte{0, 0, 0xc0, 0x7f}, 10), uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, each, most uint8) {
		defer fuzzing.Guard(t, len(data), 1<<10)()
		if each == 0 {
			return // a chunk has at least one position
		}
		all, err := readPositions(bytes.NewReader(data), int64(len(data)), int(each), int(most))
		if err != nil {
			return
		}
		require.Zero(t, len(all)%int(each))
		require.LessOrEqual(t, len(all), int(each)*int(most))
		var out bytes.Buffer
		require.NoError(t, binary.Write(&out, binary.LittleEndian, all))
		require.True(t, bytes.HasPrefix(data, out.Bytes()))
		require.True(t, len(data)-out.Len() < int(each)*binary.Size(eval.Position{}) || len(all) == int(each)*int(most), "no whole chunk is left out")
	})
}
