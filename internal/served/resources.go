package served

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// Resources is what a process uses. A number is -1 if the system or the server does not tell.
type Resources struct {
	RSS         int64 `json:"rss"`         // resident bytes, mapped files included
	Private     int64 `json:"private"`     // resident bytes without mapped files
	Descriptors int64 `json:"descriptors"` // open files and connections
	Threads     int64 `json:"threads"`
	Goroutines  int64 `json:"goroutines"` // from the server's metrics
}

// Measure returns the resources of a process. It reads /proc, so it tells little on systems other than Linux. The goroutines are asked
// of the client's server.
func Measure(ctx context.Context, pid int, c *Client) Resources {
	r := Resources{RSS: -1, Private: -1, Descriptors: -1, Threads: -1, Goroutines: -1}
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
		r.RSS = kib(string(status), "VmRSS:")
		r.Private = kib(string(status), "RssAnon:")
		r.Threads = field(string(status), "Threads:")
	}
	if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil {
		r.Descriptors = int64(len(open))
	}
	if n, err := c.Metric(ctx, "go_goroutines"); err == nil {
		r.Goroutines = int64(n)
	}
	return r
}

// kib returns a field that is given in KiB, in bytes.
func kib(status, name string) int64 {
	if n := field(status, name); n >= 0 {
		return n << 10
	}
	return -1
}

// field returns the first number behind a name in /proc/PID/status.
func field(status, name string) int64 {
	_, rest, found := strings.Cut(status, "\n"+name)
	words := strings.Fields(rest)
	if !found || len(words) == 0 {
		return -1
	}
	n, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// Metric returns the sum of a metric of GET /metrics over its labels.
func (c *Client) Metric(ctx context.Context, name string) (float64, error) {
	response, err := c.do(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, statusError(response)
	}
	return metric(response.Body, name)
}

// metric sums a metric of Prometheus' text format.
func metric(text io.Reader, name string) (sum float64, err error) {
	found := false
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		words := strings.Fields(rest[strings.LastIndexByte(rest, '}')+1:])
		if len(words) == 0 {
			return 0, fmt.Errorf("metric %s: no value", name)
		}
		value, err := strconv.ParseFloat(words[0], 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		sum, found = sum+value, true
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	if !found {
		return 0, fmt.Errorf("no metric %s", name)
	}
	return sum, nil
}
