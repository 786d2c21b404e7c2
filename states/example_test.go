package states_test

import (
	"fmt"
	"time"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/states"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// A request asks the tree what is known of its prompt, reads the rest in pieces, and keeps the states between them.
func Example() {
	tree := states.NewTree(1 << 30)
	space := states.NewSecret().Namespace(states.Owner{Tenant: "ann"})
	world := tokenizer.World()
	system := "System: You are a friend of all waterbirds and know where they live.\n\n"

	for _, question := range []string{"Where do geese live?", "And swans? They are larger."} {
		tokens, _ := world.Encode([]byte(system + "User: " + question + "\n\nAssistant:"))
		prompt := states.NewPrompt(world, tokens)
		hit := tree.Lookup(space, prompt, states.Need{Exact: true, Logits: true})
		fmt.Printf("%d of %d tokens are known\n", hit.Next, len(tokens))

		for _, at := range prompt.Plan(states.Marks{System: len(system)}, hit.Next, hit.Junction) {
			// Here a session reads the tokens up to at.
			state := states.NewState(engine.Snapshot{Tokens: int64(at)})
			c := states.Checkpoint{State: state, Cut: true, Before: hit.Before, Cost: hit.Cost + time.Second}
			if err := tree.Put(space, prompt, at, c); err != nil {
				fmt.Println(err)
			}
			state.Release()
		}
		hit.Release()
	}
	// Output:
	// 0 of 29 tokens are known
	// 17 of 31 tokens are known
}
