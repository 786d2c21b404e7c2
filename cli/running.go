package cli

import (
	"fmt"
	"io"
	"time"
)

// running shows on one line how a long job goes: rewritten on a terminal, else anew every few seconds.
type running struct {
	out      io.Writer
	terminal bool
	begin    time.Time
	next     time.Time
	shown    int // characters on the terminal's line
}

func newRunning(out io.Writer) *running {
	now := time.Now()
	r := &running{out: out, terminal: isTerminal(out), begin: now, next: now.Add(5 * time.Second)}
	if r.terminal {
		r.next = now
	}
	return r
}

// show prints what text says of done of total pieces of work, with the speed and the time left, unless it did just now.
func (r *running) show(done, total int64, text func() string) {
	now := time.Now()
	if now.Before(r.next) || done == 0 {
		return
	}
	took := now.Sub(r.begin)
	left := time.Duration(float64(took) * float64(total-done) / float64(done)).Round(time.Second)
	line := fmt.Sprintf("%s, %.1f tokens/s, %s left", text(), float64(done)/took.Seconds(), left)
	if !r.terminal {
		fmt.Fprintln(r.out, line)
		r.next = now.Add(5 * time.Second)
		return
	}
	fmt.Fprintf(r.out, "\r%-*s", r.shown, line)
	r.shown = max(r.shown, len(line))
	r.next = now.Add(200 * time.Millisecond)
}

// end wipes the terminal's line and returns how long the job took.
func (r *running) end() time.Duration {
	if r.shown > 0 {
		fmt.Fprintf(r.out, "\r%*s\r", r.shown, "")
		r.shown = 0
	}
	return time.Since(r.begin)
}
