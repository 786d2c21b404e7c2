package models_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/models"
)

// TestADiskThatBecomesFull needs a small disk, such as one of mount -t tmpfs -o size=8m tmpfs DIR.
func TestADiskThatBecomesFull(t *testing.T) {
	small := os.Getenv("GOSLING_SMALL_DISK")
	if small == "" {
		t.Skip("no small disk: mount one, and name it in GOSLING_SMALL_DISK")
	}
	for _, full := range []string{"downloading", "converting"} {
		t.Run("while it is "+full, func(t *testing.T) {
			w := newWorld(t)
			w.Add(g1, map[string][]byte{"rwkv7-g1-0.1b-20250307-ctx4096.pth": checkpoint(t, 1)})
			w.Add("me/goose", map[string][]byte{"goose.pth": checkpoint(t, 1)})
			if full == "downloading" {
				w.cache = filepath.Join(small, "cache")
			} else {
				w.o.Store.Dir = filepath.Join(small, "store")
			}
			p, err := models.Prepare(t.Context(), "hf.co/me/goose", w.o)
			require.NoError(t, err)
			filler := filepath.Join(small, "filler")
			defer os.Remove(filler)
			_, err = p.Run(context.Background(), models.Events{Progress: func(step string, done, total int64) {
				if _, err := os.Stat(filler); err != nil && (full == "downloading" && done > 0 || done == total) {
					_ = os.WriteFile(filler, make([]byte, 64<<20), 0o600) // as much as there is room for
				}
			}})
			require.ErrorContains(t, err, "no space left on the disk")
			assert.NotContains(t, err.Error(), "\n")
			left := files(w.cache, w.o.Store.Dir)
			assert.Empty(t, left, strings.Join(left, " "))
		})
	}
}
