package prompt_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
	"github.com/gosling-rwkv/gosling/prompt"
)

// watch pushes pieces. It returns all text that came out and the stop string that was found.
func watch(t testing.TB, stops []string, pieces ...string) (out, hit string) {
	t.Helper()
	s, err := prompt.NewStopper(stops...)
	require.NoError(t, err)
	var all strings.Builder
	for _, piece := range pieces {
		free, stopped := s.Push(piece)
		all.WriteString(free)
		require.Equal(t, s.Hit() != "", stopped)
	}
	all.WriteString(s.Flush())
	require.Empty(t, s.Flush(), "flushed twice")
	return all.String(), s.Hit()
}

func TestStopperAtEverySplit(t *testing.T) {
	for name, tc := range map[string]struct {
		stops     []string
		text      string
		want, hit string
	}{
		"no stops":                                {nil, "abc", "abc", ""},
		"no stop in the text":                     {[]string{"x"}, "abc", "abc", ""},
		"a stop in the middle":                    {[]string{"\n\nUser:"}, "Hi.\n\nUser: more", "Hi.", "\n\nUser:"},
		"a stop at the start":                     {[]string{"ab"}, "abc", "", "ab"},
		"the start of a stop at the end":          {[]string{"\n\nUser:"}, "Hi.\n\nUse", "Hi.\n\nUse", ""},
		"a false start before the stop":           {[]string{"aab"}, "aaab", "a", "aab"},
		"a false start that is let go":            {[]string{"\n\nUser:"}, "a\n\nUsers\n\nb", "a\n\nUsers\n\nb", ""},
		"a stop that begins inside a false start": {[]string{"abcabd"}, "abcabcabd", "abc", "abcabd"},
		"a stop that is the start of another":     {[]string{"\n\nUser:", "\n\n"}, "a\n\nUser:", "a", "\n\n"},
		"a stop inside another is complete first": {[]string{"xaby", "ab"}, "xaby", "x", "ab"},
		"of two that end together the longest":    {[]string{"b", "ab"}, "cab", "c", "ab"},
		"the earlier of two":                      {[]string{"zz", "yy"}, "ayyzz", "a", "yy"},
		"overlapping stops":                       {[]string{"abc", "bcd"}, "abd bcd", "abd ", "bcd"},
		"the same stop twice in the text":         {[]string{"--"}, "a--b--", "a", "--"},
		"the same stop twice in the list":         {[]string{"--", "--"}, "a--b", "a", "--"},
		"a stop that is not ASCII":                {[]string{"。"}, "你好。再见", "你好", "。"},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(pieces ...string) {
				out, hit := watch(t, tc.stops, pieces...)
				assert.Equal(t, tc.want, out, "%q", pieces)
				assert.Equal(t, tc.hit, hit, "%q", pieces)
			}
			check(strings.Split(tc.text, "")...)
			for i := range len(tc.text) + 1 {
				for j := i; j <= len(tc.text); j++ {
					check(tc.text[:i], tc.text[i:j], tc.text[j:])
				}
			}
		})
	}
}

func TestStopperHoldsNoMoreThanItMust(t *testing.T) {
	s, err := prompt.NewStopper("\n\nUser:", "\n\nSystem:")
	require.NoError(t, err)
	for _, step := range []struct{ push, free string }{
		{"Hello", "Hello"}, {" there\n", " there"}, {"x", "\nx"}, {"\n\nU", ""}, {"n", "\n\nUn"}, {"\n\n\n", "\n"},
	} {
		free, stopped := s.Push(step.push)
		assert.Equal(t, step.free, free)
		assert.False(t, stopped)
	}
	assert.Equal(t, "\n\n", s.Flush())
}

func TestStopperStaysStopped(t *testing.T) {
	s, err := prompt.NewStopper("x")
	require.NoError(t, err)
	_, stopped := s.Push("axb")
	require.True(t, stopped)
	free, stopped := s.Push("more")
	assert.Empty(t, free)
	assert.True(t, stopped)
	assert.Empty(t, s.Flush())
}

func TestNewStopperRefusesAnEmptyStop(t *testing.T) {
	_, err := prompt.NewStopper("a", "")
	assert.EqualError(t, err, "stop string 2 of 2 is empty and would stop before the first word: leave it out")
}

func FuzzStopperSplitsAnywhere(f *testing.F) {
	f.Add("aab", "ab", "xaaabyab", uint(3))
	f.Add("\n\n", "\n\nUser:", "a\n\n\nUser:", uint(2))
	f.Fuzz(func(t *testing.T, a, b, text string, at uint) {
		defer fuzzing.Guard(t, len(a)+len(b)+len(text), 1<<10)()
		if a == "" || b == "" {
			return
		}
		stops := []string{a, b}
		out, hit := watch(t, stops, text)
		require.True(t, strings.HasPrefix(text, out+hit))
		if hit == "" {
			require.Equal(t, text, out)
			require.NotContains(t, text, a)
			require.NotContains(t, text, b)
		}
		cut := int(at % uint(len(text)+1))
		out2, hit2 := watch(t, stops, text[:cut], text[cut:])
		require.Equal(t, out, out2)
		require.Equal(t, hit, hit2)
	})
}
