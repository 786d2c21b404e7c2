package hub_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/fakehub"
)

func Example() {
	server := fakehub.New() // in a program: https://huggingface.co, as HuggingFaceSite says
	defer server.Close()
	server.Add("BlinkDL/goose", map[string][]byte{"goose.gguf": make([]byte, 5000)})
	cache, err := os.MkdirTemp("", "goose")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(cache)

	client, err := hub.New(hub.Site{Endpoint: server.URL, Named: true, Cache: cache}, hub.Options{})
	if err != nil {
		log.Fatal(err)
	}
	list, err := client.List(context.Background(), hub.Repo{Owner: "BlinkDL", Name: "goose"})
	if err != nil {
		log.Fatal(err)
	}
	blob, err := client.Fetch(context.Background(), list.Repo, list.Files[0], hub.Events{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(blob.File.Path, blob.Size)
	// Output: goose.gguf 5000
}
