package dialog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/excerpt"
	"github.com/gosling-rwkv/gosling/lm"
	"github.com/gosling-rwkv/gosling/prompt"
)

// command is what a person may type.
type command struct {
	names    []string // the first one is ours, the others are those of other programs
	argument string
	about    string
	needs    string // what the argument is, if it is required
	run      func(*Dialog, context.Context, string) (Next, error)
}

// only wraps a command that is followed by an empty message.
func only(run func(*Dialog, context.Context, string) error) func(*Dialog, context.Context, string) (Next, error) {
	return func(d *Dialog, ctx context.Context, argument string) (Next, error) {
		return Next{}, run(d, ctx, argument)
	}
}

// commands lists the commands in the order of the help. It is a function, because the help is a command too.
func commands() []command {
	return []command{
		{[]string{"retry", "regen", "regenerate"}, "", "another answer to the last message", "", only((*Dialog).retry)},
		{[]string{"continue", "cont"}, "", "let the model go on with an answer that was cut", "", only((*Dialog).goOn)},
		{[]string{"undo"}, "", "take back the last message and its answer", "", only((*Dialog).undo)},
		{[]string{"edit"}, "[TEXT]", "change the last message, and get another answer", "", (*Dialog).edit},
		{[]string{"read"}, "FILE", "put the text of a file before the next message", "the name of a file", only((*Dialog).read)},
		{[]string{"system"}, "[TEXT]", "start over with this system prompt, or with none", "", only((*Dialog).setSystem)},
		{[]string{"think"}, "[MODE]", "let a G1 model think first: off, fast or empty (no thoughts), on, low, medium, high", "", only((*Dialog).setThink)},
		{[]string{"tool"}, "RESULT", "give the model the result of its function call, and let it call the next function", "the result of a call", only((*Dialog).tool)},
		{[]string{"answer"}, "RESULT", "the same, but let the model answer in words", "the result of a call", only((*Dialog).toolInWords)},
		{[]string{"set"}, "[NAME VALUE]", "change a setting, such as temp 0.8; without NAME, show all", "", only((*Dialog).set)},
		{[]string{"show"}, "[PART]", "what the model sees, tokens, size of the state, speed", "", only((*Dialog).show)},
		{[]string{"save"}, "FILE", "save the state of the conversation", "the name of a file", only((*Dialog).save)},
		{[]string{"load"}, "FILE", "continue from a saved state of the same model", "the name of a file", only((*Dialog).load)},
		{[]string{"export"}, "FILE", "write the messages to a file: .json, or else Markdown", "the name of a file", only((*Dialog).export)},
		{[]string{"clear", "reset", "new"}, "", "start from the beginning", "", only((*Dialog).clear)},
		{[]string{"bye", "exit", "quit"}, "", "leave, as Ctrl-D does", "", func(*Dialog, context.Context, string) (Next, error) { return Next{Leave: true}, nil }},
		{[]string{"?", "help"}, "", "this list", "", only(func(d *Dialog, _ context.Context, _ string) error { return d.write(Help()) })},
	}
}

// Help lists the commands and the keys.
func Help() string {
	var all strings.Builder
	for _, c := range commands() {
		name := "/" + strings.TrimSpace(c.names[0]+" "+c.argument)
		if others := c.names[1:]; len(others) > 0 {
			fmt.Fprintf(&all, "%-19s %s (/%s)\n", name, c.about, strings.Join(others, ", /"))
		} else {
			fmt.Fprintf(&all, "%-19s %s\n", name, c.about)
		}
	}
	return all.String() + `Ctrl-C stops an answer. Alt-Enter, a \ at the end of a line and """ around a text make messages of several lines, and
so does pasting. Put a blank before a message that begins with a slash.
`
}

