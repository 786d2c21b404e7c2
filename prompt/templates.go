package prompt

import (
	"fmt"
	"slices"
	"strings"
)

// Sampling is the default sampling of a template. The fields are named like those of package sampler's options.
type Sampling struct {
	Temperature, TopP                               float64
	TopK                                            int
	PresencePenalty, FrequencyPenalty, PenaltyDecay float64
	// SpareNumbers excludes digits and blanks from the penalties.
	SpareNumbers bool
	// Music adapts the penalties to MIDI models (see MusicBias and MusicWeight).
	Music bool
}

// Letters returns s for models whose tokens are single bytes. Such tokens repeat all the time, so nothing is penalized.
func (s Sampling) Letters() Sampling {
	s.PresencePenalty, s.FrequencyPenalty, s.PenaltyDecay, s.SpareNumbers = 0, 0, 1, false
	return s
}

// The settings of RWKV's own programs and model cards.
var (
	textSampling  = Sampling{Temperature: 1, TopP: 0.85, PresencePenalty: 0.2, FrequencyPenalty: 0.2, PenaltyDecay: 0.996, SpareNumbers: true}
	worldSampling = Sampling{Temperature: 1, TopP: 0.2, PresencePenalty: 0.4, FrequencyPenalty: 0.4, PenaltyDecay: 0.996}
	g1Sampling    = Sampling{Temperature: 1, TopP: 0.3, PresencePenalty: 0.5, FrequencyPenalty: 0.5, PenaltyDecay: 0.996}
	ravenSampling = Sampling{Temperature: 1.2, TopP: 0.5, PresencePenalty: 0.4, FrequencyPenalty: 0.4, PenaltyDecay: 0.996}
	qwenSampling  = Sampling{Temperature: 0.7, TopP: 0.8, TopK: 20, PenaltyDecay: 1}
	midiSampling  = Sampling{Temperature: 1, TopP: 0.8, TopK: 8, FrequencyPenalty: 0.5, PenaltyDecay: 0.997, Music: true}
	abcSampling   = Sampling{Temperature: 1, TopP: 0.8, TopK: 8, PenaltyDecay: 1}
)

// blank is the empty line between two turns. It also ends an answer of one paragraph.
const blank = "\n\n"

const ravenTask = "Below is an instruction that describes a task"

// Templates returns all formats. docs/prompts.md shows a prompt of each.
func Templates() []Template {
	return []Template{
		{Name: "qa", About: "World models from RWKV-5 on", System: "System: ", User: "User: ", Assistant: "Assistant:",
			Separator: blank, Stops: []string{blank}, Chat: true, Sampling: worldSampling},
		{Name: "question", About: "World models of RWKV-4", System: "System: ", User: "Question: ", Assistant: "Answer:",
			Separator: blank, Stops: []string{blank}, Chat: true, Sampling: worldSampling},
		{Name: "instruction", About: "World models, one task with or without an input", System: "System: ", User: "Instruction: ",
			Input: "Input: ", Assistant: "Response:", Separator: blank, Stops: []string{blank}, Sampling: worldSampling},
		{Name: "g1", About: "G1 models: chat, thoughts, function calls", System: "System: ", User: "User: ", Assistant: "Assistant:",
			Separator: blank, Stops: []string{"\n\nUser:", "\n\nSystem:"}, Chat: true, Thinks: true, Sampling: g1Sampling},
		{Name: "raven", About: "Raven models, chat", Opening: "\n", User: "Bob: ", Assistant: "Alice:",
			Separator: blank, Stops: []string{blank}, Chat: true, Sampling: ravenSampling},
		{Name: "raven-instruction", About: "Raven models, one task with or without an input",
			Opening:      ravenTask + ". Write a response that appropriately completes the request.\n\n",
			OpeningInput: ravenTask + ", paired with an input that provides further context. Write a response that appropriately completes the request.\n\n",
			User:         "# Instruction:\n", Input: "# Input:\n", Assistant: "# Response:\n",
			Separator: blank, Stops: []string{blank}, Sampling: ravenSampling},
		{Name: "pile", About: "models trained on the Pile alone, a question", Opening: "\nQ & A\n\n", User: "Question:\n", Assistant: "Detailed Expert Answer:\n",
			Separator: blank, Stops: []string{"\n\nQuestion:"}, Chat: true, Sampling: textSampling},
		{Name: "pile-text", About: "models trained on the Pile alone, a text to continue", Opening: "\n", Verbatim: true, Sampling: textSampling},
		{Name: "chatml", About: "hybrids with Qwen", System: "<|im_start|>system\n", User: "<|im_start|>user\n", Assistant: "<|im_start|>assistant\n",
			Separator: "<|im_end|>\n", Marks: []string{"<|im_start|>", "<|im_end|>"}, Stops: []string{"<|im_end|>"}, Chat: true, Sampling: qwenSampling},
		{Name: "abc", About: "ABC music models", Verbatim: true, First: []int32{2}, End: []int32{3}, Sampling: abcSampling},
		{Name: "midi", About: "MIDI music models", Verbatim: true, First: []int32{0}, Sampling: midiSampling},
		{Name: "raw", About: "the prompt unchanged", Verbatim: true, Sampling: textSampling},
	}
}

