package tokenizer

// preRule is how a text is prepared for BPE, by the name that GGUF files give it in tokenizer.ggml.pre.
type preRule struct {
	name  string
	split splitter
	nfc   bool
}

// The regular expressions of tokenizer.json files whose words a splitter finds.
const (
	patternGPT2  = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternQwen2 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// preRules are those that are known. The first of each kind is what we write. A file says nothing of the normal form: it is
// that of the models a rule is named after.
var preRules = []struct {
	preRule
	pattern string
}{
	{preRule{"mpt", splitGPT2, true}, patternGPT2}, // GPT-NeoX 20B, which MPT took over
	{preRule{"olmo", splitGPT2, true}, patternGPT2},
	{preRule{"", splitGPT2, true}, patternGPT2}, // files of a time before the key
	{preRule{"gpt-2", splitGPT2, false}, patternGPT2},
	{preRule{"qwen2", splitQwen2, true}, patternQwen2},
	{preRule{"deepseek-r1-qwen", splitQwen2, false}, patternQwen2},
}

// ruleNamed returns the rule of that name.
func ruleNamed(name string) (preRule, bool) {
	for _, r := range preRules {
		if r.name == name {
			return r.preRule, true
		}
	}
	return preRule{}, false
}

// ruleFor returns the rule of that pattern, with the normal form or without.
func ruleFor(pattern string, nfc bool) (preRule, bool) {
	for _, r := range preRules {
		if r.pattern == pattern && r.nfc == nfc {
			return r.preRule, true
		}
	}
	return preRule{}, false
}
