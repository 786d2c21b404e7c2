// Package demo holds the built-in model: a small RWKV-7 that needs no download. docs/demo-model.md says what it was trained on
// and what it can do. scripts/train makes it.
//
// It is used through files, like other models. Each file is written to the user's cache when it is first needed.
package demo

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/internal/private"
)

// Name selects the built-in model wherever a model's file is expected. A file with the same name needs a path such as ./demo.
const Name = "demo"

// About introduces the model to someone who is about to talk with it.
const About = `The model inside gosling: 3.6 million weights, Shakespeare's tone, small tasks.
Try "Sort the words: pear apple fig", "What is 17 + 25?", "Capitals: red wine",
"Spell the word swan." or "Complete the line: O Romeo, Romeo! wherefore".`

// Prompt is the default prompt.
const Prompt = "ROMEO:\n"

//go:embed demo.gguf
var model []byte

//go:embed testdata/verse.txt
var verse []byte

//go:embed testdata/tasks.jsonl
var tasks []byte

// Model returns the path of the model.
func Model() (string, error) { return cached("demo.gguf", model) }

// Text returns the path of a text that the model was not trained on: the end of its training text.
func Text() (string, error) { return cached("verse.txt", verse) }

// Tasks returns questions of the kind that the model was trained on, but that it has not seen. Each is a line of JSON with task,
// question and answer.
func Tasks() []byte { return tasks }

// cached writes data to a folder of its own in the user's cache, or in the folder for temporary files, unless it is already
// there. It returns the path.
func cached(name string, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	id := "demo-" + hex.EncodeToString(sum[:6])
	var problems []error
	for _, place := range places() {
		if filepath.Dir(place) == filepath.Clean(os.TempDir()) {
			if err := private.Folder(place); err != nil {
				problems = append(problems, err)
				continue
			}
		}
		path := filepath.Join(place, id, name)
		if old, err := (infile.Limit{Bytes: int64(len(data)), What: "it"}).File(path); err == nil && bytes.Equal(old, data) {
			return path, nil
		}
		err := put(path, data)
		if err == nil {
			return path, nil
		}
		problems = append(problems, err)
	}
	return "", fmt.Errorf("no folder can hold the %d bytes of the built-in model: %w", len(data), errors.Join(problems...))
}

// places returns the folders that may hold the files, best first.
func places() []string {
	own := fmt.Sprintf("gosling-%d", os.Getuid())
	if cache, err := os.UserCacheDir(); err == nil {
		return []string{filepath.Join(cache, "gosling"), filepath.Join(os.TempDir(), own)}
	}
	return []string{filepath.Join(os.TempDir(), own)}
}

// put writes a file whole or not at all, so that two programs may do it at the same time.
func put(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := atomicfile.Create(path, atomicfile.Options{Force: true})
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Commit()
}
