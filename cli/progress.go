package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	urfave "github.com/urfave/cli/v2"
)

// progress returns what shows how far a job that writes bytes has come, and what must be called at its end: a bar with rate
// and remaining time on a terminal, else a line every few seconds.
func progress(c *urfave.Context, what string) (show func(done, total int64), end func()) {
	if isTerminal(c.App.ErrWriter) {
		return bar(c.App.ErrWriter, what)
	}
	return plainProgress(c.App.ErrWriter, clockOf(c), what, 5*time.Second)
}

func bar(w io.Writer, what string) (show func(done, total int64), end func()) {
	var b *progressbar.ProgressBar
	show = func(done, total int64) {
		if b == nil {
			b = progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
				progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish())
		}
		_ = b.Set64(done) // a terminal that is gone is no reason to stop
	}
	return show, func() {
		if b != nil {
			_ = b.Clear()
		}
	}
}

func plainProgress(w io.Writer, now clock, what string, every time.Duration) (show func(done, total int64), end func()) {
	var mu sync.Mutex
	begin := now()
	next := begin.Add(every)
	show = func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		at := now()
		if at.Before(next) || done == 0 || total == 0 {
			return
		}
		next = at.Add(every)
		took := at.Sub(begin)
		left := time.Duration(float64(took) * float64(total-done) / float64(done))
		fmt.Fprintf(w, "%s: %d %% of %s, %s, %s left\n", what, 100*done/total, bytesText(total),
			byteRateText(done, took), left.Round(time.Second))
	}
	return show, func() {}
}
