// Package tokenizer turns text into the tokens of RWKV models and back. There are three kinds of Tokenizer:
//
//   - Vocab takes the longest token that fits at each position. World is the vocabulary of the language models since 2023. Bytes and
//     ByteValues are for models of bytes, ABC is for music in that notation. ParseVocab reads others from files rwkv_vocab_*.txt.
//   - BPE is byte-level BPE, with the same ids as Hugging Face's tokenizers. NeoX is the tokenizer of the Pile and Raven models. ParseJSON
//     reads others from tokenizer.json.
//   - Words splits at blanks. MIDI and Piano are its vocabularies.
//
// A model file holds its tokenizer in its metadata. FromGGUF returns it, and Tokenizer.Keys writes it.
//
// A character may consist of several tokens. So the bytes of one token are often not valid UTF-8. A Stream turns the bytes of tokens into
// text as they come.
//
// Limits: a token has at most 1024 bytes. A vocabulary has at most 1,048,576 rows and about eight million trie nodes. BPE knows two ways
// to split words, GPT-2's and Qwen2's.
package tokenizer

// Token is the index of a row of a vocabulary.
type Token int32

// EndOfText separates documents in the training of most models. A model that emits it has finished.
const EndOfText Token = 0

// The limits of a vocabulary.
const (
	MaxTokenBytes = 1024
	MaxRows       = 1 << 20 // tokens; the largest vocabularies have 260,000
)

// Tokenizer turns text into tokens and back. It never changes, so goroutines may share it.
type Tokenizer interface {
	// Name returns the name of the tokenizer, in a few words.
	Name() string
	// Encode cuts text into tokens. It fails if a part of the text fits no token.
	Encode(text []byte) ([]Token, error)
	// Bytes returns the bytes of a token within a text, and whether the vocabulary has the token. Tokens such as EndOfText have no
	// bytes. The slice belongs to the caller. The bytes of a character may come from several tokens: see Stream.
	Bytes(t Token) ([]byte, bool)
	// Decode returns the bytes of a whole text. It skips ids that are not tokens.
	Decode(tokens []Token) []byte
	// Len returns the number of rows that may be sampled: the highest valid id plus one. A model may have more rows,
	// because its matrices were padded for training. Ignore the logits of these rows.
	Len() int
	// Marks returns the tokens between texts.
	Marks() Marks
	// Keys returns the tokenizer as metadata of a GGUF file, for a model with the given number of rows, at least Len.
	Keys(rows int) []Key
}

// Marks are the tokens between texts.
type Marks struct {
	// Begin is the token before a text, or -1 if there is none.
	Begin Token
	// End are the tokens that end a text when a model generates one of them.
	End []Token
}

// endOfTextMarks are those of most models.
var endOfTextMarks = Marks{Begin: EndOfText, End: []Token{EndOfText}}

// Key is one key of a GGUF file's metadata.
type Key struct {
	Name  string
	Value any
}

// The tokenizers, all of them.
var _ = []Tokenizer{(*Vocab)(nil), (*BPE)(nil), (*Words)(nil)}
