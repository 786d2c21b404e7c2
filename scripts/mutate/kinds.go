package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/synth"
)

// kind is a kind of file that the program reads.
type kind struct {
	name     string
	files    map[string][]byte // files in the folder in which the commands run
	target   string            // the file to damage
	text     bool              // it is JSON or similar text
	stdin    string
	commands [][]string
}

// makeKinds lets the program make a small file of every kind in the folder dir.
func makeKinds(ctx context.Context, program, dir string) ([]kind, error) {
	m := &maker{ctx: ctx, program: program, dir: dir}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	m.models()
	m.checkpoints()
	m.beside()
	m.texts()
	return m.kinds, m.err
}

// maker makes the files and keeps the first error.
type maker struct {
	ctx          context.Context
	program, dir string
	kinds        []kind
	err          error
}

// lines splits text into commands, and each command into arguments at blanks.
func lines(text string) [][]string {
	var commands [][]string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		commands = append(commands, strings.Fields(line))
	}
	return commands
}

// add adds a kind with some of the files made. Its target is the first one.
func (m *maker) add(name, commands string, text bool, files ...string) {
	k := kind{name: name, target: files[0], text: text, files: map[string][]byte{}, commands: lines(commands)}
	for _, file := range files {
		k.files[file] = m.read(file)
	}
	if strings.Contains(commands, "chat") {
		k.stdin = "/load " + files[0] + "\ngoose\n"
	}
	m.kinds = append(m.kinds, k)
}

func (m *maker) read(file string) []byte {
	data, err := os.ReadFile(filepath.Join(m.dir, file))
	m.keep(err)
	return data
}

func (m *maker) write(file string, data []byte) {
	if m.err == nil {
		path := filepath.Join(m.dir, file)
		m.keep(os.MkdirAll(filepath.Dir(path), 0o755))
		m.keep(os.WriteFile(path, data, 0o644))
	}
}

func (m *maker) keep(err error) {
	if m.err == nil {
		m.err = err
	}
}

// do runs the program in the folder.
func (m *maker) do(stdin, command string) {
	if m.err != nil {
		return
	}
	cmd := exec.CommandContext(m.ctx, m.program, strings.Fields(command)...)
	cmd.Dir, cmd.Stdin = m.dir, strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.err = fmt.Errorf("gosling %s: %w: %s", command, err, out)
	}
}

func (m *maker) synth(file string, c synth.Config, write func(*os.File, synth.Config) error) {
	if m.err != nil {
		return
	}
	f, err := os.Create(filepath.Join(m.dir, file))
	if err != nil {
		m.err = err
		return
	}
	defer f.Close()
	m.keep(write(f, c))
}

func small(version string) synth.Config {
	return synth.Config{Version: version, Layers: 2, Embed: 32, HeadSize: 32, Vocab: 257, Seed: 1, Ranks: synth.Ranks{Mix: 8, Decay: 8, Rate: 8, Value: 8, Gate: 8}}
}

func writeCheckpoint(f *os.File, c synth.Config) error { return synth.Write(f, c) }

// models makes GGUF files of every architecture, and the inputs that only a model can make.
func (m *maker) models() {
	const always = `
inspect %[1]s
inspect --check %[1]s
quantize -t 1 --force %[1]s out.gguf q8_0
run -t 1 -n 2 --temp 0 --tokens 1,2,3 --ids %[1]s`
	const commands = always + `
run -t 1 -n 2 --temp 0 %[1]s goose
embed -t 1 %[1]s goose
perplexity -t 1 --text text.txt --ctx 8 --chunks 1 %[1]s`
	m.write("text.txt", []byte(strings.Repeat("The goose said to the gander: honk. ", 8)))
	for _, version := range []string{"4", "5.2", "6", "7"} {
		name := "rwkv" + version
		m.synth(name+".pth", small(version), writeCheckpoint)
		m.do("", "convert --force --type f16 "+name+".pth "+name+".gguf")
		m.add(name+" gguf", fmt.Sprintf(commands, name+".gguf"), false, name+".gguf", "text.txt")
	}
	for _, version := range []string{"arwkv7", "rwkv6qwen2"} {
		m.synth(version+".gguf", small(version), func(f *os.File, c synth.Config) error { return synth.WriteGGUF(f, c) })
		m.add(version+" gguf", fmt.Sprintf(always, version+".gguf"), false, version+".gguf")
	}
	const model = "rwkv7.gguf"
	m.do("goose\n/save saved.state\n", "chat -t 1 -n 2 "+model)
	m.add("saved state", "chat -t 1 -n 2 "+model+"\nrun -t 1 -n 2 --state saved.state "+model+" goose", false, "saved.state", model)
	m.do("", "imatrix -t 1 --text text.txt --ctx 8 -o importance.gguf "+model)
	m.add("importance matrix", "quantize -t 1 --force --imatrix importance.gguf "+model+" out.gguf q4_0\nimatrix --in-file importance.gguf -o out.gguf", false, "importance.gguf", model)
	m.do("", "compare -t 1 "+model+" --types q8_0 --text text.txt --context 16 --no-speed --base-logits base.logits")
	m.add("base logits", "compare -t 1 "+model+" --types q8_0 --text text.txt --context 16 --no-speed --base-logits base.logits --work work", false, "base.logits", model, "text.txt")
	m.do("", "sensitivity -t 1 "+model+" --text text.txt --context 16 --chunks 1 --types q8_0 --force -o sensitivity.json")
	m.add("sensitivity", "quantize -t 1 --force --target-bpw 12 --sensitivity sensitivity.json "+model+" out.gguf", true, "sensitivity.json", model)
}

