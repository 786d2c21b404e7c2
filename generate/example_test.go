package generate_test

import (
	"context"
	"fmt"

	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func ExampleText() {
	goose, _ := tokenizer.World().Encode([]byte(" A water bird.\n\nUser: And"))
	prompt, _ := tokenizer.World().Encode([]byte("User: What is a goose?\n\nAssistant:"))
	greedy, _ := sampler.New(sampler.Options{})
	session := &script{says: goose} // stands in for an engine.Session

	o := generate.Options{Vocab: tokenizer.World(), Sampler: greedy, Stop: []string{"\n\nUser:"}, Limit: 100}
	for piece, err := range generate.Text(context.Background(), session, prompt, o) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(piece.Text)
		if piece.Reason != "" {
			fmt.Printf(" (%s)\n", piece.Reason)
		}
	}
	// Output: A water bird. (stop string)
}
