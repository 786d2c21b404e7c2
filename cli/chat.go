package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"

	"github.com/gosling-rwkv/gosling/demo"
	"github.com/gosling-rwkv/gosling/dialog"
	"github.com/gosling-rwkv/gosling/internal/lineedit"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/lm"
)

// chatLimit is the default of --n-predict in chat, per answer.
const chatLimit = 2048

func chatCommand() *urfave.Command {
	flags := []urfave.Flag{
		&urfave.BoolFlag{Name: "resume", Usage: "go on with the last conversation; without MODEL, with its model", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "no-save", Usage: "do not save the conversation for --resume", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "no-history", Usage: "neither read nor keep the messages that were typed in earlier conversations", DisableDefaultText: true},
		&urfave.BoolFlag{Name: "hide-thinking", Usage: "show only how long the thoughts of a model are", DefaultText: "in a script"},
		&urfave.BoolFlag{Name: "no-wrap", Usage: "leave it to the terminal to break the lines of answers", DisableDefaultText: true},
		escapeFlag(),
	}
	return &urfave.Command{
		Name: "chat", Usage: "talk with a model", ArgsUsage: "MODEL",
		Description: `A conversation in the format that the model was trained on, found from its name and version, or in that of --template.
Messages can be edited with the keys of a shell: the arrow keys bring back earlier ones, and Ctrl-R searches them. If
standard input is not a terminal, each of its lines is a message, and the first error ends the conversation.

Every turn is saved with the state of the model, so --resume goes on even if the program was killed. The last ` + fmt.Sprint(dialog.Kept) + `
conversations are kept.

  ` + strings.ReplaceAll(dialog.Help(), "\n", "\n  ") + `
Examples:
  gosling chat demo
  gosling chat model.gguf
  gosling chat --resume
  gosling chat model.gguf --temp 0 --think fast
  gosling chat model.gguf --template raven --system "Alice knows everything about geese."
  printf 'What is a goose?\n/save goose.state\n' | gosling chat model.gguf`,
		Flags:  slices.Concat(flags, templateFlags(), formFlags(), samplingFlags(chatLimit), stateFlags(), modelFlags()),
		Action: runChat,
	}
}

// lastConversation returns the conversation that --resume goes on with, or nil.
func lastConversation(c *urfave.Context) (*dialog.Resumed, error) {
	if !c.Bool("resume") {
		return nil, nil
	}
	for _, name := range []string{"system", "template", "tools", "state"} {
		if c.IsSet(name) {
			return nil, misuse(c, "--resume goes on with the conversation as it began: leave out --%s", name)
		}
	}
	s, err := dialog.OpenStore()
	if err != nil {
		return nil, err
	}
	r, err := s.Last()
	if errors.Is(err, dialog.ErrNone) {
		err = &hinted{err, "start one with gosling chat MODEL"}
	}
	return r, err
}

func runChat(c *urfave.Context) error {
	last, err := lastConversation(c)
	if err != nil {
		return err
	}
	name := c.Args().First()
	if last != nil {
		defer last.Record.Close()
		if name == "" {
			name = last.Saved.Model
		}
	}
	if c.NArg() > 1 || name == "" {
		return misuse(c, "want one model, not %d arguments", c.NArg())
	}
	f, err := formatFlags(c)
	if err != nil {
		return err
	}
	like, err := form(c)
	if err != nil {
		return err
	}
	m, loaded, err := loadNamed(c, name)
	if err != nil {
		return err
	}
	defer m.Close()
	if _, err := m.TextTokenizer(); err != nil {
		return err
	}
	own, why := m.JudgeTemplate()
	if f.Name != "" || f.Think.Start != "" || f.Calls {
		why = ""
	}
	if last != nil {
		if f, err = last.Saved.Format(f.Think); err != nil {
			return err
		}
	}
	if err := settle(c, &f, own); err != nil {
		return err
	}
	if !f.Chat {
		return misuse(c, "template %s is for single texts, not for a conversation: use gosling run", f.Name)
	}
	o, err := samplingOptions(c, m, f.Template)
	if err != nil {
		return err
	}
	t := &talk{c: c, loaded: loaded}
	if t.lines, err = newLines(c, c.App.Writer); err != nil {
		return err
	}
	defer t.lines.Close()
	t.editor, _ = t.lines.(*editedLines)
	logger(c).Info("template", "name", f.Name, "why", cmp.Or(why, "it was asked for"), "stop", f.Stops)
	t.dialog, err = t.newDialog(m, name, why, last, lm.ConversationOptions{
		Format: f, Sampling: &o, Stop: stopStrings(c, f.Stops), Limit: max(0, c.Int("n-predict")), Form: like,
	})
	if err != nil {
		return err
	}
	defer t.dialog.Close()
	if name == demo.Name {
		fmt.Fprintln(c.App.ErrWriter, demo.About)
	}
	if t.editor != nil {
		fmt.Fprint(c.App.Writer, t.dialog.Welcome(name))
	}
	if last != nil {
		t.begin = last.Saved.Pending
		if err := t.dialog.Resume(c.Context, last); err != nil {
			return err
		}
	}
	return t.run()
}

