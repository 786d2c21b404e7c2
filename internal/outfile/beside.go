package outfile

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The files that are read from a folder, and the files that are read beside another file. They are patterns of path.Match, in
// lower case.
var (
	inFolderFiles = []string{"*.safetensors", "*.st", "*.json", "*.txt", "*.csv", "*.pth", "*.pt", "*.bin"}
	besideFiles   = []string{"config.json", "adapter_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "rwkv_vocab_*.txt"}
	partFiles     = []string{"*.safetensors", "*.index.json"}
)

// partOfGGUF matches the end of the name of one part of a GGUF model.
var partOfGGUF = regexp.MustCompile(`-\d{5}-of-\d{5}\.gguf$`)

// ReadWith returns the files that may be read together with a named one: the files in a folder, the parts of a model, and the
// files that describe it.
func ReadWith(name string) []string {
	folder, patterns := filepath.Dir(name), besideFiles
	base := strings.ToLower(filepath.Base(name))
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		folder, patterns = name, inFolderFiles
	} else if strings.HasSuffix(base, ".safetensors") || strings.HasSuffix(base, ".json") {
		patterns = slices.Concat(besideFiles, partFiles)
	} else if end := partOfGGUF.FindStringIndex(base); end != nil {
		patterns = append(slices.Clip(besideFiles), base[:end[0]]+"-*-of-*.gguf")
	}
	entries, _ := os.ReadDir(folder)
	var files []string
	for _, e := range entries {
		matches := func(pattern string) bool {
			ok, _ := path.Match(pattern, strings.ToLower(e.Name()))
			return ok
		}
		if slices.ContainsFunc(patterns, matches) {
			files = append(files, filepath.Join(folder, e.Name()))
		}
	}
	return files
}
