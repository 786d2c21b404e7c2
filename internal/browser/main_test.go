package browser

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var (
	program  = flag.String("gosling", "", "the `program` whose page is tested")
	axeFile  = flag.String("axe", "", "the `file` axe.min.js of axe-core")
	pictures = flag.String("pictures", "", "write pictures of the page to this `folder`")

	patience = flag.Duration("patience", time.Minute, "the longest `time` that a condition may take on a busy machine")

	chromium context.Context // the browser, which all tests share
	demo     *server         // a server with the model demo, which most tests share
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	name := os.Getenv("CHROMIUM")
	if name == "" {
		name = "chromium"
	}
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		fmt.Printf("page: no browser %q: install Debian's package chromium, or name one in the variable CHROMIUM; skipped\n", name)
		return 0, nil
	}
	if err != nil {
		return 1, err
	}
	if *program == "" {
		return 1, errors.New("no -gosling: use make page")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("lang", "en-US"),
		chromedp.WSURLReadTimeout(*patience), chromedp.NoSandbox) // containers often allow no sandbox
	all, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	first, end := chromedp.NewContext(all)
	defer end()
	if err := chromedp.Do(first); err != nil {
		return 1, fmt.Errorf("cannot start %s: %w", path, err)
	}
	chromium = first
	if demo, err = start("0"); err != nil {
		return 1, err
	}
	defer demo.kill()
	return m.Run(), nil
}

// A server is a process of "gosling serve demo".
type server struct {
	url  string // without a slash at the end
	cmd  *exec.Cmd
	done chan struct{} // closed when its output has ended
}

var listening = regexp.MustCompile(`listening at (http://\S+)`)

// start starts a server and waits until it listens.
func start(port string, args ...string) (*server, error) {
	s := &server{cmd: exec.Command(*program, append([]string{"serve", "demo", "--port", port}, args...)...), done: make(chan struct{})}
	out, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	at := make(chan string, 1)
	var said bytes.Buffer
	go func() {
		defer close(s.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				at <- m[1]
				break
			}
			said.WriteString(lines.Text() + "\n")
		}
		io.Copy(io.Discard, out)
	}()
	select {
	case s.url = <-at:
		return s, nil
	case <-s.done:
		return nil, fmt.Errorf("%s ended: %w\n%s", s.cmd, s.cmd.Wait(), said.String())
	case <-time.After(*patience):
		s.kill()
		return nil, fmt.Errorf("%s does not listen after %s", s.cmd, *patience)
	}
}

// serve starts a server that ends with the test.
func serve(t *testing.T, port string, args ...string) *server {
	t.Helper()
	s, err := start(port, args...)
	require.NoError(t, err)
	t.Cleanup(s.kill)
	return s
}

// kill ends the server at once, as a crash does.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.done
	s.cmd.Wait()
}

func (s *server) port() string {
	u, err := url.Parse(s.url)
	if err != nil {
		panic(err)
	}
	return u.Port()
}
