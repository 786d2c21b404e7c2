package term

import (
	"io"
	"time"
)

// Steps shows the progress of a job of several steps that write bytes, on one line for each step. It belongs to one goroutine at a
// time.
type Steps struct {
	out  io.Writer
	now  func() time.Time
	line *Progress // of the current step; nil between steps
	step string
}

// NewSteps begins a job. The caller must end it.
func NewSteps(out io.Writer, now func() time.Time) *Steps { return &Steps{out: out, now: now} }

// Set sets how far a step has come. Another step than before ends that one.
func (s *Steps) Set(step string, done, total int64) {
	if s.line == nil || step != s.step {
		s.End()
		s.line, s.step = NewProgress(s.out, s.now, step, Bytes, total), step
	}
	s.line.Set(done, total)
}

// End ends the current step, and clears its line at a terminal. The job may go on.
func (s *Steps) End() {
	if s.line != nil {
		s.line.End()
		s.line = nil
	}
}