// Named returns the template with this name.
func Named(name string) (Template, error) {
	var names []string
	for _, t := range Templates() {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Template{}, fmt.Errorf("unknown template %q: want auto or one of %s", name, strings.Join(names, ", "))
}

// named returns a template that is known to be in the table.
func named(name string) Template {
	t, err := Named(name)
	if err != nil {
		panic("prompt: internal error: " + err.Error())
	}
	return t
}

// For returns the format that a model was trained on. It judges by the model's name, such as "RWKV-x070-World-1.5B-v3", by its
// architecture, such as "rwkv7", and by the size of its vocabulary. If the name says nothing, the format is g1 for RWKV-7 and
// otherwise question for RWKV-4 and qa for the rest.
func For(name, arch string, rows int) Template {
	t, _ := Judge(name, arch, rows)
	return t
}

// Judge is For with the reason for the choice, such as `its name has the word "raven"`.
func Judge(name, arch string, rows int) (t Template, why string) {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r < '0' || r > '9' && (r < 'a' || r > 'z') })
	says := func(want string) bool { return slices.Contains(words, want) }
	named := func(template, word string) (Template, string) {
		return named(template), fmt.Sprintf("its name has the word %q", word)
	}
	sized := func(template string) (Template, string) {
		t, _ := Named(template)
		return t, fmt.Sprintf("its vocabulary has %d rows", rows)
	}
	of := func(template, why string) (Template, string) {
		t, _ := Named(template)
		return t, why
	}
	g1 := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, "g1") && len(word) <= 3 })
	switch {
	case arch == "arwkv7", arch == "rwkv6qwen2":
		return of("chatml", fmt.Sprintf("its architecture is %s, a hybrid with Qwen", arch))
	case says("midi"):
		return named("midi", "midi")
	case rows == midiRows, rows == pianoRows:
		return sized("midi")
	case says("abc"):
		return named("abc", "abc")
	case rows == abcRows:
		return sized("abc")
	case g1 >= 0:
		return named("g1", words[g1])
	case says("demo") && rows == ByteRows:
		return of("qa", "it is the built-in demo model")
	case says("raven"):
		return named("raven", "raven")
	case says("pile"):
		return named("pile", "pile")
	case rows == pileRows, rows == paddedPileRows:
		return sized("pile")
	case arch == "rwkv4":
		return of("question", "its architecture is rwkv4, and its name has no other word")
	case arch == "rwkv7" && !says("world"):
		return of("g1", "its architecture is rwkv7, and its name does not have the word \"world\"")
	case says("world"):
		return named("qa", "world")
	default:
		return of("qa", "neither its name nor its architecture, "+arch+", says anything else")
	}
}

// ByteRows is the size of a vocabulary that consists of the end of text and the 256 bytes.
const ByteRows = 257

// Sizes of the vocabularies other than World's.
const (
	abcRows        = 128
	pianoRows      = 2176
	midiRows       = 20096
	pileRows       = 50277
	paddedPileRows = 50304
)
