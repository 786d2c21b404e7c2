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
		"my-model.pth": {},
		"rwkv-10.pth":  {Base: "rwkv", Dataset: "10"},
	} {
		got := parseName(path)
		got.Full = ""
		assert.Equal(t, want, got, path)
	}
}
