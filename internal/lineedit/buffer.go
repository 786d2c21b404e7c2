package lineedit

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Buffer is a text that is edited. The zero value is an empty text.
type Buffer struct {
	text   string
	at     int    // the cursor: a byte offset between grapheme clusters
	column int    // where up and down try to stay, in columns; -1 if the last key was another one
	killed string // the text that was deleted last
	undo   []saved
	typing bool // the last change was typed text, so the next one belongs to the same step of undo
}

// saved is a text that can be restored.
type saved struct {
	text string
	at   int
}

// undoable is how many steps can be undone.
const undoable = 100

// Text returns the text.
func (b *Buffer) Text() string { return b.text }

// Cursor returns the cursor's byte offset.
func (b *Buffer) Cursor() int { return b.at }

// Set replaces the text and moves the cursor to its end.
func (b *Buffer) Set(text string) {
	b.text, b.at, b.typing = text, len(text), false
}

// Reset empties the text. What it held can be brought back like any deleted text.
func (b *Buffer) Reset() {
	if b.text != "" {
		b.killed = b.text
	}
	b.Set("")
	b.undo = nil
}

// Insert inserts a text at the cursor.
func (b *Buffer) Insert(text string) {
	b.text = b.text[:b.at] + text + b.text[b.at:]
	b.at += len(text)
	if b.at < len(b.text) && (b.text[b.at] >= utf8.RuneSelf || text != "" && text[len(text)-1] >= utf8.RuneSelf) {
		b.at = b.boundary(b.at) // what follows may have joined the last character
	}
}

// boundary returns the first boundary between clusters at or after an offset.
func (b *Buffer) boundary(at int) int {
	for _, edge := range b.edges(b.lineStart(at), len(b.text)) {
		if edge >= at {
			return edge
		}
	}
	return len(b.text)
}

// floor returns the last boundary at or before an offset.
func (b *Buffer) floor(at int) int {
	edges := b.edges(b.lineStart(at), b.lineEnd(at))
	i, found := slices.BinarySearch(edges, at)
	if found {
		return at
	}
	return edges[max(0, i-1)]
}

// edges returns the boundaries between clusters from one boundary up to a limit.
func (b *Buffer) edges(from, to int) []int {
	edges := []int{from}
	state := -1
	for rest := b.text[from:to]; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		from += len(cluster)
		edges = append(edges, from)
	}
	return edges
}

// before returns the boundary before the cursor, and after the one behind it.
func (b *Buffer) before() int {
	if b.at == 0 {
		return 0
	}
	if b.text[b.at-1] == '\n' {
		return b.at - 1
	}
	edges := b.edges(b.lineStart(b.at), b.at)
	return edges[len(edges)-2]
}

func (b *Buffer) after() int {
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(b.text[b.at:], -1)
	return b.at + len(cluster)
}

// lineStart and lineEnd return the ends of the line with an offset.
func (b *Buffer) lineStart(at int) int { return strings.LastIndexByte(b.text[:at], '\n') + 1 }

func (b *Buffer) lineEnd(at int) int {
	if i := strings.IndexByte(b.text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(b.text)
}

// isWord reports whether a cluster that begins with r is part of a word.
func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '_'
}

// wordLeft and wordRight return the next start of a word to the left, and the next end of one to the right.
func (b *Buffer) wordLeft() int {
	return b.floor(len(strings.TrimRightFunc(strings.TrimRightFunc(b.text[:b.at], func(r rune) bool { return !isWord(r) }), isWord)))
}

func (b *Buffer) wordRight() int {
	rest := strings.TrimLeftFunc(strings.TrimLeftFunc(b.text[b.at:], func(r rune) bool { return !isWord(r) }), isWord)
	return b.boundary(len(b.text) - len(rest))
}

// blankLeft returns the start of what stands left of the cursor, up to a blank.
func (b *Buffer) blankLeft() int {
	trimmed := strings.TrimRightFunc(b.text[:b.at], unicode.IsSpace)
	i := strings.LastIndexFunc(trimmed, unicode.IsSpace)
	if i < 0 {
		return 0
	}
	_, size := utf8.DecodeRuneInString(trimmed[i:])
	return b.floor(i + size)
}
