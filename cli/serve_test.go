package cli_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
)

// program returns the command of the program with arguments.
func program(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	libraries, err := ggml.Find(ggmltest.Options())
	if err != nil {
		t.Skip("no ggml libraries: make ggml")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, arguments...)
	cmd.Args[0] = "gosling" // as which testscript.Main runs the program
	cmd.Env = append(os.Environ(), "GOSLING_GGML="+libraries, "GOSLING_API_KEY=")
	return cmd
}

// serving is a server that runs in another process.
type serving struct {
	*exec.Cmd
	url string
	log chan string // the whole standard error, at the end
}

func serve(t *testing.T, arguments ...string) *serving {
	t.Helper()
	s := &serving{Cmd: program(t, append([]string{"serve", "demo", "--port", "0", "--threads", "1"}, arguments...)...), log: make(chan string, 1)}
	errors, err := s.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.Start())
	t.Cleanup(func() { _ = s.Process.Kill() })
	lines, all := bufio.NewReader(errors), &bytes.Buffer{}
	for s.url == "" {
		line, err := lines.ReadString('\n')
		require.NoError(t, err, all.String())
		all.WriteString(line)
		if _, at, found := strings.Cut(line, "listening at "); found {
			s.url = strings.TrimSpace(at)
		}
	}
	go func() {
		_, _ = io.Copy(all, lines)
		s.log <- all.String()
	}()
	return s
}

// ask sends a question and returns the status and the body.
func (s *serving) ask(t *testing.T, key, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest("POST", s.url+"/v1/chat/completions", strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(data)
}

const sum = `{"messages": [{"role": "user", "content": "What is 17 + 25?"}], "temperature": 0}`

func TestServeAnswersThoseWhoHaveAKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	secret, err := program(t, "key", "new", "alice", "--file", file).Output()
	require.NoError(t, err)
	s := serve(t, "--api-key-file", file)
	status, answer := s.ask(t, strings.TrimSpace(string(secret)), sum)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, answer, `"content":"42"`)
	status, answer = s.ask(t, "wrong", sum)
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Contains(t, answer, "authentication_error")
	require.NoError(t, program(t, "key", "rm", "alice", "--file", file).Run())
	list, err := program(t, "key", "list", "--file", file).Output()
	require.NoError(t, err)
	assert.Empty(t, string(list))
}

// A server that is told to stop lets a running answer go on for a while, and then ends it with an event that says so.
func TestServeDrains(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no SIGTERM")
	}
	s := serve(t, "--drain", "200ms")
	body := `{"messages": [{"role": "user", "content": "Hi"}], "stream": true, "ignore_eos": true}`
	response, err := http.Post(s.url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = response.Body.Read(make([]byte, 1))
	require.NoError(t, err)
	started := time.Now()
	require.NoError(t, s.Process.Signal(syscall.SIGTERM))
	stream, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(started), 200*time.Millisecond)
	assert.Contains(t, string(stream), "the server is stopping")
	assert.NotContains(t, string(stream), "[DONE]")
	log := <-s.log
	require.NoError(t, s.Wait(), "exit code 0")
	assert.NotContains(t, log, "Hi there", "no prompt is logged")
}

func TestServeRefusesAnOpenDoor(t *testing.T) {
	cmd := program(t, "serve", "demo", "--host", "0.0.0.0", "--port", "0")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Equal(t, 2, cmd.ProcessState.ExitCode())
	assert.Contains(t, string(out), "gosling key new")
}
