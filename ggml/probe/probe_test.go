package probe_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/ggml/probe"
)

func TestEveryDeviceIsRight(t *testing.T) {
	lib := ggmltest.Library(t)
	for _, d := range lib.Devices() {
		if d.Type == ggml.Accelerator {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			ggmltest.NoLeaks(t)
			require.NoError(t, probe.Device(t.Context(), lib, d))
		})
	}
}
