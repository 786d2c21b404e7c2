package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// conversation is a chat with a model. Between turns its session has read whole turns only, each with the separator behind
// it, so that a saved state goes on as the conversation itself would.
type conversation struct {
	wording
	session *engine.Session
	options generate.Options
	errs    io.Writer // for the progress of long texts
	now     clock
	saved   string // the state file that was written or read last
}

// open starts from the beginning.
func (v *conversation) open(ctx context.Context) error {
	if err := v.session.Reset(); err != nil {
		return err
	}
	v.options.Sampler.Reset()
	if text := v.Open(v.system); text != "" {
		return v.read(ctx, text)
	}
	return nil
}

// read lets the session read a text.
func (v *conversation) read(ctx context.Context, text string) error {
	tokens, err := encodePrompt(v.options.Vocab, []byte(text))
	if err != nil || len(tokens) == 0 {
		return err
	}
	line := newReading(v.errs, v.now, "reading", len(tokens))
	defer line.end()
	_, err = v.session.Prefill(line.follow(ctx), tokens)
	return err
}

// message is what is said to the model.
type message struct {
	text  string
	start prompt.Think // how the model begins to answer
}

// reply is what the model said.
type reply struct {
	said string
	cut  bool // before there was an answer or a whole function call: the conversation is where it was before
}

// ask says something to the model and writes its answer to out as it comes. When ctx ends, the answer ends there, and that is
// no error. After an error the conversation is where it was before.
func (v *conversation) ask(ctx context.Context, asked message, out io.Writer, times *timing) (r reply, err error) {
	tokens, err := encodePrompt(v.options.Vocab, []byte(v.Ask(asked.text, asked.start)))
	if err != nil {
		return r, err
	}
	before, err := v.session.Snapshot()
	if err != nil {
		return r, err
	}
	v.options.Sampler.Reset()
	*times = timing{now: times.now, prompt: len(tokens)}
	o := v.options
	o.Stop = endOfCall(o.Stop, asked.start)
	var said strings.Builder
	var last generate.Piece
	show := printer(out, asked.start)
	err = times.follow(ctx, v.errs, v.session, tokens, o, func(piece generate.Piece) error {
		last = piece
		said.WriteString(piece.Text)
		return show(piece.Text)
	})
	if err == nil || last.Reason == generate.Cancelled {
		_, err = io.WriteString(out, "\n")
	}
	r.said = said.String()
	if err == nil {
		r.cut, err = v.close(context.WithoutCancel(ctx), asked, r.said, last, before)
	}
	if err != nil {
		err = errors.Join(err, v.session.Restore(before))
	}
	return r, err
}

// printer returns a function that prints an answer. It trims leading white space, restores the <think> tag that the prompt
// opened, and leaves out the rest of the tag that the prompt closed.
func printer(out io.Writer, start prompt.Think) func(string) error {
	begun, skip, tag := false, " \n", ""
	switch {
	case strings.Contains(start.Start, "</think"):
		skip += ">"
	case !forcesCall(start):
		tag = strings.TrimSpace(start.Start)
	}
	return func(text string) error {
		if !begun {
			if text = strings.TrimLeft(text, skip); text == "" {
				return nil
			}
			begun, text = true, tag+text
		}
		_, err := io.WriteString(out, text)
		return err
	}
}

// close brings the session to the end of the turn. A turn is kept as models were trained to read it: the question and the answer
// without thoughts, and a function call in its fences. One that was cut before it had an answer is left out, and so is one that
// was stopped before the model had read the question.
func (v *conversation) close(ctx context.Context, asked message, said string, last generate.Piece, before engine.Snapshot) (cut bool, err error) {
	if v.session.Tokens() == before.Tokens {
		return false, nil
	}
	answer, cut := kept(asked.start, said, last.Reason)
	if !cut && asked.start.Start+asked.start.Request == "" && answer == strings.TrimSpace(said) {
		return false, v.read(ctx, string(last.Unread)+lacking(said, v.Separator))
	}
	if err := v.session.Restore(before); err != nil || cut {
		return cut, err
	}
	return false, v.read(ctx, v.Answered(asked.text, answer))
}

// kept is what an answer leaves in the conversation, and whether it was cut before there was anything to leave.
func kept(start prompt.Think, said string, why generate.Reason) (answer string, cut bool) {
	if !forcesCall(start) {
		answer, thinking := start.Answer(said)
		return answer, answer == "" && (thinking || start.Start != "")
	}
	if _, err := prompt.Call(said); err != nil && (why == generate.Limit || why == generate.Cancelled) {
		return "", true
	}
	return strings.TrimSpace(prompt.CallStart) + "\n" + strings.TrimSpace(said) + prompt.CallEnd, false
}

// lacking is the end of a separator that a text does not end with already.
func lacking(text, separator string) string {
	for n := len(separator); n > 0; n-- {
		if strings.HasSuffix(text, separator[:n]) {
			return separator[n:]
		}
	}
	return separator
}

// save writes the state. It replaces no file but the one it wrote or read before.
func (v *conversation) save(path string) error {
	f, err := atomicfile.Create(path, atomicfile.Options{Force: path == v.saved})
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists: choose another name, or delete it first", path)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := buffered(f, v.session.Save); err != nil {
		return err
	}
	v.saved = path
	return f.Commit()
}

// load goes on from a saved state, which may come from a pipe. If it does not fit, the conversation stays as it was.
func (v *conversation) load(ctx context.Context, path string) error {
	f, err := infile.Stream(ctx, path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	head, _ := r.Peek(filekind.HeadSize)
	if err := ctx.Err(); err != nil {
		return err
	}
	if what := filekind.Recognize(head, "state"); what != "" {
		return fmt.Errorf("%s: %s", path, what)
	}
	if err := v.session.Load(r); err != nil {
		return cmp.Or(ctx.Err(), fmt.Errorf("%s: %w", path, err))
	}
	v.options.Sampler.Reset()
	v.saved = path
	return nil
}

// vocabForText is the vocabulary of a model that text is to be had of.
func vocabForText(m *lm.Model) (tokenizer.Tokenizer, error) {
	vocab, err := m.Tokenizer()
	if err == nil && vocab == nil {
		err = fmt.Errorf("%s has no tokenizer, so it speaks no text: use run with --tokens and --ids", m.File().Path())
	}
	return vocab, err
}

// encodePrompt cuts a prompt into the tokens by which a model knows its beginning.
func encodePrompt(vocab tokenizer.Tokenizer, text []byte) ([]tokenizer.Token, error) {
	tokens, err := vocab.Encode(text)
	return tokenizer.LineEnds(vocab, tokens), err
}
