package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gosling/engine"
	"gosling/generate"
	"gosling/internal/atomicfile"
	"gosling/prompt"
	"gosling/tokenizer"
)

// conversation is a chat with a model. Between turns its session has read whole turns only, each with the separator behind
// it, so that a saved state goes on as the conversation itself would.
type conversation struct {
	wording
	session *engine.Session
	options generate.Options
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
	_, err = v.session.Prefill(ctx, tokens)
	return err
}

// ask says something to the model and writes its answer to out as it comes. When ctx ends, the answer ends there, and that is
// no error. After an error the conversation is as it was before.
func (v *conversation) ask(ctx context.Context, text string, out io.Writer, times *timing) error {
	tokens, err := encodePrompt(v.options.Vocab, []byte(v.Ask(text, v.think)))
	if err != nil {
		return err
	}
	before, err := v.session.Snapshot()
	if err != nil {
		return err
	}
	v.options.Sampler.Reset()
	*times = timing{prompt: len(tokens)}
	var said strings.Builder
	var last generate.Piece
	show := v.shower(out)
	err = times.follow(ctx, v.session, tokens, v.options, func(piece generate.Piece) error {
		last = piece
		said.WriteString(piece.Text)
		return show(piece.Text)
	})
	if err != nil && last.Reason != generate.Cancelled {
		return errors.Join(err, v.session.Restore(before))
	}
	if _, err := io.WriteString(out, "\n"); err != nil {
		return err
	}
	if err := v.close(context.WithoutCancel(ctx), text, said.String(), last, before); err != nil {
		return errors.Join(err, v.session.Restore(before))
	}
	return nil
}

// shower returns what writes an answer without the white space it begins with, and with the tag that its thoughts begin with,
// which stands in the prompt, or without the rest of the tag if the prompt has ended them.
func (v *conversation) shower(out io.Writer) func(string) error {
	begun, skip := false, " \n"
	if strings.Contains(v.think.Start, "</think") {
		skip += ">"
	}
	return func(text string) error {
		if !begun {
			if text = strings.TrimLeft(text, skip); text == "" {
				return nil
			}
			begun = true
			if v.think.Start != "" && !v.calls && !strings.Contains(skip, ">") {
				text = strings.TrimSpace(v.think.Start) + text
			}
		}
		_, err := io.WriteString(out, text)
		return err
	}
}

// close brings the session to the end of the turn. Of a turn with thoughts that came to an end it keeps the question and the
// answer only. One that was stopped before the model had read it never was.
func (v *conversation) close(ctx context.Context, asked, said string, last generate.Piece, before engine.Snapshot) error {
	if v.session.Tokens() == before.Tokens {
		return nil
	}
	if answer := v.kept(said); v.think.Start+v.think.Request != "" && answer != "" {
		if err := v.session.Restore(before); err != nil {
			return err
		}
		return v.read(ctx, v.Answered(asked, answer))
	}
	return v.read(ctx, string(last.Unread)+lacking(said, v.Separator))
}

// kept is what an answer leaves in the conversation: it has no thoughts, and a function call has its fences.
func (v *conversation) kept(said string) string {
	if v.calls {
		return strings.TrimSpace(prompt.CallStart) + "\n" + strings.TrimSpace(said) + "\n" + prompt.Fence
	}
	return v.think.Answer(said)
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

// load goes on from a saved state. If it does not fit, the conversation stays as it was.
func (v *conversation) load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := v.session.Load(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	v.options.Sampler.Reset()
	v.saved = path
	return nil
}

// vocabForText is the vocabulary of a model that text is to be had of.
func vocabForText(m *engine.Model) (tokenizer.Tokenizer, error) {
	vocab, err := vocabOf(m.File())
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
