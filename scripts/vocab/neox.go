package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// packNeoX writes the two tokens that each merge joins, as four planes of bytes. Each merge must make the token that follows the
// previous merge's.
func packNeoX(file []byte) ([]byte, error) {
	var f struct {
		Model struct {
			Vocab  map[string]int
			Merges []string
		}
	}
	if err := json.Unmarshal(file, &f); err != nil {
		return nil, err
	}
	n := len(f.Model.Merges)
	planes := make([]byte, 4*n)
	first := len(f.Model.Vocab) - n
	for i, merge := range f.Model.Merges {
		left, right, _ := strings.Cut(merge, " ")
		if f.Model.Vocab[left+right] != first+i {
			return nil, fmt.Errorf("merge %d makes token %d, want %d", i, f.Model.Vocab[left+right], first+i)
		}
		for side, token := range []string{left, right} {
			id := f.Model.Vocab[token]
			planes[2*side*n+i], planes[(2*side+1)*n+i] = byte(id), byte(id>>8)
		}
	}
	return deflate(planes)
}
