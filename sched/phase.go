package sched

import "slices"

// phase is where a text stands.
type phase uint8

const (
	queued    phase = iota // nothing is read
	following              // another text of the group reads the prompt, or has read it
	reading                // a part of the prompt is read; the state is in the reading slot or in memory
	waiting                // the prompt is read, the next token is known, and the state is in memory
	decoding               // the state is in a slot
	parked                 // the stream is full, and the state is in memory
	finished
)

// transitions lists where each phase may lead.
var transitions = map[phase][]phase{
	queued:    {reading, finished},
	following: {queued, waiting, finished},
	reading:   {waiting, finished},
	waiting:   {decoding, finished},
	decoding:  {waiting, parked, finished},
	parked:    {waiting, finished},
}

// to changes the phase of a text.
func (t *text) to(next phase) {
	if !slices.Contains(transitions[t.phase], next) {
		panic("sched: internal error: a text cannot change its phase so")
	}
	t.phase = next
}
