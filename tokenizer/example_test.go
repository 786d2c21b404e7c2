package tokenizer_test

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/tokenizer"
)

func Example() {
	world := tokenizer.World()
	ids, err := world.Encode([]byte("Hello World"))
	fmt.Println(ids, err)

	var text tokenizer.Stream
	for _, id := range ids {
		piece, _ := world.Bytes(id)
		fmt.Printf("%q ", text.Push(piece))
	}
	fmt.Printf("%q\n", text.Flush())
	// Output:
	// [33155 37576] <nil>
	// "Hello" " World" ""
}
