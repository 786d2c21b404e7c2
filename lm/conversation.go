package lm

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/internal/atomicfile"
	"github.com/gosling-rwkv/gosling/internal/filekind"
	"github.com/gosling-rwkv/gosling/internal/infile"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
	"github.com/gosling-rwkv/gosling/tokenizer"
)

// ConversationOptions say how to hold a conversation. The zero value follows the model's template.
type ConversationOptions struct {
	Format   chat.Format      // without a name, the model's own template is used
	Sampling *sampler.Options // nil follows the template, with a random seed
	Stop     []string         // strings that end an answer; nil follows the template
	Limit    int              // maximum number of tokens per answer; 0 means no limit
	Form     *grammar.Part    // what an answer in words must look like; nil is any text. It ends the answer, so the template's stop strings do not
}

// Conversation is a chat with a model. Between turns its session has read whole turns only, each with its separator. A saved
// state therefore continues exactly as the conversation itself would. It belongs to one goroutine at a time.
type Conversation struct {
	chat.Format
	model   *Model
	session *engine.Session
	options generate.Options
	sampler sampler.Options
	form    *grammar.Part
	turns   []Turn
	partial bool        // the turns do not tell everything that the session has read: a state was loaded
	open    *openAnswer // nil if the last answer is complete
	saved   string      // the state file that was last written or read
}

// snapshots is how many turns have a snapshot of the state before them. The state of a 7B model takes 17 MiB.
const snapshots = 16