// checkpoints makes files as trainers write them.
func (m *maker) checkpoints() {
	for _, file := range []string{"rwkv4.pth", "rwkv6.pth", "rwkv7.pth"} {
		m.add(file, "inspect "+file+"\ninspect --check "+file+"\nconvert -t 1 --force "+file+" out.gguf", false, file)
	}
	t := m.tensors("rwkv7.pth")
	m.write("legacy.pth", t.legacy())
	m.write("model.safetensors", t.safetensors())
	m.write("model.safetensors.index.json", t.index("model.safetensors"))
	m.write("rwkv.bin", t.rwkvcpp())
	for _, file := range []string{"legacy.pth", "model.safetensors", "rwkv.bin"} {
		m.add(file, "inspect "+file+"\nconvert -t 1 --force "+file+" out.gguf", false, file)
	}
	m.add("safetensors index", "convert -t 1 --force model.safetensors.index.json out.gguf", true, "model.safetensors.index.json", "model.safetensors")
	m.write("config.json", []byte(`{"model_type": "rwkv7", "hidden_size": 32, "num_hidden_layers": 2, "head_dim": 32, "vocab_size": 257, "norm_eps": 1e-5, "tie_word_embeddings": false}`))
	m.add("config.json", "convert -t 1 --force model.safetensors out.gguf", true, "config.json", "model.safetensors")
}

// beside makes files that accompany a model.
func (m *maker) beside() {
	adapter, state := m.tensors("rwkv7.pth").adapter(), m.tensors("rwkv7.pth").state()
	m.write("lora/adapter_model.safetensors", adapter.safetensors())
	m.write("lora/adapter_config.json", []byte(`{"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["att.key"], "bias": "none", "fan_in_fan_out": false}`))
	const merge = "convert -t 1 --force --lora lora rwkv7.pth out.gguf"
	m.add("adapter", merge, false, "lora/adapter_model.safetensors", "lora/adapter_config.json", "rwkv7.pth")
	m.add("adapter_config.json", merge, true, "lora/adapter_config.json", "lora/adapter_model.safetensors", "rwkv7.pth")
	m.write("tuned.pth", state.legacy())
	m.write("tuned.safetensors", state.safetensors())
	for _, file := range []string{"tuned.pth", "tuned.safetensors"} {
		m.add(file, "run -t 1 -n 2 --state "+file+" rwkv7.gguf goose\nconvert -t 1 --force --merge-state "+file+" rwkv7.pth out.gguf", false, file, "rwkv7.gguf", "rwkv7.pth")
	}
}

// texts makes JSON and other text that people write or download.
func (m *maker) texts() {
	const model = "rwkv7.gguf"
	all := []struct{ name, file, command, text string }{
		{"tools", "tools.json", "run -t 1 -n 2 --temp 0 --tools tools.json " + model + " goose",
			`[{"type": "function", "function": {"name": "honk", "description": "a goose", "parameters": {"type": "object", "properties": {"times": {"type": "integer", "enum": [1, 2]}}, "required": ["times"]}}}]`},
		{"tokenizer.json", "tokenizer.json", "tokenize --vocab tokenizer.json goose",
			`{"version": "1.0", "added_tokens": [{"id": 8, "content": "<|end|>", "special": true}], "normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}, "model": {"type": "BPE", "vocab": {"g": 0, "o": 1, "s": 2, "e": 3, "oo": 4, "se": 5, "goo": 6, "goose": 7}, "merges": ["o o", "s e", "g oo", "goo se"]}}`},
		{"vocabulary", "rwkv_vocab.txt", "tokenize --vocab rwkv_vocab.txt goose", "1 'g' 1\n2 'o' 1\n3 's' 1\n4 'e' 1\n5 b'\\xff' 1\n6 'goose' 5\n"},
		{"tasks", "tasks.jsonl", "eval tasks -t 1 " + model + " --file tasks.jsonl --limit 2", `{"task": "sum", "question": "2+2?", "answer": "4"}` + "\n" + `{"task": "sum", "question": "3+3?", "answer": "6"}` + "\n"},
		{"lambada", "lambada.jsonl", "eval lambada -t 1 " + model + " --file lambada.jsonl", `{"text": "the goose said honk"}` + "\n" + `{"text": "and the gander said honk too"}` + "\n"},
		{"documents", "documents.jsonl", "perplexity -t 1 --text documents.jsonl --ctx 8 --chunks 1 " + model, `{"text": "the goose said honk"}` + "\n"},
		{"token ids", "ids.txt", "detokenize --vocab rwkv_vocab.txt -", "1,2,2,3,4"},
		{"prompt", "prompt.txt", "run -t 1 -n 2 --file prompt.txt " + model + "\nembed -t 1 -f prompt.txt " + model, "The goose said:\n\"honk\"\n"},
	}
	for _, t := range all {
		m.write(t.file, []byte(t.text))
	}
	for _, t := range all {
		m.add(t.name, t.command, true, t.file, model, "rwkv_vocab.txt")
	}
	m.do("", "eval tasks -t 1 "+model+" --file tasks.jsonl --answers answers.jsonl")
	m.add("answers", "eval tasks -t 1 "+model+" --file tasks.jsonl --answers answers.jsonl --resume", true, "answers.jsonl", model, "tasks.jsonl")
}
