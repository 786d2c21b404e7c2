package rwkvtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/engine"
)

// placement puts some of the layers on the device and the others on the CPU.
func (b bench) placement(t *testing.T) {
	if b.device.IsHost() {
		t.Skip("the CPU takes all layers")
	}
	path := Random(t, b.sized(small), "F32")
	tokens := text(2, 40, small.Vocab)
	want := Logits(t, NewSession(t, Load(t, b.lib, path, engine.Options{Device: "cpu", Threads: 1})), tokens, 0)
	for _, layers := range []int{0, 1, 2, small.Layers, small.Layers + 1, -1} {
		t.Run(fmt.Sprint(layers, " layers"), func(t *testing.T) {
			m := b.loadAs(t, path, engine.Options{GPULayers: &layers})
			require.Equal(t, layers != 0, m.Devices()[0].Name == b.device.Name)
			for _, chunk := range []int{0, 1} {
				Near(t, want, Logits(t, b.session(t, m), tokens, chunk), rounding.on(b.device), "logits")
			}
		})
	}
}
