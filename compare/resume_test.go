package compare

import (
	"context"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/ggml/ggmltest"
	"github.com/gosling-rwkv/gosling/kernels"
)

// stop runs a comparison until some event. It returns the error and the folder that the comparison left.
func stop(t *testing.T, o Options, at func(Event) bool) *StoppedError {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Progress = func(e Event) {
		if at(e) {
			cancel()
		}
	}
	_, err := Run(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	var stopped *StoppedError
	require.ErrorAs(t, err, &stopped)
	return stopped
}

// second reports whether the second candidate of a test is being read.
func second(e Event) bool { return strings.HasPrefix(e.Step, "Q4_0 on") && e.Done > 40 }

func TestAComparisonThatWasStoppedGoesOn(t *testing.T) {
	p := newPlace(t)
	ggmltest.NoLeaks(t)
	o := p.options(p.made("q8_0"), p.made("q4_0"))
	want := p.run(o)
	stopped := stop(t, o, second)
	left, err := FindLeft(o.Work)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, []any{stopped.Work, "compare", "base.gguf", false}, []any{left[0].Path, left[0].Command, left[0].Base, left[0].InUse})

	o.Resume = true
	var events log
	o.Progress = events.add
	assert.Equal(t, want, p.run(o))
	assert.Equal(t, []string{"making Q4_0", "Q4_0 on book.txt in chunks of 16"}, events.steps, "the base and Q8_0 are not measured again")
}

func TestTheBaseThatWasStoppedGoesOn(t *testing.T) {
	p := newPlace(t)
	o := p.options(p.made("q4_0"))
	want := p.run(o)
	stop(t, o, func(e Event) bool { return e.Done > 40 })
	total := int64(0)
	o.Resume, o.Progress = true, func(e Event) {
		if total == 0 {
			total = e.Total
		}
	}
	assert.Equal(t, want, p.run(o))
	assert.Positive(t, total)
	assert.Less(t, total, int64(7*15), "the first chunks are not read again")
}

func TestAComparisonGoesOnWithOtherCandidates(t *testing.T) {
	p := newPlace(t)
	o := p.options(p.made("q8_0"), p.made("q4_0"))
	stop(t, o, second)
	o = p.options(p.made("q8_0"))
	o.Resume = true
	var events log
	o.Progress = events.add
	p.run(o)
	assert.Empty(t, events.steps, "all of it was measured")
}

func TestAKeptCandidateIsUsedAgain(t *testing.T) {
	p := newPlace(t)
	o := p.options(p.made("q4_0"))
	o.Candidates[0].Keep = p.path("kept.gguf")
	stop(t, o, second)
	assert.FileExists(t, p.path("kept.gguf"))
	o.Resume = true
	var events log
	o.Progress = events.add
	p.run(o)
	assert.Equal(t, []string{"Q4_0 on book.txt in chunks of 16"}, events.steps)
}

func TestAComparisonIsNotResumedWithOtherSettings(t *testing.T) {
	p := newPlace(t)
	o := p.options(p.made("q4_0"))
	stopped := stop(t, o, second)
	o.Contexts, o.Resume = []int{32}, true
	_, err := Run(t.Context(), o)
	var settings *SettingsError
	require.ErrorAs(t, err, &settings)
	assert.Equal(t, &SettingsError{stopped.Work, []string{"context"}}, settings)
	assert.EqualError(t, err, stopped.Work+" was begun with other settings: context")

	o.Contexts = []int{16}
	if kernels.Best() != kernels.None {
		o.Kernels = "off"
		_, err = Run(t.Context(), o)
		require.ErrorAs(t, err, &settings)
		assert.Equal(t, []string{"kernels"}, settings.differ)
		o.Kernels = "on" // as the default
	}

	p.file("book.txt", tale)
	_, err = Run(t.Context(), o)
	require.ErrorAs(t, err, &settings)
	assert.Equal(t, []string{"text " + p.path("book.txt")}, settings.differ)

	var events log
	o.Progress, o.Base.Name = events.add, "other.gguf"
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, r.Remove())
	assert.DirExists(t, stopped.Work, "it is of another base")
	assert.Equal(t, []string{"nothing to resume in " + o.Work + ": starting over"}, events.notes)
}

func TestAComparisonThatIsBegunAnewRemovesWhatWasLeft(t *testing.T) {
	p := newPlace(t)
	o := p.options(p.made("q4_0"))
	want := stop(t, o, second).Work
	var events log
	o.Progress = events.add
	p.run(o)
	assert.NoDirExists(t, want)
	assert.Equal(t, "base.gguf on book.txt in chunks of 16", events.steps[0])
}

func TestAFolderThatOthersMayEnterIsNotUsed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("each user has a folder")
	}
	p := newPlace(t)
	o := p.options(p.made("q4_0"))
	want := p.run(o)
	stopped := stop(t, o, second)
	before, err := os.ReadDir(stopped.Work)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(stopped.Work, 0o777))
	var events log
	o.Resume, o.Progress = true, events.add
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, r.Remove())
	assert.Equal(t, want, r.Comparison)
	assert.Contains(t, events.notes, stopped.Work+": not a private folder: others may enter it (mode 777): not used")
	after, err := os.ReadDir(stopped.Work)
	require.NoError(t, err)
	assert.Equal(t, names(before), names(after))
}

func names(entries []os.DirEntry) (names []string) {
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestComparisonsAtOnceLeaveEachOtherAlone runs three comparisons in one folder. Two of them are the same.
func TestComparisonsAtOnceLeaveEachOtherAlone(t *testing.T) {
	p := newPlace(t)
	var results [3]Result
	var errs [3]error
	var wait sync.WaitGroup
	for i, mix := range []string{"q8_0", "q4_0", "q4_0"} {
		o := p.options(p.made(mix))
		wait.Go(func() { results[i], errs[i] = Run(t.Context(), o) })
	}
	wait.Wait()
	var folders []string
	for i, r := range results {
		require.NoError(t, errs[i])
		assert.NotContains(t, folders, r.work.path)
		folders = append(folders, r.work.path)
	}
	left, err := FindLeft(p.path("work"))
	require.NoError(t, err)
	require.Len(t, left, 3)
	assert.True(t, left[0].InUse)
	for _, r := range results {
		require.NoError(t, r.Remove())
	}
	assert.Equal(t, results[1].Comparison, results[2].Comparison)
}

func TestKeepLeavesTheNotesOfAResultThatCouldNotBeWritten(t *testing.T) {
	p := newPlace(t)
	o := p.options(p.made("q4_0"))
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	err = r.Keep(os.ErrPermission)
	require.ErrorIs(t, err, os.ErrPermission)
	var stopped *StoppedError
	require.ErrorAs(t, err, &stopped)
	var events log
	o.Resume, o.Progress = true, events.add
	assert.Equal(t, r.Comparison, p.run(o))
	assert.Empty(t, events.steps)
}
