package cli

import (
	"fmt"
	"io"
	"time"

	urfave "github.com/urfave/cli/v2"
)

// running shows on one line how a long job goes: rewritten on a terminal, else anew every few seconds.
type running struct {
	now      clock
	out      io.Writer
	terminal bool
	begin    time.Time
	next     time.Time
	shown    int // characters on the terminal's line
}

func newRunning(c *urfave.Context) *running {
	r := &running{now: clockOf(c), out: c.App.ErrWriter, terminal: isTerminal(c.App.ErrWriter)}
	r.begin = r.now()
	r.next = r.begin
	if !r.terminal {
		r.next = r.begin.Add(5 * time.Second)
	}
	return r
}

// show prints what text says of done of total pieces of work, with the speed and the time left, unless it did just now.
func (r *running) show(done, total int64, text func() string) {
	now := r.now()
	if now.Before(r.next) || done == 0 {
		return
	}
	took := now.Sub(r.begin)
	left := time.Duration(float64(took) * float64(total-done) / float64(done)).Round(time.Second)
	line := fmt.Sprintf("%s, %s tokens/s, %s left", text(), numberText("%.1f", rate(float64(done), took)), left)
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
	return r.now.since(r.begin)
}
