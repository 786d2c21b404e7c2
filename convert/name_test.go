package convert

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNamesOfReleases(t *testing.T) {
	for path, want := range map[string]name{
		"/a/RWKV-x070-World-1.5B-v3-20250127-ctx4096.pth": {Base: "RWKV-x070", Dataset: "World", Size: "1.5B", Version: "v3", Date: "2025-01-27", Context: 4096},
		"rwkv7-g1a-0.4b-20250905-ctx4096.pth":             {Base: "rwkv7", Dataset: "g1a", Size: "0.4B", Date: "2025-09-05", Context: 4096},
		"RWKV-x070-Pile-168M-20241120-ctx4096.pth":        {Base: "RWKV-x070", Dataset: "Pile", Size: "168M", Date: "2024-11-20", Context: 4096},
		"RWKV-4-Pile-430M-20220808-8066.pth":              {Base: "RWKV-4", Dataset: "Pile", Size: "430M", Date: "2022-08-08", Finetune: "8066"},
		"rwkv7-g1c-13.3b-20251231-ctx8k.pth":              {Base: "rwkv7", Dataset: "g1c", Size: "13.3B", Date: "2025-12-31", Context: 8192},
		"RWKV-x070-World-2.9B-v3-20250211-ctx4096-mytune": {Base: "RWKV-x070", Dataset: "World", Size: "2.9B", Version: "v3", Date: "2025-02-11", Context: 4096, Finetune: "mytune"},
		"RWKV-5-World-1B5-v2-20231025-ctx4096.pth":        {Base: "RWKV-5", Dataset: "World", Size: "1.5B", Version: "v2", Date: "2023-10-25", Context: 4096},
		"RWKV-x060-World-1B6-v2.1-20240328-ctx4096.pth":   {Base: "RWKV-x060", Dataset: "World", Size: "1.6B", Version: "v2.1", Date: "2024-03-28", Context: 4096},
		"RWKV-4-World-0B4-v1-20230529-ctx4096.pth":        {Base: "RWKV-4", Dataset: "World", Size: "0.4B", Version: "v1", Date: "2023-05-29", Context: 4096},
		"rwkv-4-raven-1b5-v12":                            {Base: "rwkv-4", Dataset: "raven", Size: "1.5B", Version: "v12"},
		"RWKV-5-World-7B-v2-20240128-ctx4096.pth":         {Base: "RWKV-5", Dataset: "World", Size: "7B", Version: "v2", Date: "2024-01-28", Context: 4096},
		"RWKV-5-World-1.5B5-ctx4096.pth":                  {Base: "RWKV-5", Dataset: "World-1.5B5", Context: 4096},
		"RWKV-5-3B-00002-of-00003.safetensors":            {Base: "RWKV-5", Size: "3B"},
		"my-model.pth":                                    {},
		"rwkv-10.pth":                                     {Base: "rwkv", Dataset: "10"},
	} {
		got := parseName(path)
		got.Full = ""
		assert.Equal(t, want, got, path)
	}
}

func TestNamesThatAreNotUTF8(t *testing.T) {
	assert.Equal(t, "\uFFFD-model", parseName("\xc4\xe3-model.pth").Full)
}
