package server

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/keys"
	"github.com/gosling-rwkv/gosling/service"
)

func TestThePageSaysWhatHolds(t *testing.T) {
	data, err := os.ReadFile("../docs/serving.md")
	require.NoError(t, err)
	page, o := string(data), Options{}.withDefaults()
	for _, row := range []string{
		fmt.Sprintf("| a JSON body | %d MiB ", o.MaxBody>>20),
		fmt.Sprintf("| bodies that arrive at the same time | %d MiB ", bodies>>20),
		fmt.Sprintf("| a header | %d KiB |", maxHeader>>10),
		fmt.Sprintf("| open connections | %d ", o.MaxConns),
		fmt.Sprintf("| requests at the same time on one connection of HTTP/2 | %d |", maxStreams),
		fmt.Sprintf("| time for a header | %.0f s |", usual.header.Seconds()),
		fmt.Sprintf("| time for a body | %.0f s; an upload may take a second more for every %d KiB |", usual.body.Seconds(), slowest>>10),
		fmt.Sprintf("| time between requests on a connection | %.0f s |", usual.idle.Seconds()),
		fmt.Sprintf("| time in which a client reads %d KiB, or an event of a stream | %.0f s |", chunk>>10, usual.write.Seconds()),
		fmt.Sprintf("after %.0f seconds of silence", o.Ping.Seconds()),
	} {
		assert.Contains(t, page, row)
	}
	for p := range strings.SplitSeq(keys.All.String(), ",") {
		assert.Contains(t, page, "| `"+p+"` |")
	}
	s, err := New(Options{Model: newModel(t, service.Options{Cache: 1 << 20})})
	require.NoError(t, err)
	recorded(s, "GET", "/health")
	families, err := s.metrics.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if name := family.GetName(); strings.HasPrefix(name, "gosling_cache_") {
			assert.Contains(t, page, "`_"+strings.TrimPrefix(name, "gosling_cache_")+"`", "a metric")
		} else if strings.HasPrefix(name, "gosling_") {
			assert.Contains(t, page, "`"+name, "a metric")
		}
	}
}
