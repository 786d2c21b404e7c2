package quant

import (
	"path/filepath"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
)

// FileName puts a mix's name into the name of a model file: "m-F16.gguf" becomes "m-Q4_K_M.gguf". It replaces the name of another
// mix at the end, and leaves out the number of a part.
func FileName(in, mix string) string {
	in = gguf.TrimPart(in)
	base := strings.TrimSuffix(in, filepath.Ext(in))
	if dash := strings.LastIndexAny(base, "-."); dash > len(base)-len(filepath.Base(base)) {
		if _, err := ParseMix(base[dash+1:]); err == nil {
			return base[:dash+1] + mix + ".gguf"
		}
	}
	return base + "-" + mix + ".gguf"
}