// NewConversation starts a conversation and lets the model read its opening. The caller closes it.
func (m *Model) NewConversation(ctx context.Context, o ConversationOptions) (*Conversation, error) {
	vocab, err := m.TextTokenizer()
	if err != nil {
		return nil, err
	}
	if o.Format.Name == "" {
		o.Format.Template = m.Template()
	}
	c := &Conversation{Format: o.Format, model: m, form: o.Form}
	c.sampler = m.Sampling(o.Format.Sampling)
	if o.Sampling != nil {
		c.sampler = *o.Sampling
	}
	c.options = generate.Options{Vocab: vocab, End: Tokens(o.Format.End), Stop: o.Stop, Limit: o.Limit}
	if o.Stop == nil && o.Form == nil {
		c.options.Stop = o.Format.Stops
	}
	if c.options.Sampler, err = sampler.New(c.sampler); err != nil {
		return nil, err
	}
	if c.session, err = m.NewSession(); err != nil {
		return nil, err
	}
	if err := c.Reset(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close frees the conversation's session. It is safe to call twice.
func (c *Conversation) Close() { c.session.Close() }

// Tokens returns the number of tokens read since the beginning.
func (c *Conversation) Tokens() int64 { return c.session.Tokens() }

// Limit returns the maximum number of tokens per answer. 0 means no limit.
func (c *Conversation) Limit() int { return c.options.Limit }

// Reset returns to the beginning and reads the system prompt again.
func (c *Conversation) Reset(ctx context.Context) error {
	if err := c.session.Reset(); err != nil {
		return err
	}
	c.turns, c.open, c.partial = nil, nil, false
	c.options.Sampler.Reset()
	return c.read(ctx, c.Open(c.System))
}

// read lets the session read a text.
func (c *Conversation) read(ctx context.Context, text string) error {
	tokens, err := encodePrompt(c.options.Vocab, []byte(text))
	if err != nil || len(tokens) == 0 {
		return err
	}
	_, err = c.session.Prefill(ctx, tokens)
	return err
}

// Reply is the model's answer to one message.
type Reply struct {
	Said  string       // the whole generated text, after Start
	Start prompt.Think // how the answer began
	Cut   bool         // interrupted before there was an answer or a whole function call; the conversation is unchanged, but Continue goes on with it
	Times Times
}

// Say sends a message to the model and passes the parts of its answer to each as they arrive. When ctx ends, the answer ends
// there without an error. After an error the conversation is unchanged.
func (c *Conversation) Say(ctx context.Context, text string, each func(chat.Part) error) (Reply, error) {
	return c.sayTo(ctx, Turn{Asked: text, Start: c.Start()}, each)
}

// Result passes on the result of a function that the model called. If inWords is set, the model may answer in words. Otherwise it
// may call another function. No request for thoughts is added.
func (c *Conversation) Result(ctx context.Context, output string, inWords bool, each func(chat.Part) error) (Reply, error) {
	start := c.Start()
	if inWords {
		start = c.Think
	}
	start.Request = ""
	return c.sayTo(ctx, Turn{Asked: output, Result: true, Start: start}, each)
}

// sayTo asks what a new turn asks.
func (c *Conversation) sayTo(ctx context.Context, turn Turn, each func(chat.Part) error) (Reply, error) {
	tokens, err := encodePrompt(c.options.Vocab, []byte(c.Ask(turn.text(), turn.Start)))
	if err != nil {
		return Reply{Start: turn.Start}, err
	}
	before, err := c.session.Snapshot()
	if err != nil {
		return Reply{Start: turn.Start}, err
	}
	c.options.Sampler.Reset()
	r, err := c.answer(ctx, turn, tokens, before, each)
	if err != nil {
		return r, errors.Join(err, c.session.Restore(before))
	}
	return r, nil
}

// answer generates the answer of a turn, or the rest of it, after some tokens. It adds the turn to the conversation unless it has no
// answer. before is the state before the turn.
func (c *Conversation) answer(ctx context.Context, turn Turn, tokens []tokenizer.Token, before engine.Snapshot, each func(chat.Part) error) (r Reply, err error) {
	r.Start = turn.Start
	o := c.options
	o.Stop = chat.Stops(o.Stop, turn.Start)
	g, err := c.model.GuideAnswer(c.Format, turn.Start, c.form, turn.Said)
	if err != nil {
		return r, err
	}
	if g != nil {
		defer g.Close()
		o.Sampler.SetGuide(g)
		defer o.Sampler.SetGuide(nil)
	}
	var said strings.Builder
	said.WriteString(turn.Said)
	var last generate.Piece
	parts := c.NewSplitter(turn.Start)
	parts.Push(turn.Said) // each already has these
	r.Times, err = Timed(ctx, generate.Text(ctx, c.session, tokens, o), len(tokens), func(piece generate.Piece) error {
		last = piece
		said.WriteString(piece.Text)
		return pass(parts.Push(piece.Text), each)
	})
	if err == nil || last.Reason == generate.Cancelled {
		err = pass(parts.Flush(), each)
	}
	r.Said = said.String()
	if err != nil {
		return r, err
	}
	turn.Said, turn.Reason, turn.before = r.Said, r.Times.Reason, &before
	open, err := c.opened(turn, last)
	if err != nil {
		return r, err
	}
	if turn.Answer, r.Cut, err = c.end(context.WithoutCancel(ctx), turn, last, before); err != nil {
		return r, err
	}
	if c.open = open; open != nil {
		open.kept = !r.Cut
	}
	if !r.Cut {
		c.add(turn)
	}
	return r, nil
}

func pass(parts []chat.Part, each func(chat.Part) error) error {
	for _, p := range parts {
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

// end brings the session to the end of the turn. It keeps a turn in the form that models were trained on: the question and the
// answer without thoughts, or a function call in its fences. It drops a turn that was interrupted before it had an answer, or
// before the model had read the question.
func (c *Conversation) end(ctx context.Context, turn Turn, last generate.Piece, before engine.Snapshot) (answer string, cut bool, err error) {
	if c.session.Tokens() == before.Tokens {
		return "", true, nil
	}
	turn.Answer, cut = chat.Kept(turn.Start, turn.Said, turn.Unfinished())
	if !cut && turn.verbatim() {
		return turn.Answer, false, c.read(ctx, string(last.Unread)+chat.Lacking(turn.Said, c.Separator))
	}
	if err := c.session.Restore(before); err != nil || cut {
		return "", cut, err
	}
	return turn.Answer, false, c.read(ctx, c.told(turn))
}

// Fork returns another conversation that starts where this one is. Both continue independently. The caller closes it.
func (c *Conversation) Fork() (*Conversation, error) {
	here, err := c.session.Snapshot()
	if err != nil {
		return nil, err
	}
	fork := *c
	fork.saved = ""
	fork.turns = slices.Clone(c.turns)
	if fork.options.Sampler, err = sampler.New(c.sampler); err != nil {
		return nil, err
	}
	if fork.session, err = c.model.NewSession(); err != nil {
		return nil, err
	}
	if err := fork.session.Restore(here); err != nil {
		fork.Close()
		return nil, err
	}
	return &fork, nil
}

// Save writes the state to a file. It only overwrites the file that this conversation last wrote or read. For any other existing
// file the error wraps fs.ErrExist.
func (c *Conversation) Save(path string) error {
	err := c.write(path, path == c.saved)
	if errors.Is(err, os.ErrExist) {
		return &takenError{path}
	}
	if err == nil {
		c.saved = path
	}
	return err
}

func (c *Conversation) write(path string, force bool) error {
	f, err := atomicfile.Create(path, atomicfile.Options{Force: force})
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	if err := errors.Join(c.session.Save(w), w.Flush()); err != nil {
		return err
	}
	return f.Commit()
}

// takenError is the error of Save for an existing file.
type takenError struct{ path string }

func (e *takenError) Error() string {
	return e.path + " exists: choose another name, or delete it first"
}
func (e *takenError) Unwrap() error { return os.ErrExist }

// Load continues from a saved state. If the state does not fit, the conversation is unchanged. Load waits for a pipe until ctx
// ends.
func (c *Conversation) Load(ctx context.Context, path string) error {
	f, err := infile.Stream(ctx, path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.loadFrom(ctx, f, path); err != nil {
		return err
	}
	c.turns, c.open, c.partial = nil, nil, true
	c.options.Sampler.Reset()
	c.saved = path
	return nil
}

func (c *Conversation) loadFrom(ctx context.Context, f io.Reader, path string) error {
	r := bufio.NewReader(f)
	head, _ := r.Peek(filekind.HeadSize)
	if err := ctx.Err(); err != nil {
		return err
	}
	if what := filekind.Recognize(head, "state"); what != "" {
		return fmt.Errorf("%s: %s", path, what)
	}
	if err := c.session.Load(r); err != nil {
		return cmp.Or(ctx.Err(), fmt.Errorf("%s: %w", path, err))
	}
	return nil
}
