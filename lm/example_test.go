package lm_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/lm"
)

// A conversation streams its answers. A fork continues from the same state.
func Example() {
	ctx := context.Background()
	path, err := demo.Model() // or the path of any model
	if err != nil {
		log.Fatal(err)
	}
	model, err := lm.Open(ctx, path, lm.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	talk, err := model.NewConversation(ctx, lm.ConversationOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer talk.Close()
	show := func(part chat.Part) error { fmt.Print(part.Text); return nil }
	if _, err := talk.Say(ctx, "What is 17 + 25?", show); err != nil {
		log.Fatal(err)
	}
	fork, err := talk.Fork()
	if err != nil {
		log.Fatal(err)
	}
	defer fork.Close()
	if _, err := fork.Say(ctx, "Spell the word swan.", show); err != nil {
		log.Fatal(err)
	}
}

// A checkpoint must be converted before it runs.
func ExampleCheckpointError() {
	_, err := lm.OpenFile("../testdata/demo.pth")
	var checkpoint *lm.CheckpointError
	if errors.As(err, &checkpoint) {
		fmt.Println("convert it first:", checkpoint.Path)
	}
	// Output: convert it first: ../testdata/demo.pth
}
