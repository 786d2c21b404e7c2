package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/internal/served"
)

// dial opens a connection that is closed when ctx ends.
func (t *target) dial(ctx context.Context) (conn net.Conn, done func(), err error) {
	var d net.Dialer
	conn, err = d.DialContext(ctx, "tcp", strings.TrimPrefix(t.URL, "http://"))
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return conn, func() { stop(); conn.Close() }, nil
}

// head returns the head of a request with a body of some length.
func (t *target) head(path string, length int) string {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, strings.TrimPrefix(t.URL, "http://"), length)
	if t.Key != "" {
		head += "Authorization: Bearer " + t.Key + "\r\n"
	}
	return head + "\r\n"
}

// half opens many connections, sends the beginning of a request on each, waits a moment and closes them.
func (t *target) half(ctx context.Context, jobs []*job, round int) error {
	const together = 40
	body, err := json.Marshal(jobs[round%len(jobs)].body)
	if err != nil {
		return err
	}
	whole := t.head(texts, len(body)) + string(body)
	for i := range together {
		conn, done, err := t.dial(ctx)
		if err != nil {
			return err
		}
		defer done()
		if _, err := io.WriteString(conn, whole[:1+(i*37+round)%(len(whole)-1)]); err != nil {
			return fmt.Errorf("half a request: %w", err)
		}
	}
	return pause(ctx, time.Duration(round%5)*300*time.Millisecond)
}

// slow reads an answer byte by byte for a while, and leaves.
func (t *target) slow(ctx context.Context, _ []*job, round int) error {
	const seconds = 8
	conn, done, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer done()
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := tcp.SetReadBuffer(1 << 10); err != nil {
			return err
		}
	}
	body, err := json.Marshal(served.Body{"prompt": served.Prose(uint64(round), 10), "max_tokens": 4000, "stream": true, "ignore_eos": true})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(conn, t.head(texts, len(body))+string(body)); err != nil {
		return fmt.Errorf("a slow reader: %w", err)
	}
	one := make([]byte, 1)
	for range seconds {
		if _, err := conn.Read(one); err != nil {
			return fmt.Errorf("a slow reader: %w", err)
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// malformedBody is a request that must be refused.
type malformedBody struct {
	name, path, contentType string
	body                    func() io.Reader
	// chunked requests have no length.
	chunked bool
}

// largeBody is more than a server takes.
const largeBody = 9 << 20

func fixed(text string) func() io.Reader { return func() io.Reader { return strings.NewReader(text) } }

// malformedBodies are what every server must refuse with a status from 400 to 499.
var malformedBodies = []malformedBody{
	{name: "nothing", path: chats, body: fixed("")},
	{name: "not JSON", path: chats, body: fixed("{")},
	{name: "not an object", path: chats, body: fixed("[1]")},
	{name: "text behind the object", path: texts, body: fixed(`{"prompt":"a"} x`)},
	{name: "deep nesting", path: texts, body: fixed(`{"prompt":` + strings.Repeat("[", 100_000))},
	{name: "a NUL byte", path: texts, body: fixed("{\"prompt\":\"a\x00b\"}")},
	{name: "no UTF-8", path: texts, body: fixed("{\"prompt\":\"\xff\xfe\"}")},
	{name: "no messages", path: chats, body: fixed(`{"max_tokens":1}`)},
	{name: "messages of another type", path: chats, body: fixed(`{"messages":"hello"}`)},
	{name: "a negative limit", path: texts, body: fixed(`{"prompt":"a","max_tokens":-7}`)},
	{name: "a number that is none", path: texts, body: fixed(`{"prompt":"a","temperature":NaN}`)},
	{name: "a huge number", path: texts, body: fixed(`{"prompt":"a","max_tokens":1e400}`)},
	{name: "too many choices", path: texts, body: fixed(`{"prompt":"a","n":100000}`)},
	{name: "a form", path: texts, contentType: "application/x-www-form-urlencoded", body: fixed("prompt=a")},
	{name: "a huge body", path: texts, body: func() io.Reader { return endless(largeBody) }},
	{name: "a huge body in chunks", path: texts, body: func() io.Reader { return endless(largeBody) }, chunked: true},
	{name: "a path that does not exist", path: "/v1/nothing", body: fixed("{}")},
}

// endless returns the beginning of a JSON text with a long string.
func endless(n int64) io.Reader {
	return io.LimitReader(io.MultiReader(strings.NewReader(`{"prompt":"`), repeat('a')), n)
}

// repeat is a reader of one byte without an end.
type repeat byte

func (b repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// malformed sends a request that must be refused, now and then one that HTTP itself forbids.
func (t *target) malformed(ctx context.Context, _ []*job, round int) error {
	if round%8 == 0 {
		return t.smuggle(ctx)
	}
	m := malformedBodies[round%len(malformedBodies)]
	var body io.Reader = m.body()
	if !m.chunked {
		whole, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(whole)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL+m.path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if m.contentType != "" {
		request.Header.Set("Content-Type", m.contentType)
	}
	if t.Key != "" {
		request.Header.Set("Authorization", "Bearer "+t.Key)
	}
	response, err := t.HTTP.Do(request)
	if err != nil {
		if strings.Contains(m.name, "huge body") {
			return nil // refused while it was being sent
		}
		return fmt.Errorf("%s: %w", m.name, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	if response.StatusCode < 400 || response.StatusCode > 499 {
		return fmt.Errorf("%s: the server answered %s, want 400 to 499", m.name, response.Status)
	}
	var object struct {
		Error struct{ Message, Type string }
	}
	if err := json.Unmarshal(answer, &object); err != nil || object.Error.Message == "" || object.Error.Type == "" {
		return fmt.Errorf("%s: the answer has no error object: %.200q", m.name, answer)
	}
	return pause(ctx, 20*time.Millisecond)
}

// smuggle sends a request whose length is told in two ways. The server must refuse it or close the connection.
func (t *target) smuggle(ctx context.Context) error {
	conn, done, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	head := strings.Replace(t.head(texts, 4), "\r\n\r\n", "\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 1)
	if _, err := io.WriteString(conn, head+"0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return fmt.Errorf("two lengths: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("two lengths: no answer")
	}
	if err != nil {
		return nil // closed
	}
	defer response.Body.Close()
	if response.StatusCode < 400 {
		return fmt.Errorf("two lengths: the server answered %s", response.Status)
	}
	return nil
}
