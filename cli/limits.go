package cli

import (
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/intext"
)

// The largest inputs that are read as a whole. docs/limits.md lists them with those of other packages.
var (
	textLimit    = intext.Limit
	promptLimit  = infile.Limit{Bytes: 64 << 20, What: "a prompt"}
	tokensLimit  = infile.Limit{Bytes: 64 << 20, What: "a list of tokens"}
	toolsLimit   = infile.Limit{Bytes: 4 << 20, What: "a list of tools"}
	grammarLimit = infile.Limit{Bytes: grammar.MaxSource, What: "a grammar"}
	messageLimit = infile.Limit{Bytes: 16 << 20, What: "a message"} // a line of a chat whose input is not a terminal
)

// maxLines is the maximum number of texts of embed.
const maxLines = 1 << 22
