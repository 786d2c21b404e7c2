package lineedit

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Apply lets a key change the text or move the cursor. It reports whether the key has a meaning.
func (b *Buffer) Apply(k Key) bool {
	switch k.Name {
	case "text", "paste":
		if k.Name == "paste" || !b.typing {
			b.remember()
		}
		b.typing = k.Name == "text"
		b.Insert(k.Text)
		b.column = -1
		return true
	case "up", "down", "ctrl-p", "ctrl-n":
		b.typing = false
		return b.vertical(k.Name == "up" || k.Name == "ctrl-p")
	}
	b.column, b.typing = -1, false
	if move := moves[k.Name]; move != nil {
		b.at = move(b)
		return true
	}
	if change := changes[k.Name]; change != nil {
		before := saved{b.text, b.at}
		change(b)
		if b.text != before.text && k.Name != "ctrl-_" {
			b.push(before)
		}
		return true
	}
	return false
}

// remember lets undo come back here.
func (b *Buffer) remember() { b.push(saved{b.text, b.at}) }

func (b *Buffer) push(s saved) {
	b.undo = append(b.undo, s)
	b.undo = b.undo[max(0, len(b.undo)-undoable):]
}

// moves are the keys that move the cursor.
var moves = map[string]func(*Buffer) int{
	"left": (*Buffer).before, "ctrl-b": (*Buffer).before,
	"right": (*Buffer).after, "ctrl-f": (*Buffer).after,
	"home": (*Buffer).home, "ctrl-a": (*Buffer).home,
	"end": (*Buffer).end, "ctrl-e": (*Buffer).end,
	"ctrl-left": (*Buffer).wordLeft, "alt-left": (*Buffer).wordLeft, "alt-b": (*Buffer).wordLeft, "alt-B": (*Buffer).wordLeft,
	"ctrl-right": (*Buffer).wordRight, "alt-right": (*Buffer).wordRight, "alt-f": (*Buffer).wordRight, "alt-F": (*Buffer).wordRight,
	"alt-<": (*Buffer).first, "ctrl-home": (*Buffer).first,
	"alt->": (*Buffer).last, "ctrl-end": (*Buffer).last,
}

func (b *Buffer) home() int  { return b.lineStart(b.at) }
func (b *Buffer) end() int   { return b.lineEnd(b.at) }
func (b *Buffer) first() int { return 0 }
func (b *Buffer) last() int  { return len(b.text) }

// changes are the keys that change the text, besides typed and pasted texts.
var changes = map[string]func(*Buffer){
	"backspace":       func(b *Buffer) { b.remove(b.before(), b.at) },
	"shift-backspace": func(b *Buffer) { b.remove(b.before(), b.at) },
	"delete":          func(b *Buffer) { b.remove(b.at, b.after()) },
	"ctrl-d":          func(b *Buffer) { b.remove(b.at, b.after()) },
	"ctrl-u":          func(b *Buffer) { b.kill(b.home(), b.at) },
	"ctrl-k":          func(b *Buffer) { b.kill(b.at, max(b.end(), min(b.at+1, len(b.text)))) },
	"ctrl-w":          func(b *Buffer) { b.kill(b.blankLeft(), b.at) },
	"alt-backspace":   func(b *Buffer) { b.kill(b.wordLeft(), b.at) },
	"ctrl-backspace":  func(b *Buffer) { b.kill(b.wordLeft(), b.at) },
	"alt-d":           func(b *Buffer) { b.kill(b.at, b.wordRight()) },
	"ctrl-delete":     func(b *Buffer) { b.kill(b.at, b.wordRight()) },
	"ctrl-y":          func(b *Buffer) { b.Insert(b.killed) },
	"ctrl-t":          (*Buffer).transpose,
	"alt-u":           func(b *Buffer) { b.recase(strings.ToUpper) },
	"alt-l":           func(b *Buffer) { b.recase(strings.ToLower) },
	"alt-c":           func(b *Buffer) { b.recase(capital) },
	"ctrl-_":          (*Buffer).undoOne,
	"tab":             func(b *Buffer) { b.Insert("\t") },
}

// remove deletes part of the text, and kill keeps it for Ctrl-Y.
func (b *Buffer) remove(from, to int) {
	b.text = b.text[:from] + b.text[to:]
	b.at = b.boundary(from)
}

func (b *Buffer) kill(from, to int) {
	if from < to {
		b.killed = b.text[from:to]
		b.remove(from, to)
	}
}

// transpose swaps the clusters around the cursor, or the last two at the end of a line.
func (b *Buffer) transpose() {
	if b.at == b.end() {
		b.at = b.before()
	}
	left, right := b.before(), b.after()
	if left == b.at || right == b.at || strings.Contains(b.text[left:right], "\n") {
		return
	}
	b.text = b.text[:left] + b.text[b.at:right] + b.text[left:b.at] + b.text[right:]
	b.at = b.boundary(right)
}

// recase changes the rest of the word, and moves behind it.
func (b *Buffer) recase(change func(string) string) {
	to := b.wordRight()
	word := change(b.text[b.at:to])
	b.text, b.at = b.text[:b.at]+word+b.text[to:], b.at+len(word)
}

func capital(s string) string {
	i := strings.IndexFunc(s, isWord)
	if i < 0 {
		return s
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	return s[:i] + string(unicode.ToTitle(r)) + strings.ToLower(s[i+size:])
}

func (b *Buffer) undoOne() {
	if last := len(b.undo) - 1; last >= 0 {
		b.text, b.at = b.undo[last].text, b.undo[last].at
		b.undo = b.undo[:last]
	}
}

// vertical moves to the line above or below, and reports whether there is one.
func (b *Buffer) vertical(up bool) bool {
	start, end := b.home(), b.end()
	if b.column < 0 {
		b.column = uniseg.StringWidth(b.text[start:b.at])
	}
	switch {
	case up && start == 0, !up && end == len(b.text):
		return false
	case up:
		start, end = b.lineStart(start-1), start-1
	default:
		start = end + 1
		end = b.lineEnd(start)
	}
	for _, edge := range b.edges(start, end) {
		if uniseg.StringWidth(b.text[start:edge]) > b.column {
			break
		}
		b.at = edge
	}
	return true
}
