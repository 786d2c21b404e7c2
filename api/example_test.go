package api_test

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/api"
)

// A dialect reads the fields that it knows, and then finishes.
func Example() {
	o, err := api.Parse([]byte(`{"prompt": ["Honk", "Goose"], "temperature": 0.5, "reasoning_format": "none"}`))
	if err != nil {
		panic(err)
	}
	options, prompts := o.Options(), o.Prompts("prompt", api.MaxPrompts)
	ignored, err := o.Finish()
	fmt.Println(*options.Sampling.Temperature, prompts[1].Text, ignored, err)

	o, _ = api.Parse([]byte(`{"prompt": "Honk", "temperature": "hot"}`))
	o.Options()
	_, err = o.Finish()
	fmt.Println(err)
	// Output:
	// 0.5 Goose [reasoning_format] <nil>
	// temperature: want a number, not a string
}