// Complete returns the commands that a text may become.
func Complete(text string) []string {
	if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, " \n") {
		return nil
	}
	found := []string{}
	for _, c := range commands() {
		for _, name := range c.names {
			full := "/" + name
			if c.argument != "" {
				full += " "
			}
			if strings.HasPrefix(full, text) {
				found = append(found, full)
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// UnknownError is the error of a command that does not exist.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown command %s: see /help, or put a blank before a message that begins with a slash", excerpt.Cut(e.Name, 40))
}

// command runs a line that begins with a slash.
func (d *Dialog) command(ctx context.Context, line string) (Next, error) {
	name, argument := line, ""
	if i := strings.IndexAny(line, " \t\n"); i >= 0 {
		name, argument = line[:i], strings.TrimSpace(line[i:])
	}
	for _, c := range commands() {
		if slices.Contains(c.names, name[1:]) {
			if c.needs != "" && argument == "" {
				return Next{}, fmt.Errorf("%s needs %s", name, c.needs)
			}
			return c.run(d, ctx, argument)
		}
	}
	return Next{}, &UnknownError{name}
}

func (d *Dialog) retry(ctx context.Context, _ string) error {
	if d.Sampling().Temperature == 0 {
		if err := d.tell("note: at temperature 0 the answer is always the same: /set temp 1 gives another\n"); err != nil {
			return err
		}
	}
	return d.answer(ctx, "", d.Retry)
}

func (d *Dialog) goOn(ctx context.Context, _ string) error { return d.answer(ctx, "", d.Continue) }

func (d *Dialog) undo(ctx context.Context, _ string) error {
	if err := d.Undo(ctx); err != nil {
		return err
	}
	d.keep()
	return d.tell("back to %s, after %d tokens\n", turns(len(d.Turns())), d.Tokens())
}

// edit replaces the last message, or brings it back to be changed.
func (d *Dialog) edit(ctx context.Context, text string) (Next, error) {
	asked := d.Unanswered()
	if all := d.Turns(); asked == "" && len(all) > 0 {
		asked = all[len(all)-1].Asked
	}
	switch {
	case asked == "":
		return Next{}, lm.ErrNoTurn
	case text == "":
		return Next{Begin: "/edit " + asked}, nil
	}
	return Next{}, d.answer(ctx, d.Ask(text, d.Start()), func(ctx context.Context, each func(chat.Part) error) (lm.Reply, error) {
		return d.Edit(ctx, text, each)
	})
}

func (d *Dialog) read(ctx context.Context, name string) error {
	path, err := Path(name)
	if err != nil {
		return err
	}
	text, err := d.ReadFile(ctx, path)
	if err != nil {
		return err
	}
	d.attached = append(d.attached, attachment{path, text})
	return d.tell("%s: %d characters go with the next message\n", path, len([]rune(text)))
}

// restart returns to the beginning.
func (d *Dialog) restart(ctx context.Context) error {
	text := d.Open(d.System)
	tokens, err := d.Model.Encode(text)
	if err != nil {
		return err
	}
	ctx, end := d.Reading(ctx, len(tokens))
	defer end()
	d.attached = nil
	return d.Reset(ctx)
}

func (d *Dialog) clear(ctx context.Context, _ string) error {
	if err := d.restart(ctx); err != nil {
		return err
	}
	d.anew()
	return d.tell("back at the beginning\n")
}

// anew begins a record of its own, so that the conversation so far is still kept.
func (d *Dialog) anew() {
	if d.Record != nil {
		d.kept(d.Record.Renew())
	}
}

func (d *Dialog) setSystem(ctx context.Context, text string) error {
	d.System = text
	if err := d.restart(ctx); err != nil {
		return err
	}
	d.anew()
	if text == "" {
		return d.tell("back at the beginning, without a system prompt\n")
	}
	return d.tell("back at the beginning, with this system prompt\n")
}

func (d *Dialog) setThink(_ context.Context, name string) error {
	if name == "" {
		return d.tell("thinking is %s\n", d.Think.Name)
	}
	think, err := prompt.ParseThink(name)
	switch {
	case err != nil:
		return err
	case !d.Thinks && think.Start != "":
		return fmt.Errorf("this model cannot think: template %s does not support it", d.Name)
	}
	d.Think = think
	return d.tell("thinking is %s\n", d.Think.Name)
}

// NoFunctionsError is the error of a function's result where the model was offered no functions.
type NoFunctionsError struct{ Command string }

func (e *NoFunctionsError) Error() string {
	return e.Command + " needs functions that the model may call, and the result of a call"
}

func (d *Dialog) tool(ctx context.Context, output string) error {
	return d.result(ctx, "/tool", output, false)
}

func (d *Dialog) toolInWords(ctx context.Context, output string) error {
	return d.result(ctx, "/answer", output, true)
}

// result passes on the result of a function call.
func (d *Dialog) result(ctx context.Context, name, output string, inWords bool) error {
	if !d.Calls {
		return &NoFunctionsError{name}
	}
	return d.answer(ctx, prompt.Result(output), func(ctx context.Context, each func(chat.Part) error) (lm.Reply, error) {
		return d.Result(ctx, output, inWords, each)
	})
}

func (d *Dialog) save(_ context.Context, name string) error {
	path, err := Path(name)
	if err != nil {
		return err
	}
	if err := d.Save(path); err != nil {
		return err
	}
	return d.tell("saved to %s after %d tokens\n", path, d.Tokens())
}

func (d *Dialog) load(ctx context.Context, name string) error {
	path, err := Path(name)
	if err != nil {
		return err
	}
	if err := d.Load(ctx, path); errors.Is(err, context.Canceled) {
		return errors.Join(err, d.tell("nothing loaded\n"))
	} else if err != nil {
		return err
	}
	d.anew()
	d.keep()
	return d.tell("continuing from %s after %d tokens\n", path, d.Tokens())
}

// export writes the messages to a file, which must not exist.
func (d *Dialog) export(_ context.Context, name string) error {
	path, err := Path(name)
	if err != nil {
		return err
	}
	f, err := atomicfile.Create(path, atomicfile.Options{})
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists: choose another name, or delete it first", path)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	write := chat.WriteMarkdown
	if strings.EqualFold(filepath.Ext(path), ".json") {
		write = chat.WriteJSON
	}
	messages := d.Messages()
	if err := write(f, messages); err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return err
	}
	if d.Partial() {
		if err := d.tell("note: what was said before the state was loaded is not known, so it is not in the file\n"); err != nil {
			return err
		}
	}
	return d.tell("wrote %d messages to %s\n", len(messages), path)
}

// Path returns the path that a person means: quotation marks around it are not part of it, and ~ is the person's own folder.
func Path(name string) (string, error) {
	if n := len(name); n > 1 && (name[0] == '"' || name[0] == '\'') && name[n-1] == name[0] {
		return name[1 : n-1], nil
	}
	if name != "~" && !strings.HasPrefix(name, "~/") && !strings.HasPrefix(name, `~`+string(filepath.Separator)) {
		return name, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return filepath.Join(home, name[1:]), nil
}
