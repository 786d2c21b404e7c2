package models

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/hub"
)

// listing returns a list of files.
func listing(names ...string) hub.Listing {
	l := hub.Listing{Repo: hub.Repo{Owner: "BlinkDL", Name: "goose"}}
	for i, name := range names {
		l.Files = append(l.Files, hub.File{Path: name, Size: 1, SHA256: fmt.Sprintf("%064x", i)})
	}
	return l
}

func TestTheNewestFileOfAKindIsChosen(t *testing.T) {
	for name, tc := range map[string]struct {
		files []string
		want  string
	}{
		"rwkv7-g1-0.1b":    {[]string{"rwkv7-g1a-0.1b-20250728-ctx4096.pth", "rwkv7-g1-0.1b-20250307-ctx4096.pth", "rwkv7b-g1b-0.1b-20270101-ctx4096.pth"}, "rwkv7-g1a-0.1b-20250728-ctx4096.pth"},
		"rwkv7-g1a3-13.3b": {[]string{"rwkv7-g1a3-13.3b-20251101-ctx4096.pth", "rwkv7-g1k-13.3b-20260930-ctx25600.pth"}, "rwkv7-g1a3-13.3b-20251101-ctx4096.pth"},
		"rwkv4-raven-3b": {[]string{"RWKV-4-Raven-3B-v12-Eng98%-Other2%-20230520-ctx4096.pth", "RWKV-4-Raven-3B-v12-Eng49%-Chn49%-Jpn1%-Other1%-20230527-ctx4096.pth", "RWKV-4-Raven-7B-v12-Eng98%-Other2%-20230530-ctx4096.pth"},
			"RWKV-4-Raven-3B-v12-Eng49%-Chn49%-Jpn1%-Other1%-20230527-ctx4096.pth"},
		"rwkv4-pile-3b":    {[]string{"RWKV-4-Pile-3B-20221003-6783.pth", "RWKV-4-Pile-3B-20221110-ctx4096.pth", "RWKV-4-Pile-3B-Instruct-test1-20230124.pth"}, "RWKV-4-Pile-3B-20221110-ctx4096.pth"},
		"rwkv6-world-14b":  {[]string{"RWKV-x060-World-14B-v2.1-20240719-ctx4096.pth", "RWKV-x060-World-1B6-v2.1-20240328-ctx4096.pth"}, "RWKV-x060-World-14B-v2.1-20240719-ctx4096.pth"},
		"rwkv5-world-1.5b": {[]string{"RWKV-5-World-1B5-v2-20231025-ctx4096.pth", "RWKV-5-World-0.4B-v2-20231113-ctx4096.pth"}, "RWKV-5-World-1B5-v2-20231025-ctx4096.pth"},
		"rwkv5-abc-82m":    {[]string{"RWKV-5-MIDI-120M-v1-20230728-ctx4096.pth", "RWKV-5-ABC-82M-v1-20230901-ctx1024.pth"}, "RWKV-5-ABC-82M-v1-20230901-ctx1024.pth"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := Parse(name)
			require.NoError(t, err)
			require.NotNil(t, n.place)
			c, err := n.place.choose(listing(tc.files...), "Q4_K_M")
			require.NoError(t, err)
			assert.Equal(t, tc.want, c.model.Path)
			assert.NoError(t, hub.CheckPath(c.model.Path))
		})
	}
}

func TestReleasedNamesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Released() {
		assert.False(t, seen[name], name)
		seen[name] = true
		n, err := Parse(name)
		require.NoError(t, err)
		assert.NotNil(t, n.place, name)
		assert.True(t, Is(name), name)
	}
	assert.Greater(t, len(seen), 30)
}

func TestTypesInNamesOfFiles(t *testing.T) {
	for name, want := range map[string]string{
		"goose-Q4_K_M.gguf": "Q4_K_M", "goose.q8_0.gguf": "Q8_0", "goose_F16.gguf": "F16", "goose-BF16-00001-of-00002.gguf": "BF16", "goose-Q4_K.gguf": "Q4_K_M",
		"goose-RQ4_M.gguf": "RQ4_M", "goose-IQ4_XS.gguf": "IQ4_XS", "goose.gguf": "", "gooseF16.gguf": "", "q8_0.gguf": "Q8_0", "goose-MXFP4.gguf": "",
	} {
		assert.Equal(t, want, typeIn(name), name)
	}
}
