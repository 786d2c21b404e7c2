package lm_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/sampler"
)

// A conversation streams its answers. A fork continues from the same state.
func Example() {
	ctx := context.Background()
	path, err := demo.Model() // or the path of any model
	if err != nil {
		log.Fatal(err)
	}
	model, err := lm.Open(ctx, path, lm.Options{Libraries: os.Getenv("GOSLING_GGML")})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	talk, err := model.NewConversation(ctx, lm.ConversationOptions{Sampling: &sampler.Options{}}) // always the likeliest token
	if err != nil {
		log.Fatal(err)
	}
	defer talk.Close()
	show := func(part chat.Part) error { fmt.Print(part.Text); return nil }
	if _, err := talk.Say(ctx, "What is 17 + 25?", show); err != nil {
		log.Fatal(err)
	}
	fmt.Println()
	fork, err := talk.Fork()
	if err != nil {
		log.Fatal(err)
	}
	defer fork.Close()
	if _, err := fork.Say(ctx, "Spell the word swan.", show); err != nil {
		log.Fatal(err)
	}
	fmt.Println()
}

// A checkpoint must be converted before it runs.
func ExampleCheckpointError() {
	_, err := lm.OpenFile("../testdata/demo.pth")
	var checkpoint *lm.CheckpointError
	if errors.As(err, &checkpoint) {
		fmt.Printf("convert it first: %s (%s)\n", checkpoint.Path, checkpoint.Format)
	}
	// Output: convert it first: ../testdata/demo.pth (PyTorch zip)
}

// Continue goes on in a session that has read a text. Afterwards the session can be saved, or go on with another text.
func ExampleModel_Continue() {
	ctx := context.Background()
	path, err := demo.Model() // or the path of any model
	if err != nil {
		log.Fatal(err)
	}
	model, err := lm.Open(ctx, path, lm.Options{Libraries: os.Getenv("GOSLING_GGML")})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	session, err := model.NewSession()
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	greedy := lm.GenerateOptions{Sampling: &sampler.Options{}, Stop: []string{"\n\n"}, Limit: 20}
	for _, text := range []string{"User: What is 17 + 25?\n\nAssistant:", "\n\nUser: Spell the word swan.\n\nAssistant:"} {
		for piece, err := range model.Continue(ctx, session, text, greedy) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Print(piece.Text)
		}
		fmt.Println()
	}
}

// Undo forgets a turn, as if it had not been said.
func ExampleConversation_Undo() {
	ctx := context.Background()
	path, err := demo.Model()
	if err != nil {
		log.Fatal(err)
	}
	model, err := lm.Open(ctx, path, lm.Options{Libraries: os.Getenv("GOSLING_GGML")})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	talk, err := model.NewConversation(ctx, lm.ConversationOptions{Sampling: &sampler.Options{}}) // always the likeliest token
	if err != nil {
		log.Fatal(err)
	}
	defer talk.Close()
	fmt.Println(errors.Is(talk.Undo(ctx), lm.ErrNoTurn))
	if _, err := talk.Say(ctx, "What is 17 + 25?", func(chat.Part) error { return nil }); err != nil {
		log.Fatal(err)
	}
	fmt.Println(talk.Undo(ctx))
}

// The errors of opening ggml tell whether a named folder or all usual places have no libraries.
func ExampleOptions_OpenLibrary() {
	_, err := lm.Options{Libraries: "../testdata"}.OpenLibrary()
	var folder *lm.FolderError
	switch {
	case errors.As(err, &folder):
		fmt.Println("no libraries in the folder")
	case errors.Is(err, lm.ErrNoLibrary):
		fmt.Println("no libraries in the usual places")
	case err != nil:
		log.Fatal(err)
	}
	// Output: no libraries in the folder
}
