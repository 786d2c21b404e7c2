package main

import (
	"bytes"
	"slices"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

// packWorld writes the tokens in the order of their bytes, each as its difference from the previous one.
func packWorld(file []byte) ([]byte, error) {
	v, err := tokenizer.ParseVocab(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	var tokens [][]byte
	for t := tokenizer.Token(1); int(t) < v.Len(); t++ {
		text, _ := v.Bytes(t)
		tokens = append(tokens, text)
	}
	slices.SortFunc(tokens, bytes.Compare)
	var folded, last []byte
	for _, text := range tokens {
		shared := 0
		for shared < min(len(last), len(text)) && last[shared] == text[shared] {
			shared++
		}
		folded = append(appendHead(folded, shared, len(text)-shared), text[shared:]...)
		last = text
	}
	return deflate(folded)
}

// appendHead writes two small numbers into one byte. A number of 15 or more is 15 there, and follows in a byte of its own.
func appendHead(folded []byte, shared, own int) []byte {
	folded = append(folded, byte(min(shared, 15)<<4|min(own, 15)))
	for _, n := range []int{shared, own} {
		if n >= 15 {
			folded = append(folded, byte(n))
		}
	}
	return folded
}
