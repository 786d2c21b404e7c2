// Package dialog holds a conversation between a person and a model: it runs the commands that a person types, shows answers, and
// keeps the conversation in a Record, so that another run of the program can go on with it. It knows no flags and no terminal.
//
// Limits: one conversation at a time, and text only.
package dialog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/lm"
)

// Printer shows one answer.
type Printer interface {
	Print(chat.Part) error
	End() error
}

// Options describe a dialog. All of them are required, except Record, Verbose, Wrap, HideThoughts and Why.
type Options struct {
	Model        *lm.Model
	Out          io.Writer // for what the person asked for
	About        io.Writer // for remarks
	Answer       func(View) Printer
	Reading      func(ctx context.Context, tokens int) (with context.Context, end func()) // shows progress
	Times        func(lm.Times)                                                           // shows how long an answer took
	ReadFile     func(ctx context.Context, path string) (string, error)
	Record       *Record // nil does not keep the conversation
	Verbose      bool    // show the times of every answer
	View         View
	Why          string // why the template was chosen
	Conversation *lm.Conversation
}

// View says how answers are shown.
type View struct {
	NoWrap       bool // leave it to the terminal to break lines
	HideThoughts bool
}

// Dialog is a conversation with a person. It belongs to one goroutine at a time.
type Dialog struct {
	Options
	*lm.Conversation
	attached []attachment
	last     lm.Times // of the last answer
}

// attachment is a text that goes with the next message.
type attachment struct{ name, text string }

// New returns a dialog in a conversation.
func New(o Options) *Dialog { return &Dialog{Options: o, Conversation: o.Conversation} }

// Next is what follows a line.
type Next struct {
	Leave bool
	Begin string // the text that the person's next message begins with
}

// Do runs a command, or says a message to the model and shows the answer. When ctx ends, the answer ends there.
func (d *Dialog) Do(ctx context.Context, line string) (Next, error) {
	switch {
	case strings.HasPrefix(line, "/"):
		return d.command(ctx, line)
	case strings.TrimSpace(line) == "" && len(d.attached) == 0:
		return Next{}, nil
	}
	return Next{}, d.say(ctx, line)
}

// say says a message with the texts that go with it.
func (d *Dialog) say(ctx context.Context, line string) error {
	text := line
	if len(d.attached) > 0 {
		var all strings.Builder
		for _, a := range d.attached {
			all.WriteString(a.text + "\n")
		}
		text = all.String() + line
	}
	d.pending(text)
	err := d.answer(ctx, d.Ask(text, d.Start()), func(ctx context.Context, each func(chat.Part) error) (lm.Reply, error) {
		return d.Say(ctx, text, each)
	})
	if err == nil {
		d.attached = nil
	}
	return err
}

// answer shows the answer to a prompt as it arrives, and keeps the conversation.
func (d *Dialog) answer(ctx context.Context, prompt string, say func(context.Context, func(chat.Part) error) (lm.Reply, error)) error {
	tokens, err := d.Model.Encode(prompt)
	if err != nil {
		return err
	}
	ctx, end := d.Reading(ctx, len(tokens))
	defer end()
	out := d.Answer(d.View)
	r, err := say(ctx, func(p chat.Part) error {
		end()
		return out.Print(p)
	})
	end()
	if errors.Is(err, lm.ErrNoTurn) || errors.Is(err, lm.ErrComplete) {
		return err
	}
	if endErr := out.End(); err == nil {
		err = endErr
	}
	if d.last = r.Times; d.Verbose {
		d.Times(r.Times)
	}
	d.keep()
	if err != nil {
		return err
	}
	return d.remark(r)
}

// remark says what was odd about an answer.
func (d *Dialog) remark(r lm.Reply) error {
	what := "answer"
	if chat.ForcesCall(r.Start) {
		what = "whole function call"
	}
	switch {
	case r.Cut && r.Times.Reason == generate.Limit:
		return d.tell("note: the model gave no %s (limit of %d tokens): the conversation continues without this turn; /continue lets the model go on\n", what, d.Limit())
	case r.Cut:
		return d.tell("note: the model gave no %s (%s): the conversation continues without this turn\n", what, r.Times.Reason)
	case r.Times.Reason == generate.Limit:
		return d.tell("note: the answer was cut at the limit of %d tokens; /continue goes on\n", d.Limit())
	case d.Calls:
		if err := chat.CheckCall(r.Start, r.Said); err != nil {
			return d.tell("note: %s\n", excerpt.Message(err))
		}
	}
	if name := d.SpeaksAsUser(r.Said); name != "" {
		return d.speaking(name)
	}
	return nil
}

// speaking tells that the model went on as the user.
func (d *Dialog) speaking(name string) error {
	if !d.Verbose {
		return d.tell("note: the model went on as the user (%q), so template %s may not be the right one; /set verbose tells more\n", name, d.Name)
	}
	return d.tell("note: the model went on as the user (%q): the template is %s, because %s; answers end before %q; /set stop TEXT adds a stop string\n", name, d.Name, d.because(), d.Stop())
}

// because returns why the template was chosen.
func (d *Dialog) because() string {
	if d.Why == "" {
		return "it was asked for"
	}
	return d.Why
}

// pending keeps a message that is not answered yet.
func (d *Dialog) pending(text string) {
	if d.Record != nil {
		d.kept(d.Record.write(d.saved(text)))
	}
}

// keep keeps the conversation as it is now.
func (d *Dialog) keep() {
	if d.Record == nil {
		return
	}
	d.kept(d.Record.Save(d.saved(d.Unanswered()), d.SaveTo))
}

// kept tells that a conversation is not kept. It tells this once.
func (d *Dialog) kept(err error) {
	if err != nil {
		d.Record = nil
		_ = d.tell("note: the conversation is no longer saved for another run: %s\n", excerpt.Message(err))
	}
}

// saved returns what is to be kept.
func (d *Dialog) saved(pending string) Saved {
	return Saved{
		Template: d.Name, System: d.System, Think: d.Think.Name, Calls: d.Calls,
		Turns: d.Turns(), Pending: pending, Partial: d.Partial(), Updated: time.Now().UTC(),
	}
}

// Resume goes on with a conversation that was kept.
func (d *Dialog) Resume(ctx context.Context, r *Resumed) error {
	from := r.Saved
	ctx, end := d.Reading(ctx, 0)
	defer end()
	reread, err := d.Conversation.Resume(ctx, from.Turns, r.State, from.Partial)
	if err != nil {
		return err
	}
	end()
	how := ""
	if reread && len(from.Turns) > 0 {
		how = ", which the model has read again"
	}
	if err := d.tell("going on after %s%s\n", turns(len(from.Turns)), how); err != nil {
		return err
	}
	if from.Pending != "" {
		return d.tell("note: the last message was not answered: %s\n", excerpt.Cut(strings.ReplaceAll(from.Pending, "\n", " "), 60))
	}
	return nil
}

func turns(n int) string {
	if n == 1 {
		return "1 turn"
	}
	return fmt.Sprintf("%d turns", n)
}

// write prints what the person asked for. tell prints what happened, so that it stays out of a script's answers.
func (d *Dialog) write(text string) error {
	_, err := io.WriteString(d.Out, text)
	return err
}

func (d *Dialog) tell(format string, args ...any) error {
	_, err := fmt.Fprintf(d.About, format, args...)
	return err
}

// Changed reports whether an error says that the model's file has changed. Then no more messages can be answered, but the
// conversation can be saved.
func Changed(err error) bool { return errors.Is(err, gguf.ErrChanged) }
