package grammar_test

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

func Example() {
	g, err := grammar.FromSchema([]byte(`{"type": "object", "properties": {"color": {"enum": ["red", "green"]}}, "required": ["color"]}`))
	if err != nil {
		panic(err)
	}
	world := tokenizer.World()
	state, err := g.Over(grammar.NewVocabulary(world)).Start()
	if err != nil {
		panic(err)
	}
	for _, piece := range []string{`{"`, `color`, `":`, ` "`, `g`, `reen`, `"`, `}`} {
		token, _ := world.Encode([]byte(piece))
		mask, _ := state.Mask()
		state, err = state.Push(token[0])
		fmt.Printf("%-7q allowed: %t, then only %q\n", piece, mask.Has(token[0]) && err == nil, state.Forced())
	}
	fmt.Println("complete:", state.MayEnd())
	// Output:
	// "{\""   allowed: true, then only "color\":"
	// "color" allowed: true, then only "\":"
	// "\":"   allowed: true, then only ""
	// " \""   allowed: true, then only ""
	// "g"     allowed: true, then only "reen\""
	// "reen"  allowed: true, then only "\""
	// "\""    allowed: true, then only ""
	// "}"     allowed: true, then only ""
	// complete: true
}
