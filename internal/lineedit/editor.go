package lineedit

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// ErrInterrupted is the error of Read after Ctrl-C on an empty text.
var ErrInterrupted = errors.New("interrupted")

// Options describe an editor. In and Out are required.
type Options struct {
	In, Out *os.File
	Prompt  string // before the first line
	More    string // before the lines after it
	// Terminal is the kind of terminal, as in the environment variable TERM. "dumb" and "" are terminals that only show text.
	Terminal string
	// Reflows tells that the terminal breaks long rows into several when it becomes narrower. It only matters for terminals that
	// leave it open.
	Reflows bool
	History *History
	// Complete returns what a text may become, if the cursor is at its end. The texts begin with it. nil completes nothing.
	Complete func(text string) []string
}

// Editor reads messages from a terminal. The terminal is in raw mode only while a message is read. Between messages, Ctrl-C is a
// signal, and the terminal shows nothing of what is typed and keeps it for the next message. An Editor belongs to one goroutine at a
// time. The caller closes it.
type Editor struct {
	Options
	before  *term.State
	decoder Decoder
	buffer  Buffer
	canvas  canvas
	browser browser
	search  *search

	input   chan chunk
	reading bool // a goroutine waits for input

	width, height int
	asked         time.Time // when the terminal was asked for the cursor's position; zero if it was not
}

// chunk is what a read returned.
type chunk struct {
	data []byte
	err  error
}

// canvas is where a text is drawn.
type canvas interface {
	resize(width, height int)
	begin()
	draw(v view) error
	finish(v view) error
	clear() error
}

// view is what is to be drawn.
type view struct {
	prompt, more, text string
	at                 int // the cursor
}

// How long the editor waits for the rest of a sequence, for the rest of a paste, and for a terminal's answer.
const (
	sequenceTime = 50 * time.Millisecond
	pasteTime    = 5 * time.Second
	answerTime   = 200 * time.Millisecond
)

// New returns an editor.
func New(o Options) (*Editor, error) {
	before, err := term.GetState(int(o.In.Fd()))
	if err != nil {
		return nil, err
	}
	if o.History == nil {
		o.History = &History{}
	}
	e := &Editor{Options: o, before: before, input: make(chan chunk, 1)}
	if e.dumb() {
		e.canvas = &plain{out: o.Out}
	} else {
		e.canvas = &screen{out: o.Out}
	}
	return e, nil
}

func (e *Editor) dumb() bool { return e.Terminal == "" || e.Terminal == "dumb" }

// Close restores the terminal.
func (e *Editor) Close() error { return term.Restore(int(e.In.Fd()), e.before) }

// Read lets the person edit a text that begins as given, and returns it. It returns io.EOF after Ctrl-D on an empty text,
// ErrInterrupted after Ctrl-C on an empty text, and ctx's error if ctx ends first.
func (e *Editor) Read(ctx context.Context, text string) (string, error) {
	if err := e.enter(); err != nil {
		return "", err
	}
	defer e.leave()
	resized, stop := resizes()
	defer stop()
	e.buffer.Reset()
	e.buffer.Set(text)
	e.buffer.column = -1
	e.browser, e.search, e.asked = e.History.browse(), nil, time.Time{}
	e.resize()
	e.canvas.begin()
	idle := false
	for {
		if message, done, err := e.pressAll(idle); done || err != nil {
			return message, err
		}
		var err error
		if idle, err = e.wait(ctx, resized); err != nil {
			return "", errors.Join(err, e.canvas.finish(e.view()))
		}
	}
}

// enter and leave switch between editing and the time between messages.
func (e *Editor) enter() error {
	if _, err := term.MakeRaw(int(e.In.Fd())); err != nil {
		return err
	}
	if e.dumb() {
		return nil
	}
	prepareOutput(e.Out)
	_, err := io.WriteString(e.Out, "\x1b[?2004h") // bracketed paste
	return err
}

func (e *Editor) leave() {
	if !e.dumb() {
		_, _ = io.WriteString(e.Out, "\x1b[?2004l")
	}
	_ = quiet(int(e.In.Fd()), e.before)
}

