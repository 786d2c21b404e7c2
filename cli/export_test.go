package cli

import (
	"io"
	"time"
)

// RunAt is Run with another clock.
func RunAt(now func() time.Time, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runAt(now, args, stdin, stdout, stderr)
}
