package cli_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gitlab.com/gomidi/midi/v2"
	"gitlab.com/gomidi/midi/v2/smf"

	"github.com/gosling-rwkv/gosling/cli"
	"github.com/gosling-rwkv/gosling/internal/synth"
)

func TestTheSongOfAMIDIModelCanBePlayed(t *testing.T) {
	needGGML(t)
	for name, rows := range map[string]int{"the band": 20096, "the piano alone": 2176} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			at := func(file string) string { return filepath.Join(dir, file) }
			writeModel(t, at("m.pth"), synth.Config{Version: "4", Layers: 2, Embed: 64, Vocab: rows, Seed: 1})
			var out, errs bytes.Buffer
			run := func(args ...string) {
				require.Zero(t, cli.Run(append([]string{"gosling"}, args...), &bytes.Buffer{}, &out, &errs), errs.String())
			}
			run("convert", at("m.pth"), at("m.gguf"))
			run("run", at("m.gguf"), "--template", "midi", "--output", at("song.mid"), "-n", "60", "--seed", "1", "<start> p:3c:b")
			require.NotContains(t, errs.String(), "warning")

			song, err := smf.ReadFile(at("song.mid"))
			require.NoError(t, err)
			require.Len(t, song.Tracks, 1)
			begun, first := 0, uint8(255)
			for _, event := range song.Tracks[0] {
				var channel, key, velocity uint8
				if midi.Message(event.Message).GetNoteStart(&channel, &key, &velocity) {
					if begun++; begun == 1 {
						first = channel
						assert.EqualValues(t, 0x3c, key)
					}
				}
			}
			assert.Greater(t, begun, 20)
			assert.EqualValues(t, map[int]uint8{20096: 9, 2176: 0}[rows], first, "p is the percussion, or the piano where there is nothing else")
		})
	}
}