// pressAll handles all keys that have arrived, and draws. It returns the message when it is complete.
func (e *Editor) pressAll(idle bool) (message string, done bool, err error) {
	for {
		key, ok := e.decoder.Next(idle)
		if !ok {
			break
		}
		idle = false
		message, done, err = e.press(key)
		if done || err != nil {
			if !e.asked.IsZero() { // the answer has not come yet
				err = errors.Join(err, e.redraw(-1))
			}
			return message, done, errors.Join(err, e.canvas.finish(e.view()))
		}
	}
	if e.asked.IsZero() {
		err = e.canvas.draw(e.view())
	}
	return "", false, err
}

// view returns what is to be drawn now.
func (e *Editor) view() view {
	if e.search == nil {
		return view{e.Prompt, e.More, e.buffer.Text(), e.buffer.Cursor()}
	}
	text := e.buffer.Text()
	return view{e.search.prompt(), e.More, text, min(max(0, e.search.match(text)), len(text))}
}

// wait waits for input, a new size or an end. It reports whether nothing came in the time that the rest of a sequence takes.
func (e *Editor) wait(ctx context.Context, resized <-chan os.Signal) (idle bool, err error) {
	if !e.reading {
		e.reading = true
		go func() {
			buf := make([]byte, 4096)
			n, err := e.In.Read(buf)
			e.input <- chunk{buf[:n], err}
		}()
	}
	var late <-chan time.Time
	some, pasting := e.decoder.Waits()
	switch {
	case !e.asked.IsZero():
		late = time.After(time.Until(e.asked.Add(answerTime)))
	case pasting:
		late = time.After(pasteTime)
	case some:
		late = time.After(sequenceTime)
	}
	select {
	case c := <-e.input:
		e.reading = false
		if len(c.data) == 0 && c.err != nil {
			return false, c.err
		}
		e.decoder.Push(c.data)
		if width, height := e.size(); width != e.width || height != e.height {
			return false, e.reshape() // the signal may come later than the keys
		}
		return false, nil
	case <-resized:
		return false, e.reshape()
	case <-late:
		if !e.asked.IsZero() {
			return false, e.redraw(-1)
		}
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// size returns the terminal's size.
func (e *Editor) size() (width, height int) {
	width, height, err := term.GetSize(int(e.Out.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// resize asks for the terminal's size.
func (e *Editor) resize() {
	e.width, e.height = e.size()
	e.canvas.resize(e.width, e.height)
}

// reshape draws the text anew after a change of the terminal's size. A narrower terminal may have broken the rows above the cursor. If
// that makes a difference, the cursor's position tells.
func (e *Editor) reshape() error {
	before := e.width
	e.resize()
	s, ok := e.canvas.(*screen)
	if !ok {
		return nil
	}
	if kept, broken, _ := s.above(e.width); e.width >= before || kept == broken {
		return s.lift(kept)
	}
	if !e.asked.IsZero() {
		return nil
	}
	e.asked = time.Now()
	_, err := io.WriteString(e.Out, "\x1b[6n")
	return err
}

// redraw draws the text anew, when the terminal has told the cursor's column, from 0. A negative column is no answer: then it is
// not a terminal that breaks rows.
func (e *Editor) redraw(column int) error {
	e.asked = time.Time{}
	s := e.canvas.(*screen)
	kept, broken, moved := s.above(e.width)
	reflowed := e.Reflows
	if column < 0 {
		reflowed = false
	} else if s.column >= e.width && moved != e.width-1 {
		reflowed = column != e.width-1
	}
	if reflowed {
		return s.lift(broken)
	}
	return s.lift(kept)
}

// press handles a key. It returns the message when it is complete.
func (e *Editor) press(k Key) (message string, done bool, err error) {
	if k.Name == "position" {
		return "", false, e.position(k.Text)
	}
	if e.search != nil && e.searching(k) {
		return "", false, nil
	}
	switch k.Name {
	case "enter":
		return e.accept()
	case "alt-enter", "shift-enter", "ctrl-enter":
		e.buffer.Apply(Key{"paste", "\n"})
	case "ctrl-c":
		if e.buffer.Text() == "" {
			return "", false, ErrInterrupted
		}
		e.buffer.Reset()
		e.browser = e.History.browse()
	case "ctrl-d":
		if e.buffer.Text() == "" {
			return "", false, io.EOF
		}
		e.buffer.Apply(k)
	case "ctrl-z":
		return "", false, e.suspend()
	case "ctrl-l":
		return "", false, e.canvas.clear()
	case "ctrl-r", "ctrl-s":
		e.search = &search{texts: e.History.entries, at: len(e.History.entries), begun: e.buffer.Text(), forward: k.Name == "ctrl-s"}
	case "up", "ctrl-p", "down", "ctrl-n", "page-up", "page-down":
		e.vertical(k)
	case "tab":
		e.complete(k)
	default:
		e.buffer.Apply(k)
	}
	return "", false, nil
}

// position takes the terminal's answer.
func (e *Editor) position(text string) error {
	if e.asked.IsZero() {
		return nil
	}
	column := 0
	for _, c := range text[strings.IndexByte(text, ';')+1:] {
		if c < '0' || c > '9' || column > 1<<20 {
			return nil
		}
		column = 10*column + int(c-'0')
	}
	return e.redraw(max(0, column-1))
}

// accept returns the message, or begins its next line.
func (e *Editor) accept() (string, bool, error) {
	message, open := Message(e.buffer.Text())
	if open {
		e.buffer.remember()
		e.buffer.Set(message)
		return "", false, nil
	}
	e.buffer.at = len(e.buffer.text)
	return message, true, nil
}

// vertical moves between the lines of the text, or to another text of the history.
func (e *Editor) vertical(k Key) {
	page := strings.HasPrefix(k.Name, "page-")
	if !page && e.buffer.Apply(k) {
		return
	}
	by := 1
	if k.Name == "up" || k.Name == "ctrl-p" || k.Name == "page-up" {
		by = -1
	}
	if text, ok := e.browser.step(by, e.buffer.Text()); ok {
		e.buffer.Set(text)
		e.buffer.column = -1
	}
}

// complete completes the text as far as that is possible in one way only.
func (e *Editor) complete(k Key) {
	text := e.buffer.Text()
	if e.Complete == nil || e.buffer.Cursor() != len(text) {
		e.buffer.Apply(k)
		return
	}
	found := e.Complete(text)
	if found == nil {
		e.buffer.Apply(k)
		return
	}
	common := found[0]
	for _, other := range found[1:] {
		for !strings.HasPrefix(other, common) {
			common = common[:len(common)-1]
		}
	}
	if rest, ok := strings.CutPrefix(common, text); ok && rest != "" {
		e.buffer.Apply(Key{"paste", strings.ToValidUTF8(rest, "")})
	}
}

// searching handles a key of a search. It reports false if the key has ended the search and is still to be handled.
func (e *Editor) searching(k Key) bool {
	s := e.search
	switch k.Name {
	case "text":
		for _, r := range k.Text { // one by one, so that the longest part with a match counts
			s.query += string(r)
			s.find(min(s.at, len(s.texts)-1))
		}
	case "backspace":
		var b Buffer
		b.Set(s.query)
		b.Apply(k)
		s.query = b.Text()
		s.at = len(s.texts) - 1
		s.find(s.at)
	case "ctrl-r", "ctrl-s":
		if s.forward = k.Name == "ctrl-s"; s.forward {
			s.find(s.at + 1)
		} else {
			s.find(s.at - 1)
		}
	case "ctrl-c", "ctrl-g":
		e.buffer.Set(s.begun)
		e.search = nil
		return true
	case "esc":
		e.search = nil
		return true
	default:
		e.search = nil
		return false
	}
	if s.at < len(s.texts) && s.query != "" {
		e.buffer.Set(s.texts[s.at])
	} else {
		e.buffer.Set(s.begun)
	}
	return true
}
