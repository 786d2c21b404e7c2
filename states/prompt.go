package states

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sort"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// Prompt is a text in the form that the tree compares: the bytes of its tokens, and where each token ends. If the text begins with tokens
// that have no bytes, such as tokenizer.EndOfText, these tokens select a separate tree. If a later token has no bytes, or if there is no
// tokenizer, the tree compares token ids instead of bytes. A Prompt never changes, so goroutines may share it.
type Prompt struct {
	tokens []tokenizer.Token
	ends   []int  // ends[i] is the number of the text's bytes in the first i tokens
	ids    []byte // of the tokens, four bytes for each
	lead   string // what chooses the tree
	path   []byte // what the tree compares
	byID   bool   // path is ids
}

// idBytes is the length of a token's id.
const idBytes = 4

// NewPrompt returns the prompt that consists of tokens: those of the whole text. It keeps the slice. t may be nil.
func NewPrompt(t tokenizer.Tokenizer, tokens []tokenizer.Token) *Prompt {
	p := &Prompt{tokens: tokens, ends: make([]int, 1, len(tokens)+1), ids: make([]byte, 0, idBytes*len(tokens)), byID: t == nil}
	lead := 0 // tokens in front without bytes
	for i, token := range tokens {
		p.ids = binary.LittleEndian.AppendUint32(p.ids, uint32(token))
		if t != nil {
			piece, _ := t.Bytes(token)
			p.path = append(p.path, piece...)
			if len(piece) == 0 && lead == i {
				lead++
			} else if len(piece) == 0 {
				p.byID = true
			}
		}
		p.ends = append(p.ends, len(p.path))
	}
	if p.byID {
		p.path, p.lead = p.ids, "ids"
	} else {
		p.lead = "text" + string(p.ids[:idBytes*lead])
	}
	return p
}

// Tokens returns the tokens, to be read only.
func (p *Prompt) Tokens() []tokenizer.Token { return p.tokens }

// depth returns the length of the path after the first at tokens.
func (p *Prompt) depth(at int) int {
	if p.byID {
		return idBytes * at
	}
	return p.ends[at]
}

// before returns how many tokens, from the first on, lie entirely within the first depth bytes of the path.
func (p *Prompt) before(depth int) int {
	if p.byID {
		return min(depth/idBytes, len(p.tokens))
	}
	return p.beforeByte(depth)
}

// beforeByte returns how many tokens, from the first on, lie entirely within the first n bytes of the text.
func (p *Prompt) beforeByte(n int) int {
	return sort.Search(len(p.tokens), func(i int) bool { return p.ends[i+1] > n })
}

// running computes the hash of a prompt's first tokens, for growing numbers of them.
type running struct {
	prompt *Prompt
	hash   hash.Hash
	done   int // tokens
}

// upTo returns the SHA-256 of the ids of the first at tokens. at must not be less than in the call before.
func (r *running) upTo(at int) (sum [sha256.Size]byte) {
	if r.hash == nil {
		r.hash = sha256.New()
	}
	r.hash.Write(r.prompt.ids[idBytes*r.done : idBytes*at])
	r.done = at
	r.hash.Sum(sum[:0])
	return sum
}
