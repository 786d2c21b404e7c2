package music_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gitlab.com/gomidi/midi/v2"
	"gitlab.com/gomidi/midi/v2/smf"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/music"
)

// write returns the file of a song, and how many of its words were rejected.
func write(t testing.TB, words string) (file []byte, refused int) {
	t.Helper()
	var song music.Song
	for word := range strings.FieldsSeq(words) {
		if song.Add(word) != nil {
			refused++
		}
	}
	var out bytes.Buffer
	n, err := song.WriteTo(&out)
	require.NoError(t, err)
	require.EqualValues(t, out.Len(), n)
	return out.Bytes(), refused
}

// played reads a file with the library. It records what sounds when, in ticks.
type played struct {
	at                  int64
	channel, key, force uint8
}

func read(t testing.TB, file []byte) (all []played, end int64) {
	t.Helper()
	song, err := smf.ReadFrom(bytes.NewReader(file))
	require.NoError(t, err)
	require.Len(t, song.Tracks, 1)
	for _, event := range song.Tracks[0] {
		end += int64(event.Delta)
		p := played{at: end}
		message := midi.Message(event.Message)
		if message.GetNoteOn(&p.channel, &p.key, &p.force) || message.GetNoteOff(&p.channel, &p.key, &p.force) {
			if message.Is(midi.NoteOffMsg) {
				p.force = 0
			}
			all = append(all, p)
		}
	}
	return all, end
}

func TestATune(t *testing.T) {
	file, refused := write(t, "<start> pi:3c:b p:24:5 t63 pi:3c:0 pi:40:1 t125 t1 pi:40:0 <end>")
	require.Zero(t, refused)
	notes, end := read(t, file)
	assert.Equal(t, []played{{0, 7, 0x3c, 127}, {0, 9, 0x24, 47}, {504, 7, 0x3c, 0}, {504, 7, 0x40, 8}, {1512, 7, 0x40, 0}, {4512, 9, 0x24, 0}}, notes)
	assert.EqualValues(t, 4512, end)
}

