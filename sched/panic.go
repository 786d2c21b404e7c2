package sched

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError is the error of texts that were computed when there was a panic: a fault of the program.
type PanicError struct {
	Value any // what was passed to panic
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("internal error: %v", e.Value) }

// protect calls f. A panic of f becomes a *PanicError.
func protect(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{value, debug.Stack()}
		}
	}()
	return f()
}

// report logs a panic.
func (e *Engine) report(err error, texts int) {
	var p *PanicError
	if errors.As(err, &p) {
		e.o.Log.Error("a panic ended texts", "panic", fmt.Sprint(p.Value), "texts", texts, "stack", string(p.Stack))
	}
}

// run takes steps until nothing is left to do, ever. If a step panics, the states in the machine may be anything. So all texts end, and the
// next ones begin with what is not in the machine.
func (l *loop) run() {
	for {
		err := protect(func() error {
			for l.step() {
			}
			return nil
		})
		if err == nil {
			return
		}
		texts := l.texts
		l.report(err, len(texts))
		l.texts, l.decoding, l.reader, l.last = nil, nil, nil, nil
		for _, t := range texts {
			t.phase = finished
			l.remove(t)
			t.deliver(Event{End: t.ended(err)})
		}
	}
}
