package engine_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// A session reads a prompt and goes on token by token. A snapshot takes it back.
func Example() {
	ctx := context.Background()
	lib, err := ggml.Open(ggml.Options{Folder: os.Getenv("GOSLING_GGML")})
	if err != nil {
		log.Fatal(err)
	}
	path, err := demo.Model() // or the path of any model
	if err != nil {
		log.Fatal(err)
	}
	model, err := engine.Load(lib, path, engine.Options{Device: "cpu"})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	words, err := tokenizer.FromGGUF(model.File())
	if err != nil {
		log.Fatal(err)
	}
	session, err := model.NewSession(engine.SessionOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	prompt, err := words.Encode([]byte("ROMEO:\n"))
	if err != nil {
		log.Fatal(err)
	}
	logits, err := session.Prefill(ctx, prompt)
	if err != nil {
		log.Fatal(err)
	}
	snapshot, err := session.Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		likeliest := 0
		for token, logit := range logits {
			if logit > logits[likeliest] {
				likeliest = token
			}
		}
		if logits, err = session.Decode(ctx, tokenizer.Token(likeliest)); err != nil {
			log.Fatal(err)
		}
	}
	after := session.Tokens()
	if err := session.Restore(snapshot); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("took back %d tokens\n", after-session.Tokens())
}
