package term

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/rivo/uniseg"
)

// How often a progress line is written, and how long a job that is usually short goes without one.
const (
	terminalEvery = 200 * time.Millisecond
	plainEvery    = 5 * time.Second
	quietFor      = time.Second
)

// Progress shows the progress of a job on one line, with its speed and the time left. On a terminal it rewrites the line.
// Elsewhere it prints a new one every few seconds. A goroutine draws it, so it stays alive during a long step. Its methods may be
// called by several goroutines.
type Progress struct {
	out   io.Writer
	now   func() time.Time
	width func() int // of the terminal in columns; nil if there is none
	name  string     // of the job; shortened first if the line is too long
	unit  Unit
	begin time.Time
	stop  chan struct{}

	mu          sync.Mutex
	done, total int64
	at          time.Duration // time since the beginning when done was set
	news        string        // what else is known so far
	drawn       string        // the last line that was written
	columns     int           // its width on a terminal
	ended       bool
}

// NewProgress begins the line of a long job with total steps, 0 if their number is not known yet. The caller must end the line.
func NewProgress(out io.Writer, now func() time.Time, name string, unit Unit, total int64) *Progress {
	return startProgress(out, now, name, unit, total, 0)
}

// NewReading begins the line of reading tokens. That usually takes less than a second, and then no line appears.
func NewReading(out io.Writer, now func() time.Time, name string, tokens int) *Progress {
	return startProgress(out, now, name, Tokens, int64(tokens), quietFor)
}

// startProgress begins a line. It is first drawn after quiet, or at once on a terminal if quiet is 0.
func startProgress(out io.Writer, now func() time.Time, name string, unit Unit, total int64, quiet time.Duration) *Progress {
	r := &Progress{out: out, now: now, name: name, unit: unit, total: total, begin: now(), stop: make(chan struct{})}
	every := plainEvery
	if Is(out) {
		r.out = raw(out)
		r.width = func() int { return width(out) }
		every = terminalEvery
		if quiet == 0 {
			r.draw()
		}
	}
	go func() {
		select {
		case <-r.stop:
			return
		case <-time.After(quiet):
		}
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-r.stop:
				return
			case <-ticker.C:
				r.draw()
			}
		}
	}()
	return r
}

// Add adds to how far the job has come.
func (r *Progress) Add(done int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done, r.at = r.done+int64(done), r.since()
}

func (r *Progress) since() time.Duration { return r.now().Sub(r.begin) }

// Set sets how far the job has come.
func (r *Progress) Set(done, total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done, r.total, r.at = done, total, r.since()
}

// Say sets what else is known so far.
func (r *Progress) Say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.news = ": " + fmt.Sprintf(format, args...)
}

// draw writes the line. If the line is not rewritten, it is only printed when something is new.
func (r *Progress) draw() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	rest := r.news
	if r.total > 0 {
		rest = ": " + r.unit.count(r.done, r.total) + rest
	}
	if r.width == nil {
		if rest == r.drawn {
			return
		}
		fmt.Fprintln(r.out, r.name+rest+r.speed())
		r.drawn = rest
		return
	}
	line := fitted(r.name, rest+r.speed(), r.width()-1) // a full last column makes some terminals begin a new line
	columns := uniseg.StringWidth(line)
	fmt.Fprintf(r.out, "\r%s%s", line, strings.Repeat(" ", max(0, min(r.columns, r.width()-1)-columns)))
	r.columns = columns
}

// speed returns the end of a line: the speed and the time left, once something is done.
func (r *Progress) speed() string {
	if r.done <= 0 || r.at <= 0 {
		return ""
	}
	left := time.Duration(float64(r.at) * float64(r.total-r.done) / float64(r.done))
	left = max(0, left-(r.since()-r.at)).Round(time.Second)
	return fmt.Sprintf(", %s, %s left", r.unit.rate(float64(r.done)/r.at.Seconds()), left)
}

// End clears the terminal's line and returns how long the job took. It may be called again.
func (r *Progress) End() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		close(r.stop)
		r.ended = true
	}
	if r.columns > 0 {
		fmt.Fprintf(r.out, "\r%*s\r", min(r.columns, r.width()-1), "")
		r.columns = 0
	}
	return r.since()
}

// fitted fits a name and its text into columns. It shortens the name first, down to a few columns.
func fitted(name, rest string, columns int) string {
	const shortest = 12
	name = cut(name, max(shortest, columns-uniseg.StringWidth(rest)))
	return cut(name+rest, columns)
}

// cut shortens a text to columns, with an ellipsis if it lost anything. It makes control characters visible.
func cut(text string, columns int) string {
	text = Visible(text)
	if uniseg.StringWidth(text) <= columns {
		return text
	}
	var b strings.Builder
	left := columns - 1
	for rest, state := text, -1; rest != "" && left > 0; {
		var cluster string
		var width int
		cluster, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if width > left {
			break
		}
		b.WriteString(cluster)
		left -= width
	}
	return b.String() + "…"
}

// Unit is what the steps of a job are counted in.
type Unit struct {
	count func(done, total int64) string
	rate  func(perSecond float64) string
}

// The units.
var (
	Bytes = Unit{
		func(done, total int64) string {
			return fmt.Sprintf("%d %% of %s", 100*done/max(1, total), units.Bytes(total))
		},
		func(perSecond float64) string { return units.Bytes(int64(perSecond)) + "/s" },
	}
	Tokens = Unit{
		func(done, total int64) string { return fmt.Sprintf("%d of %d tokens", done, total) },
		func(perSecond float64) string { return fmt.Sprintf("%.1f tokens/s", perSecond) },
	}
)