// talk is a conversation with a person at the keyboard, or with a script.
type talk struct {
	c       *urfave.Context
	dialog  *dialog.Dialog
	lines   lines
	editor  *editedLines // nil in a script
	begin   string       // what the next message begins with
	leaving bool         // the last message was Ctrl-C, and the next one leaves
	loaded  time.Duration
}

// newDialog starts the conversation.
func (t *talk) newDialog(m *lm.Model, name, why string, last *dialog.Resumed, o lm.ConversationOptions) (*dialog.Dialog, error) {
	options := dialog.Options{
		Model: m, Out: t.c.App.Writer, About: t.c.App.ErrWriter, Answer: t.printer, Reading: t.reading, Verbose: t.c.Bool("verbose"), Why: why,
		Times: func(times lm.Times) { times.WriteText(t.c.App.ErrWriter, t.loaded) },
		View:  dialog.View{NoWrap: t.c.Bool("no-wrap"), HideThoughts: t.c.Bool("hide-thinking") || !t.c.IsSet("hide-thinking") && t.editor == nil},
		ReadFile: func(ctx context.Context, path string) (string, error) {
			text, err := readText(t.c, path, promptLimit)
			return string(text), err
		},
	}
	switch {
	case t.c.Bool("no-save"):
	case last != nil:
		options.Record = last.Record
	default:
		s, err := dialog.OpenStore()
		if err != nil {
			note(t.c, "the conversation is not saved: %s", errorText(err))
			break
		}
		options.Record = s.New(name, m.Identity())
	}
	tokens, err := m.Encode(o.Format.Open(o.Format.System))
	if err != nil {
		return nil, err
	}
	ctx, end := t.reading(t.c.Context, len(tokens))
	defer end()
	options.Conversation, err = m.NewConversation(ctx, o)
	if err != nil {
		return nil, err
	}
	return dialog.New(options), nil
}

// reading shows the progress of reading tokens.
func (t *talk) reading(ctx context.Context, tokens int) (context.Context, func()) {
	line, ctx := reading(ctx, t.c, "reading", tokens)
	return ctx, func() { line.End() }
}

// printer returns what shows an answer.
func (t *talk) printer(v dialog.View) dialog.Printer {
	return dialog.NewPrinter(t.c.App.Writer, t.editor != nil, os.Getenv("TERM"), v)
}

// run reads and answers messages until the input ends. In a script the first error ends the conversation. The exception is a
// model file that has changed: the remaining lines are still read, so that the script can save its conversation.
func (t *talk) run() error {
	unanswered := 0
	for {
		text, err := t.nextLine()
		if errors.Is(err, io.EOF) || errors.Is(err, lineedit.ErrInterrupted) && t.leaving {
			return t.ended(unanswered)
		}
		if t.leaving = errors.Is(err, lineedit.ErrInterrupted); t.leaving {
			fmt.Fprintln(t.c.App.ErrWriter, "Ctrl-C again, Ctrl-D or /bye leaves.")
			continue
		}
		if err != nil {
			return err
		}
		next, err := t.do(text)
		if next.Leave {
			return t.ended(unanswered)
		}
		t.begin = next.Begin
		switch {
		case dialog.Changed(err):
			err = &hinted{err, "/save FILE keeps the conversation; continue it with an intact copy of the same model"}
			unanswered++
		case errors.Is(err, context.Canceled) && t.editor != nil && t.c.Err() == nil:
			continue
		case err != nil && (t.editor == nil || t.c.Err() != nil):
			return err
		}
		if err != nil {
			printError(t.c.App.ErrWriter, err)
		}
	}
}

// do runs a command or answers a message. The first Ctrl-C ends the answer, and the second one the program.
func (t *talk) do(text string) (dialog.Next, error) {
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	stopped := make(chan struct{})
	running := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = t.lines.Close() // so that the second Ctrl-C leaves the terminal as it was
		stop()
	})
	next, err := t.dialog.Do(ctx, text)
	if !running() {
		<-stopped // before the terminal is prepared for the next message
	}
	if err == nil && t.editor == nil && next.Begin != "" {
		err = errors.New("/edit needs the new message where no person can edit the old one")
	}
	return next, err
}

// ended returns the error of a conversation in which some messages were not answered. A person has already seen the reason.
func (t *talk) ended(unanswered int) error {
	if t.editor != nil {
		if r := t.dialog.Record; r != nil && r.Kept() {
			fmt.Fprintln(t.c.App.ErrWriter, "Saved: gosling chat --resume goes on.")
		}
		return nil
	}
	if unanswered == 0 {
		return nil
	}
	return fmt.Errorf("%s not answered: the model's file has changed", units.Count(unanswered, "message"))
}

// nextLine reads a line. If Ctrl-C arrives as a signal, it ends the program.
func (t *talk) nextLine() (string, error) {
	ctx, stop := signal.NotifyContext(t.c.Context, os.Interrupt)
	defer stop()
	begin := t.begin
	t.begin = ""
	return t.lines.Read(ctx, begin)
}
