package ggml_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gosling-rwkv/gosling/ggml"
	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/gguf"
)

// Beyond a limit ggml ends the process, so this runs in one of its own.
func TestMemoryThatTheSystemRefusesIsAnError(t *testing.T) {
	lib := ggmltest.Library(t)
	if !ggmltest.Apart(t) {
		return
	}
	ggmltest.NoLeaks(t)
	ggmltest.LimitMemory(t, 512<<20)
	cpu := newBackend(t, lib, 1)
	var short *ggml.MemoryError

	_, err := lib.NewContext(4 << 20)
	require.ErrorAs(t, err, &short, "headers")
	require.ErrorContains(t, err, "the headers of 4194304 tensors: the system does not give 1")

	g := lib.NewGraph()
	defer g.Close()
	g.Output(g.Input(gguf.F32, 1<<18, 1<<10).Neg())
	_, err = lib.NewScheduler(g, cpu)
	require.ErrorAs(t, err, &short, "results")
	require.ErrorContains(t, err, "does not give 1")
	_, err = lib.NewScheduler(g, newBackend(t, lib, 1), cpu)
	require.ErrorAs(t, err, &short, "results on two backends")

	deep := lib.NewGraph()
	defer deep.Close()
	x := deep.Input(gguf.F32, 8)
	for range 100_000 {
		x = x.Neg()
		deep.Compute(x)
	}
	deep.Output(x)
	_, err = lib.NewScheduler(deep, newBackend(t, lib, 1), cpu)
	require.ErrorAs(t, err, &short, "the tables of a scheduler of two backends")
	s, err := lib.NewScheduler(deep, cpu)
	require.NoError(t, err, "one backend takes little for each operation")
	s.Close()
}

// The limit on processes does not hold for root, so a thread of root becomes another user for this.
func TestThreadsThatTheSystemRefusesAreAnError(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become a user without processes")
	}
	lib := ggmltest.Library(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NPROC, &before))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 32, Max: before.Max}))
	defer unix.Setrlimit(unix.RLIMIT_NPROC, &before)
	if err := become(54321, 54321, 0); err != nil {
		t.Skip("cannot become another user: ", err)
	}
	_, err := lib.CPU().NewBackend(64)
	b, lower := lib.CPU().NewBackend(8)
	b.Close()
	require.NoError(t, become(0, 0, 0))

	require.NoError(t, lower, "fewer threads")
	var refused *ggml.ThreadsError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 64, refused.Want)
	require.GreaterOrEqual(t, refused.Most, 8)
	require.LessOrEqual(t, refused.Most, 32)
	require.ErrorContains(t, err, ": a limit is set, on processes (ulimit -u")
}

// become sets the user ids of the thread alone.
func become(real, effective, saved uintptr) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, real, effective, saved); errno != 0 {
		return errno
	}
	return nil
}
