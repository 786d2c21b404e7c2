// Package music writes what RWKV's MIDI models generate as a Standard MIDI File.
//
// These models speak words: "t25" lets 25 steps of 8 ms pass, and "p:3c:b" plays, on the piano (p), note 3c at loudness b, both
// hexadecimal; loudness 0 ends the note. All instruments share one track, one channel each, the percussion on channel 10.
//
// Limits: words of models that split a note into several words (REMI) are not understood.
package music

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"gitlab.com/gomidi/midi/v2"
	"gitlab.com/gomidi/midi/v2/smf"
)

const (
	stepTicks    = 8   // of "t1": a tick is a millisecond at the tempo that holds where a file names none
	quarterTicks = 500 // of a quarter note, which lasts half a second at that tempo
	steps        = 125 // the longest time word, a second
	loudest      = 11  // of the 12 bins of loudness
	drumChannel  = 9   // General MIDI's channel 10
	maxDelta     = 1<<28 - 1
)

// instruments are those of the MIDI vocabularies, each with its General MIDI program, counted from 0. A word names one by the
// beginning of its name; where that fits several it is the first.
var instruments = []struct {
	name    string
	program uint8
}{
	{"piano", 0}, {"marimba", 12}, {"drum", 118}, {"guitar", 25}, {"bass", 32}, {"violin", 40}, {"contrabass", 43}, {"voice", 54},
	{"trumpet", 56}, {"percussion", 0}, {"tuba", 58}, {"sax", 66}, {"oboe", 68}, {"flute", 73}, {"lead", 80}, {"pad", 88},
}

// channelOf returns the channel of an instrument: its place in the list, percussion's being the one that MIDI keeps for it.
func channelOf(name string) (channel uint8, ok bool) {
	for i, instrument := range instruments {
		if name != "" && strings.HasPrefix(instrument.name, name) {
			return uint8(i), true
		}
	}
	return 0, false
}

// Song is a piece of music being written down. The zero value is silence, ready for use; it belongs to one goroutine at a time.
type Song struct {
	events  smf.Track
	pending uint32        // ticks since the last event
	sounds  [16][128]bool // by channel and note
	used    [16]bool      // channels that play
	notes   int
}

// Notes returns how many notes were played.
func (s *Song) Notes() int { return s.notes }

// Add reads one word. Words such as "<start>" and "<pad>" mean nothing; one that is no word of the language is an error, and
// changes nothing.
func (s *Song) Add(word string) error {
	if word == "" || word[0] == '<' {
		return nil
	}
	if n, ok := timeWord(word); ok {
		s.pending = min(s.pending+uint32(n)*stepTicks, maxDelta)
		return nil
	}
	channel, note, velocity, err := noteWord(word)
	if err != nil {
		return err
	}
	if s.sounds[channel][note] {
		s.event(midi.NoteOff(channel, note))
		s.sounds[channel][note] = false
	}
	if velocity > 0 {
		s.event(midi.NoteOn(channel, note, velocity))
		s.sounds[channel][note], s.used[channel] = true, true
		s.notes++
	}
	return nil
}

func (s *Song) event(message midi.Message) {
	s.events.Add(s.pending, message)
	s.pending = 0
}

func timeWord(word string) (n int, ok bool) {
	digits, isTime := strings.CutPrefix(word, "t")
	n, err := strconv.Atoi(digits)
	return n, isTime && err == nil && 0 < n && n <= steps
}

func noteWord(word string) (channel, note, velocity uint8, err error) {
	parts := strings.Split(word, ":")
	if len(parts) != 3 {
		return 0, 0, 0, fmt.Errorf("%q is no word of the MIDI vocabulary: want one like t25 or p:3c:b", word)
	}
	channel, ok := channelOf(parts[0])
	if !ok {
		return 0, 0, 0, fmt.Errorf("%q names an instrument that is not known", word)
	}
	n, err := strconv.ParseUint(parts[1], 16, 7)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("%q: note %q is not between 0 and 7f", word, parts[1])
	}
	bin, err := strconv.ParseUint(parts[2], 16, 8)
	if err != nil || bin > loudest {
		return 0, 0, 0, fmt.Errorf("%q: loudness %q is not between 0 and b", word, parts[2])
	}
	return channel, uint8(n), velocityOf(int(bin)), nil
}

// velocityOf returns the loudest velocity of a bin. Bins are narrower where notes are soft: a velocity v lies at
// (1 - 2^(-v/128)) * 2 of the way through them.
func velocityOf(bin int) uint8 {
	return uint8(max(0, math.Ceil(-128*math.Log2(1-float64(bin)/(2*loudest))-1)))
}

// WriteTo writes the song as a MIDI file of one track. Notes that still sound end with it. The song can go on afterwards.
func (s *Song) WriteTo(w io.Writer) (int64, error) {
	var track smf.Track
	track.Add(0, smf.MetaTempo(120))
	for channel, used := range s.used {
		if used && channel != drumChannel {
			track.Add(0, midi.ProgramChange(uint8(channel), instruments[channel].program))
		}
	}
	track = append(track, s.events...)
	rest := s.pending
	for channel := range s.sounds {
		for note, sounds := range s.sounds[channel] {
			if sounds {
				track.Add(rest, midi.NoteOff(uint8(channel), uint8(note)))
				rest = 0
			}
		}
	}
	track.Close(rest)
	file := smf.New()
	file.TimeFormat = smf.MetricTicks(quarterTicks)
	if err := file.Add(track); err != nil {
		return 0, err
	}
	return file.WriteTo(w)
}