// The numbers, in milliseconds, are those of the models' own converter for these words.
func TestNotesThatAreNotEnded(t *testing.T) {
	second := " t125"
	for name, tc := range map[string]struct {
		words string
		want  []played
	}{
		"the first pause after five seconds ends a note": {"pi:3c:b" + strings.Repeat(second, 9) + " pi:3c:0",
			[]played{{0, 7, 0x3c, 127}, {6000, 7, 0x3c, 0}}},
		"each pause ends one, in the order in which they began": {"pi:40:b pi:3c:b s:3c:b" + strings.Repeat(second, 7) + " t1",
			[]played{{0, 7, 0x40, 127}, {0, 7, 0x3c, 127}, {0, 8, 0x3c, 127}, {6000, 7, 0x40, 0}, {7000, 7, 0x3c, 0}, {7008, 8, 0x3c, 0}}},
		"five seconds are not more than five seconds": {"pi:3c:b" + strings.Repeat(second, 5) + " pi:3c:0",
			[]played{{0, 7, 0x3c, 127}, {5000, 7, 0x3c, 0}}},
		"a note that begins again is held from then on": {"pi:3c:b" + strings.Repeat(second, 3) + " pi:3c:5" + strings.Repeat(second, 4) + " pi:3c:0",
			[]played{{0, 7, 0x3c, 127}, {3000, 7, 0x3c, 0}, {3000, 7, 0x3c, 47}, {7000, 7, 0x3c, 0}}},
		"the end lets three seconds ring": {"pi:3c:b t125 s:3c:b <end>",
			[]played{{0, 7, 0x3c, 127}, {1000, 8, 0x3c, 127}, {4000, 7, 0x3c, 0}, {4000, 8, 0x3c, 0}}},
		"the end of the words is the end": {"pi:3c:b t125 s:3c:b",
			[]played{{0, 7, 0x3c, 127}, {1000, 8, 0x3c, 127}, {4000, 7, 0x3c, 0}, {4000, 8, 0x3c, 0}}},
		"what begins behind the end begins three seconds later": {"pi:3c:b t125 pi:3c:0 <end> pi:3c:b pi:3c:0",
			[]played{{0, 7, 0x3c, 127}, {1000, 7, 0x3c, 0}, {4000, 7, 0x3c, 127}, {4000, 7, 0x3c, 0}}},
		"a pause at the end is left out": {"pi:3c:b t125 pi:3c:0 t125", []played{{0, 7, 0x3c, 127}, {1000, 7, 0x3c, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			file, refused := write(t, tc.words)
			require.Zero(t, refused)
			notes, end := read(t, file)
			assert.Equal(t, tc.want, notes)
			assert.Equal(t, tc.want[len(tc.want)-1].at, end)
		})
	}
}

func TestTheBytesOfANote(t *testing.T) {
	file, _ := write(t, "v:45:b t25 v:45:0")
	want := "MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xf4" + // one track, 500 ticks a quarter
		"MTrk\x00\x00\x00\x17" +
		"\x00\xff\x51\x03\x07\xa1\x20" + // half a second a quarter
		"\x00\xc5\x28" + // violin
		"\x00\x95\x45\x7f" +
		"\x81\x48\x85\x45\x00" + // after 200 ticks
		"\x00\xff\x2f\x00"
	assert.Equal(t, []byte(want), file)
}

func TestInstruments(t *testing.T) {
	for word, channel := range map[string]uint8{"p": 9, "d": 0, "t": 1, "m": 2, "b": 3, "g": 4, "v": 5, "tr": 6, "pi": 7, "s": 8,
		"f": 10, "l": 11, "pa": 12, "piano": 7} {
		file, refused := write(t, word+":3c:5 t1")
		require.Zero(t, refused, word)
		notes, _ := read(t, file)
		require.Len(t, notes, 2, word)
		assert.Equal(t, channel, notes[0].channel, word)
	}
}

// velocities plays a note at every loudness and returns the velocities.
func velocities(t *testing.T, song music.Song, bins string) (got []uint8) {
	for _, bin := range bins {
		require.NoError(t, song.Add("p:3c:"+string(bin)))
	}
	require.Error(t, song.Add("p:3c:"+strconv.FormatInt(int64(len(bins)+1), 16)))
	var file bytes.Buffer
	_, err := song.WriteTo(&file)
	require.NoError(t, err)
	notes, _ := read(t, file.Bytes())
	for _, n := range notes {
		if n.force > 0 {
			got = append(got, n.force)
		}
	}
	return got
}

func TestVelocitiesOfTheBins(t *testing.T) {
	assert.Equal(t, []uint8{8, 17, 27, 37, 47, 58, 70, 83, 97, 111, 127}, velocities(t, music.Song{}, "123456789ab"))
	assert.Equal(t, []uint8{5, 10, 16, 22, 29, 36, 43, 51, 59, 68, 78, 88, 100, 113, 127}, velocities(t, music.Song{Piano: true}, "123456789abcdef"))
}

func TestThePianoAlone(t *testing.T) {
	song := music.Song{Piano: true}
	require.NoError(t, song.Add("p:3c:f"))
	require.ErrorContains(t, song.Add("d:3c:f"), "instrument")
	var file bytes.Buffer
	_, err := song.WriteTo(&file)
	require.NoError(t, err)
	notes, _ := read(t, file.Bytes())
	assert.Equal(t, []played{{0, 0, 0x3c, 127}, {3000, 0, 0x3c, 0}}, notes)
}

func TestWordsThatAreNone(t *testing.T) {
	for word, reason := range map[string]string{
		"hello":   "not a word of the MIDI vocabulary",
		"t0":      "not a word",
		"t126":    "not a word",
		"t-1":     "not a word",
		"p:3c":    "not a word",
		"p:3c:b:": "not a word",
		":3c:b":   "instrument",
		"x:3c:b":  "instrument",
		"p:80:b":  "note",
		"p:-1:b":  "note",
		"p:3c:c":  "loudness",
		"p:3c:":   "loudness",
	} {
		var song music.Song
		assert.ErrorContains(t, song.Add(word), reason, word)
		assert.Zero(t, song.Notes(), word)
	}
}

func TestALongSilenceFitsTheFormat(t *testing.T) {
	var song music.Song
	for range 300_000 {
		require.NoError(t, song.Add("t125"))
	}
	require.NoError(t, song.Add("p:3c:b"))
	var out bytes.Buffer
	_, err := song.WriteTo(&out)
	require.NoError(t, err)
	notes, _ := read(t, out.Bytes())
	assert.EqualValues(t, 1<<28-1, notes[0].at)
}

func FuzzEveryFileIsValidAndEndsItsNotes(f *testing.F) {
	f.Add("<start> p:3c:b t25 p:3c:0 <end>")
	f.Add("p:3c:b p:3c:b pe:0:1 t125 t126 x :: t p:: \x00")
	f.Add("")
	f.Fuzz(func(t *testing.T, words string) {
		defer fuzzing.Guard(t, len(words), 1<<10)()
		file, _ := write(t, words)
		require.EqualValues(t, len(file)-22, binary.BigEndian.Uint32(file[18:]), "the track is as long as it says")
		notes, _ := read(t, file)
		sounds := map[[2]uint8]bool{}
		for _, n := range notes {
			key := [2]uint8{n.channel, n.key}
			require.NotEqual(t, sounds[key], n.force > 0, "a note begins in silence and ends once")
			sounds[key] = n.force > 0
		}
		for key, on := range sounds {
			require.False(t, on, "%v sounds for ever", key)
		}
	})
}

// The words of a MIDI model become a file.
func ExampleSong() {
	var song music.Song
	for _, word := range strings.Fields("pi:3c:b t125 pi:3c:0 pi:40:b t125 <end>") {
		if err := song.Add(word); err != nil {
			fmt.Println(err)
			return
		}
	}
	var file bytes.Buffer
	_, err := song.WriteTo(&file)
	fmt.Printf("%d notes, %q, %v\n", song.Notes(), file.Bytes()[:4], err)
	// Output: 2 notes, "MThd", <nil>
}
