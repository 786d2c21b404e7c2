//go:build unix

package infile_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gosling-rwkv/gosling/internal/infile"
)

func pipe(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	return path
}

func TestAPipeIsReadToItsEnd(t *testing.T) {
	path := pipe(t)
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, _ = io.WriteString(f, "a goose")
			f.Close()
		}
	}()
	got, err := text.Read(t.Context(), path)
	require.NoError(t, err)
	assert.Equal(t, "a goose", string(got))
}

func TestAPipeIsNoFileToReadAtManyPlaces(t *testing.T) {
	path := pipe(t)
	_, err := infile.Open(path)
	require.EqualError(t, err, path+": is a named pipe, want a file: it is read at random offsets, so write its content to a file first")
	require.EqualError(t, infile.Regular(path), path+": is a named pipe, want a file")

	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()
	_, err = text.Read(t.Context(), socket)
	require.EqualError(t, err, socket+": is a socket, want a file")
}

// Each of these would wait forever for the other end.
func TestTheContextEndsAWaitForTheOtherEndOfAPipe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := text.Read(ctx, pipe(t))
	require.ErrorIs(t, err, context.Canceled)
	_, err = infile.Sink(ctx, pipe(t))
	require.ErrorIs(t, err, context.Canceled)
}

func TestTheContextEndsAWaitForBytes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	path := pipe(t)
	opened := make(chan *os.File, 1)
	go func() {
		f, _ := os.OpenFile(path, os.O_WRONLY, 0) // waits for the reader and writes nothing
		opened <- f
	}()
	r, err := infile.Stream(ctx, path)
	require.NoError(t, err)
	writer := <-opened
	defer writer.Close()
	go cancel()
	_, err = r.Read(make([]byte, 10))
	require.ErrorIs(t, err, context.Canceled)
	_, err = r.Read(make([]byte, 10))
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, r.Close())
}

func TestTheContextEndsAWaitForAReader(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	path := pipe(t)
	reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer reader.Close()
	w, err := infile.Sink(ctx, path)
	require.NoError(t, err)
	n, err := w.Write([]byte("a goose"))
	require.NoError(t, err)
	assert.Equal(t, 7, n)
	go cancel()
	_, err = w.Write(make([]byte, 8<<20)) // more than a pipe holds
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, w.Close())
}

func TestAnOutputIsWrittenAfterTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, f, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	_, err = infile.Output(ctx, f, 1<<62).Write([]byte("a goose"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, "a goose", string(got))
}
