package tokenizer

// MakeWorld makes the World vocabulary anew and returns it with the number of its trie cells.
func MakeWorld() (*Vocab, int, error) {
	v, err := unpack(worldTokens, worldCount, worldBytes)
	if err != nil {
		return nil, 0, err
	}
	return v, len(v.trie.cells), nil
}

// Unpack makes a vocabulary of packed tokens.
var Unpack = unpack
