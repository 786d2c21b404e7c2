package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// result is the outcome of one test.
type result struct {
	name   string // such as test_basic::test_server_props
	passed bool
	reason string // why it did not pass, in a line
}

// parseReport reads the report that pytest writes in JUnit's format.
func parseReport(text []byte) ([]result, error) {
	var report struct {
		Cases []struct {
			Class   string   `xml:"classname,attr"`
			Name    string   `xml:"name,attr"`
			Failure *outcome `xml:"failure"`
			Error   *outcome `xml:"error"`
			Skipped *outcome `xml:"skipped"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("pytest's report: %w", err)
	}
	// A test may be listed twice: once for itself, once for what cleans up behind it.
	byName := map[string]result{}
	for _, c := range report.Cases {
		r := result{name: strings.TrimPrefix(c.Class, "unit.") + "::" + c.Name, passed: true}
		for kind, o := range map[string]*outcome{"failed": c.Failure, "error": c.Error, "skipped": c.Skipped} {
			if o != nil {
				r.passed, r.reason = false, kind+": "+o.line()
			}
		}
		if before, twice := byName[r.name]; !twice || before.passed {
			byName[r.name] = r
		}
	}
	if len(byName) == 0 {
		return nil, fmt.Errorf("pytest's report holds no tests")
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b result) int { return strings.Compare(a.name, b.name) }), nil
}

// outcome is why a test did not pass.
type outcome struct {
	Message string `xml:"message,attr"`
}

// line returns the first line, shortened.
func (o *outcome) line() string {
	line, _, _ := strings.Cut(o.Message, "\n")
	if runes := []rune(line); len(runes) > 160 {
		return string(runes[:160]) + " …"
	}
	return line
}

// parseList reads names of tests, one a line. A line that begins with # is a comment.
func parseList(text string) (names []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			names = append(names, line)
		}
	}
	return names
}

// formatList writes the list of those that passed.
func formatList(results []result) []byte {
	text := "# llama.cpp's tests of its server that pass, as of its commit de3ff815 (September 2026).\n# make compat compares with this list; -update of scripts/compat writes it.\n"
	for _, r := range results {
		if r.passed {
			text += r.name + "\n"
		}
	}
	return []byte(text)
}

// comparison is the results beside the list.
type comparison struct {
	passed int      // of those listed
	broken []result // listed, did not pass
	absent []string // listed, did not run
	extra  []string // passed, not listed
	others []result // neither
}

func compare(listed []string, results []result) (c comparison) {
	left := map[string]bool{}
	for _, name := range listed {
		left[name] = true
	}
	for _, r := range results {
		expected := left[r.name]
		delete(left, r.name)
		switch {
		case expected && r.passed:
			c.passed++
		case expected:
			c.broken = append(c.broken, r)
		case r.passed:
			c.extra = append(c.extra, r.name)
		default:
			c.others = append(c.others, r)
		}
	}
	c.absent = slices.Sorted(maps.Keys(left))
	return c
}

// print writes what is to be known: the tests that did not pass with their reasons, and the numbers.
func (c comparison) print(w io.Writer) {
	for _, r := range c.others {
		fmt.Fprintf(w, "not listed: %s: %s\n", r.name, r.reason)
	}
	for _, name := range c.extra {
		fmt.Fprintf(w, "PASSED, NOT LISTED: %s\n", name)
	}
	for _, r := range c.broken {
		fmt.Fprintf(w, "LISTED, NOT PASSED: %s: %s\n", r.name, r.reason)
	}
	for _, name := range c.absent {
		fmt.Fprintf(w, "LISTED, NOT RUN: %s\n", name)
	}
	fmt.Fprintf(w, "%d of llama.cpp's tests passed: %d of the %d listed, and %d others; %d did not\n", c.passed+len(c.extra), c.passed,
		c.passed+len(c.broken)+len(c.absent), len(c.extra), len(c.others)+len(c.broken))
}
