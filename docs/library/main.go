// Library contains the programs of docs/library.md. It is a separate module, as a user's program would be. It runs all of them on
// the demo model.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/convert"
	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/quant"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/sched"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// options say where ggml's libraries are.
var options = lm.Options{Libraries: os.Getenv("GOSLING_GGML")}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	dir := must(os.MkdirTemp("", "library-"))
	defer os.RemoveAll(dir)
	talk()
	stream()
	sideBySide()
	keep(filepath.Join(dir, "goose.state"))
	embed()
	if len(os.Args) > 1 { // a checkpoint
		small := quantize(convertModel(os.Args[1], dir))
		fmt.Println(filepath.Base(small))
		compareModels(filepath.Join(dir, "model-F16.gguf"), small)
	}
}

func talk() {
	ctx := context.Background()
	model := must(lm.Open(ctx, must(demo.Model()), options))
	defer model.Close()
	talk := must(model.NewConversation(ctx, lm.ConversationOptions{}))
	defer talk.Close()
	show := func(part chat.Part) error { fmt.Print(part.Text); return nil }
	must(talk.Say(ctx, "What is 17 + 25?", show))
	fork := must(talk.Fork())
	defer fork.Close()
	must(talk.Say(ctx, "Spell the word swan.", show))
	must(fork.Say(ctx, "Sort the words: pear apple fig", show))
	fmt.Println()
}

func stream() {
	ctx := context.Background()
	model := must(lm.Open(ctx, must(demo.Model()), options))
	defer model.Close()
	for piece, err := range model.Generate(ctx, "ROMEO:\n", lm.GenerateOptions{Limit: 100}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece.Text)
	}
	fmt.Println()
}

func sideBySide() {
	ctx := context.Background()
	model := must(lm.Open(ctx, must(demo.Model()), options))
	defer model.Close()
	vocab := must(model.Tokenizer())
	slots := must(sched.NewSlots(model.Model, 4))
	defer slots.Close()
	engine := sched.New(slots, sched.Options{})
	defer engine.Close()
	var texts []*sched.Stream
	for i, name := range []string{"ROMEO:", "JULIET:", "FRIAR:"} {
		own := must(sampler.New(sampler.Options{Temperature: 1, TopP: 0.8, Seed: uint64(i)}))
		texts = append(texts, must(engine.Submit(ctx, sched.Request{
			Prompt:   must(vocab.Encode([]byte(name))),
			Generate: generate.Options{Vocab: vocab, Sampler: own, Limit: 20},
		})))
	}
	for _, text := range texts {
		for event, ok := text.Next(); ok; event, ok = text.Next() {
			fmt.Print(event.Text)
			if event.End != nil && event.End.Err != nil {
				log.Fatal(event.End.Err)
			}
		}
		fmt.Println()
	}
}

func keep(path string) {
	ctx := context.Background()
	model := must(lm.Open(ctx, must(demo.Model()), options))
	defer model.Close()
	talk := must(model.NewConversation(ctx, lm.ConversationOptions{Limit: 100}))
	defer talk.Close()
	must(talk.Say(ctx, "What is 17 + 25?", func(chat.Part) error { return nil }))
	if err := talk.Save(path); err != nil {
		log.Fatal(err)
	}
	later := must(model.NewConversation(ctx, lm.ConversationOptions{}))
	defer later.Close()
	if err := later.Load(ctx, path); err != nil {
		log.Fatal(err)
	}
	fmt.Println(later.Tokens() == talk.Tokens())
}

func embed() {
	ctx := context.Background()
	model := must(lm.Open(ctx, must(demo.Model()), options))
	defer model.Close()
	texts := [][]tokenizer.Token{must(model.Encode("The goose flies south.")), must(model.Encode("Swans swim."))}
	err := model.Embed(ctx, texts, lm.Mean, func(text int, embedding []float32) error {
		fmt.Println(text, len(embedding))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}

func convertModel(checkpoint, dir string) string {
	mix := must(quant.ParseMix("F16"))
	out := filepath.Join(dir, "model-F16.gguf")
	result := must(convert.Run(context.Background(), checkpoint, out, convert.Options{Mix: mix}))
	for _, notice := range result.Notices {
		fmt.Println(notice)
	}
	return out
}

func quantize(model string) string {
	mix := must(quant.ParseMix("Q4_K_M"))
	out := filepath.Join(filepath.Dir(model), "model-Q4_K_M.gguf")
	how := quant.Retyping{Mix: mix}
	must(quant.Quantize(context.Background(), model, out, how, quant.Options{Quantizer: options.Quantizer}))
	return out
}

func compareModels(base, candidate string) {
	result := must(compare.Run(context.Background(), compare.Options{
		Setup: compare.Setup{
			Options: options, Base: compare.Model{Path: base}, Texts: []compare.Text{{Path: must(demo.Text())}}, Chunks: 2,
		},
		Candidates: []compare.Candidate{{Model: compare.Model{Path: candidate}}},
		NoSpeed:    true,
	}))
	fmt.Printf("mean KL divergence %.4f\n", result.Candidates[0].Divergence[0].KLD.Value)
	if err := result.Remove(); err != nil { // the notes on the disk
		log.Fatal(err)
	}
}
