package cli

import (
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/intext"
)

// How large inputs may be that are read as a whole. docs/limits.md lists them with those of other packages.
var (
	textLimit    = intext.Limit
	promptLimit  = infile.Limit{Bytes: 64 << 20, What: "a prompt"}
	tokensLimit  = infile.Limit{Bytes: 64 << 20, What: "a list of tokens"}
	toolsLimit   = infile.Limit{Bytes: 4 << 20, What: "a list of tools"}
	messageLimit = infile.Limit{Bytes: 16 << 20, What: "a message"} // a line of a chat that is no terminal
)

// maxLines is how many texts embed takes.
const maxLines = 1 << 22
