package served

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// Process is a server that runs as a child process on a free port of 127.0.0.1.
type Process struct {
	URL  string // without a slash at the end
	cmd  *exec.Cmd
	dead chan struct{} // closed when the process has ended
	err  error         // how it ended, once dead is closed
}

// Start runs a program that takes --host and --port, and waits until it answers GET /health with 200. What it prints goes to log. The
// process is killed when ctx ends.
func Start(ctx context.Context, log io.Writer, program string, args ...string) (*Process, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	args = append(args, "--host", "127.0.0.1", "--port", strconv.Itoa(port))
	p := &Process{URL: fmt.Sprintf("http://127.0.0.1:%d", port), cmd: exec.CommandContext(ctx, program, args...), dead: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.err = p.cmd.Wait(); close(p.dead) }()
	if err := p.await(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p.cmd, err), p.Stop())
	}
	return p, nil
}

// FreePort returns a port of 127.0.0.1 that nothing listens on at the moment.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Times that a server has.
const (
	toStart = 5 * time.Minute  // to load its model
	toStop  = 45 * time.Second // to end after SIGTERM
)

// await waits until the server is healthy.
func (p *Process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, toStart, fmt.Errorf("not healthy after %s", toStart))
	defer cancel()
	for {
		if err := p.healthy(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.dead:
			return fmt.Errorf("it ended before it was healthy: %w", p.ended())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *Process) healthy(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/health", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// ended returns how a process that is dead ended.
func (p *Process) ended() error {
	if p.err == nil {
		return errors.New("exit code 0")
	}
	return p.err
}

// ID returns the number of the process.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Alive returns nil while the process runs, and otherwise how it ended.
func (p *Process) Alive() error {
	select {
	case <-p.dead:
		return fmt.Errorf("the server ended: %w", p.ended())
	default:
		return nil
	}
}

// Stop ends the process with SIGTERM and waits for it. It returns an error if the process does not end in time, and kills it then. It
// may be called twice.
func (p *Process) Stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.dead:
		return nil
	case <-time.After(toStop):
		p.cmd.Process.Kill()
		<-p.dead
		return fmt.Errorf("%s: still running %s after SIGTERM", p.cmd.Path, toStop)
	}
}

// State returns how the process ended, or nil while it runs.
func (p *Process) State() *os.ProcessState {
	select {
	case <-p.dead:
		return p.cmd.ProcessState
	default:
		return nil
	}
}
