package convert

import (
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/quant"
)

// name is what a checkpoint's file name tells, by the rule of RWKV's releases: RWKV-x070-World-1.5B-v3-20250127-ctx4096 or
// rwkv7-g1a-0.4b-20250905-ctx4096. Parts may be missing.
type name struct {
	Full     string
	Base     string // "RWKV-x070"
	Dataset  string // "World"
	Size     string // "1.5B"
	Version  string // "v3"
	Date     string // "2025-01-27"
	Context  uint32 // 4096
	Finetune string // whatever else stands there
}

var (
	basePart    = regexp.MustCompile(`(?i)^(rwkv\d*[a-z]?|x\d{3}[a-z]?|\d)$`)
	sizePart    = regexp.MustCompile(`(?i)^(\d+)(?:\.(\d+))?([mb])(\d*)$`) // 1.5B, or 1B5 as older releases write it
	versionPart = regexp.MustCompile(`(?i)^v\d+(\.\d+)*[a-z]?$`)
	datePart    = regexp.MustCompile(`^20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$`)
	contextPart = regexp.MustCompile(`(?i)^ctx(\d{1,7})(k?)$`)
)

func parseName(path string) name {
	n := name{Full: gguf.Text(filepath.Base(stem(path)), math.MaxInt)}
	if n.Full == "model" || n.Full == "pytorch_model" { // Hugging Face's names for any model: the folder has its own
		if folder, err := filepath.Abs(filepath.Dir(path)); err == nil {
			n.Full = gguf.Text(filepath.Base(folder), math.MaxInt)
		}
	}
	var base, dataset, rest []string
	for _, part := range strings.Split(n.Full, "-") {
		switch {
		case len(dataset) == 0 && n.Size == "" && basePart.MatchString(part):
			base = append(base, part)
		case n.Size == "" && sizeOf(part) != "":
			n.Size = sizeOf(part)
		case n.Version == "" && versionPart.MatchString(part):
			n.Version = part
		case n.Date == "" && datePart.MatchString(part):
			n.Date = part[:4] + "-" + part[4:6] + "-" + part[6:]
		case n.Context == 0 && contextPart.MatchString(part):
			m := contextPart.FindStringSubmatch(part)
			length, _ := strconv.ParseUint(m[1], 10, 32)
			if m[2] != "" {
				length *= 1024
			}
			n.Context = uint32(length)
		case n.Size == "":
			dataset = append(dataset, part)
		default:
			rest = append(rest, part)
		}
	}
	if len(base) == 0 { // no name of the rule: all we know is the name
		return name{Full: n.Full}
	}
	n.Base, n.Dataset, n.Finetune = strings.Join(base, "-"), strings.Join(dataset, "-"), strings.Join(rest, "-")
	return n
}

// sizeOf is the size that a part of a name tells, as "1.5B", or nothing.
func sizeOf(part string) string {
	m := sizePart.FindStringSubmatch(part)
	if m == nil || m[2] != "" && m[4] != "" {
		return ""
	}
	if tenths := m[2] + m[4]; tenths != "" {
		return m[1] + "." + tenths + strings.ToUpper(m[3])
	}
	return m[1] + strings.ToUpper(m[3])
}

// general is the metadata of any model, from the file's name and the mix.
func general(arch, path string, mix quant.Mix) []gguf.KV {
	n := parseName(path)
	var keys []gguf.KV
	add := func(key, value string) {
		if value != "" {
			keys = append(keys, gguf.KV{Key: "general." + key, Value: value})
		}
	}
	add("architecture", arch)
	add("type", "model")
	add("name", n.Full)
	add("basename", n.Base)
	add("finetune", n.Finetune)
	add("version", n.Version)
	add("size_label", n.Size)
	add("date", n.Date)
	if n.Dataset != "" {
		keys = append(keys, gguf.KV{Key: "general.dataset.count", Value: uint32(1)})
		add("dataset.0.name", n.Dataset)
	}
	if n.Context > 0 {
		keys = append(keys, gguf.KV{Key: "general.training_context_length", Value: n.Context})
	}
	keys = append(keys,
		gguf.KV{Key: "general.file_type", Value: mix.FileType},
		gguf.KV{Key: "general.quantization_version", Value: uint32(2)},
	)
	return append(keys, mix.OwnKeys()...)
}
