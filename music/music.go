// Package music writes the output of RWKV's MIDI models as a Standard MIDI File.
//
// These models generate words. "t25" lets 25 steps of 8 ms pass. "pi:3c:b" plays note 3c on the piano (pi) at loudness b, both in
// hexadecimal. Loudness 0 ends the note. All instruments share one track, with one channel each. The percussion is on channel 10.
//
// A model may forget to end a note. The rules for such notes are those of the models' own converter, token_to_midi_message of
// MIDI-LLM-tokenizer with its vocab_config.json. The first pause that ends more than 5 s after a note began ends the note. A
// pause ends only one note: the one that began first. "<end>" lets 3 s pass and ends all others.
//
// Limits: it does not understand the words of models that split a note into several words (REMI).
package music

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/gomidi/midi/v2"
	"gitlab.com/gomidi/midi/v2/smf"
)

const (
	stepTicks    = 8    // of "t1": a tick is a millisecond at the default tempo
	quarterTicks = 500  // of a quarter note, which lasts half a second at that tempo
	steps        = 125  // the longest time word, one second
	drumChannel  = 9    // General MIDI's channel 10
	longestNote  = 5000 // ticks that a note sounds at least before a pause ends it
	lastRing     = 3000 // ticks between the end of the piece and the end of the notes that still sound
	maxDelta     = 1<<28 - 1
)

// instrument is an instrument of a vocabulary, with its channel and its General MIDI program, counted from 0. A word names it by
// the beginning of its name. If several match, the first one counts.
type instrument struct {
	name             string
	channel, program uint8
}

// language is the meaning of the words of a vocabulary.
type language struct {
	instruments []instrument
	loudest     int     // the highest loudness bin
	curve       float64 // how much narrower bins are for soft notes
}

var (
	band = language{[]instrument{
		{"percussion", drumChannel, 0}, {"drum", 0, 118}, {"tuba", 1, 58}, {"marimba", 2, 12}, {"bass", 3, 32}, {"guitar", 4, 25}, {"violin", 5, 40},
		{"trumpet", 6, 56}, {"piano", 7, 0}, {"sax", 8, 66}, {"flute", 10, 73}, {"lead", 11, 80}, {"pad", 12, 88},
	}, 11, 0.5}
	piano = language{[]instrument{{"piano", 0, 0}}, 15, 0.33}
)

// Song collects a piece of music. The zero value is silence and ready for use. A Song belongs to one goroutine at a time.
type Song struct {
	// Piano tells that the words come from a piano-only model: "p" is the piano, and there are sixteen loudness bins. Otherwise
	// "p" is the percussion.
	Piano bool

	events  smf.Track
	now     int64    // ticks since the beginning
	pending uint32   // ticks since the last event
	held    []held   // notes that sound, in the order in which they began
	used    [16]bool // channels with notes
	notes   int
}

// held is a note that sounds.
type held struct {
	channel, note uint8
	since         int64
}

// Notes returns how many notes were played.
func (s *Song) Notes() int { return s.notes }

// Add adds one word. "<end>" ends all notes. Other words in angle brackets, such as "<start>" and "<pad>", are ignored. A word
// that is not in the language is an error and changes nothing.
func (s *Song) Add(word string) error {
	if word == "<end>" {
		s.wait(lastRing)
		for len(s.held) > 0 {
			s.release(0)
		}
	}
	if word == "" || word[0] == '<' {
		return nil
	}
	if n, ok := timeWord(word); ok {
		s.wait(n * stepTicks)
		if i := slices.IndexFunc(s.held, func(h held) bool { return s.now-h.since > longestNote }); i >= 0 {
			s.release(i)
		}
		return nil
	}
	channel, note, velocity, err := s.language().noteWord(word)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(s.held, func(h held) bool { return h.channel == channel && h.note == note }); i >= 0 {
		s.release(i)
	}
	if velocity > 0 {
		s.event(midi.NoteOn(channel, note, velocity))
		s.held, s.used[channel] = append(s.held, held{channel, note, s.now}), true
		s.notes++
	}
	return nil
}

// wait lets ticks pass.
func (s *Song) wait(ticks int) {
	s.now += int64(ticks)
	s.pending = min(s.pending+uint32(ticks), maxDelta)
}

// release ends a held note.
func (s *Song) release(i int) {
	s.event(s.held[i].off())
	s.held = slices.Delete(s.held, i, i+1)
}

func (h held) off() midi.Message { return midi.NoteOff(h.channel, h.note) }

func (s *Song) language() language {
	if s.Piano {
		return piano
	}
	return band
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

func (l language) noteWord(word string) (channel, note, velocity uint8, err error) {
	parts := strings.Split(word, ":")
	if len(parts) != 3 {
		return 0, 0, 0, fmt.Errorf("%q is not a word of the MIDI vocabulary: want one like t25 or pi:3c:b", word)
	}
	channel, ok := l.channelOf(parts[0])
	if !ok {
		return 0, 0, 0, fmt.Errorf("%q names an unknown instrument", word)
	}
	n, err := strconv.ParseUint(parts[1], 16, 7)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("%q: note %q is not between 0 and 7f", word, parts[1])
	}
	bin, err := strconv.ParseUint(parts[2], 16, 8)
	if err != nil || int(bin) > l.loudest {
		return 0, 0, 0, fmt.Errorf("%q: loudness %q is not between 0 and %x", word, parts[2], l.loudest)
	}
	return channel, uint8(n), l.velocityOf(int(bin)), nil
}

// channelOf returns the channel of an instrument.
func (l language) channelOf(name string) (channel uint8, ok bool) {
	for _, instrument := range l.instruments {
		if name != "" && strings.HasPrefix(instrument.name, name) {
			return instrument.channel, true
		}
	}
	return 0, false
}

// velocityOf returns the loudest velocity of a bin. Bins are narrower for soft notes: with the curve c, velocity v lies at
// (c^(v/128) - 1) / (c - 1) of the way through the bins.
func (l language) velocityOf(bin int) uint8 {
	way := float64(bin) / float64(l.loudest)
	return uint8(max(0, math.Ceil(128*math.Log((l.curve-1)*way+1)/math.Log(l.curve)-1)))
}

// WriteTo writes the song as a MIDI file with one track. Notes that still sound end as with "<end>", and the track ends with its
// last note. The song can continue afterwards.
func (s *Song) WriteTo(w io.Writer) (int64, error) {
	var track smf.Track
	track.Add(0, smf.MetaTempo(120))
	for _, instrument := range s.language().instruments {
		if s.used[instrument.channel] && instrument.channel != drumChannel {
			track.Add(0, midi.ProgramChange(instrument.channel, instrument.program))
		}
	}
	track = append(track, s.events...)
	rest := min(s.pending+lastRing, maxDelta)
	for _, h := range s.held {
		track.Add(rest, h.off())
		rest = 0
	}
	track.Close(0)
	file := smf.New()
	file.TimeFormat = smf.MetricTicks(quarterTicks)
	if err := file.Add(track); err != nil {
		return 0, err
	}
	return file.WriteTo(w)
}
