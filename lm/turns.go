package lm

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/chat"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/generate"
	"github.com/gosling-rwkv/gosling/prompt"
	"github.com/gosling-rwkv/gosling/sampler"
)

// Turn is a message and its answer.
type Turn struct {
	Asked  string          `json:"asked"`            // the message, or the output of a function
	Result bool            `json:"result,omitempty"` // it is the output of a function
	Answer string          `json:"answer"`           // what stays in the conversation: no thoughts
	Said   string          `json:"said"`             // the whole generated text, after Start
	Start  prompt.Think    `json:"start"`            // how the answer began
	Reason generate.Reason `json:"reason"`           // why the answer ended

	before *engine.Snapshot // the state before the turn; nil if it was not kept
}

// text is what the model reads as the user's.
func (t Turn) text() string {
	if t.Result {
		return prompt.Result(t.Asked)
	}
	return t.Asked
}

// verbatim reports whether a turn stays as it was generated: its answer has no thoughts and no fences.
func (t Turn) verbatim() bool {
	return t.Start.Start+t.Start.Request == "" && t.Answer == strings.TrimSpace(t.Said)
}

// told returns a turn as the model has read it.
func (c *Conversation) told(t Turn) string {
	if t.verbatim() {
		return c.Ask(t.text(), t.Start) + t.Said + chat.Lacking(t.Said, c.Separator)
	}
	return c.Answered(t.text(), t.Answer)
}

// Unfinished reports whether a limit or the user has ended the answer.
func (t Turn) Unfinished() bool {
	return t.Reason == generate.Limit || t.Reason == generate.Cancelled
}

// Thoughts returns the model's thoughts, or an empty string.
func (t Turn) Thoughts() string {
	s := chat.Format{}.NewSplitter(t.Start)
	var thoughts strings.Builder
	for _, p := range append(s.Push(t.Said), s.Flush()...) {
		if p.Kind == chat.Thoughts {
			thoughts.WriteString(p.Text)
		}
	}
	return strings.TrimSpace(thoughts.String())
}

// openAnswer is an answer that may go on.
type openAnswer struct {
	turn   Turn
	at     engine.Snapshot // at the end of what was said, without unread
	unread []byte
	kept   bool // the turn is the last one of the conversation
}

// opened returns how an unfinished answer goes on, or nil.
func (c *Conversation) opened(turn Turn, last generate.Piece) (*openAnswer, error) {
	if !turn.Unfinished() || turn.Said == "" {
		return nil, nil
	}
	at, err := c.session.Snapshot()
	return &openAnswer{turn: turn, at: at, unread: slices.Clone(last.Unread)}, err
}

// add appends a turn, and drops the oldest snapshot if there are too many.
func (c *Conversation) add(turn Turn) {
	c.turns = append(c.turns, turn)
	if old := len(c.turns) - snapshots - 1; old >= 0 {
		c.turns[old].before = nil
	}
}

// Turns returns the turns since the beginning, or since a state was loaded.
func (c *Conversation) Turns() []Turn { return slices.Clone(c.turns) }

// Unanswered returns the message whose answer was dropped because it ended before it had begun, or an empty string.
func (c *Conversation) Unanswered() string {
	if c.open == nil || c.open.kept {
		return ""
	}
	return c.open.turn.Asked
}

// Partial reports whether the conversation began with a saved state, so that Turns does not tell all that the model has read.
func (c *Conversation) Partial() bool { return c.partial }

// Seen returns the text that the model has read, as far as the turns tell.
func (c *Conversation) Seen() string {
	var all strings.Builder
	if !c.partial {
		all.WriteString(c.Open(c.System))
	}
	for _, t := range c.turns {
		all.WriteString(c.told(t))
	}
	return all.String()
}

// Messages returns the conversation as messages, with the system prompt in front.
func (c *Conversation) Messages() []chat.Message {
	var all []chat.Message
	if c.System != "" {
		all = append(all, chat.Message{Role: chat.System, Text: c.System})
	}
	for _, t := range c.turns {
		asked := chat.Message{Role: chat.User, Text: t.Asked}
		if t.Result {
			asked.Role = chat.Tool
		}
		all = append(all, asked, chat.Message{Role: chat.Assistant, Text: t.Answer, Thoughts: t.Thoughts()})
	}
	return all
}

// StateBytes returns the size of the state in bytes. It stays the same however long the conversation is.
func (c *Conversation) StateBytes() int64 {
	var n int64
	for _, spec := range c.model.Arch().State(c.model.Config()) {
		n += 4 * spec.Elements
	}
	return n
}

// Sampling returns how tokens are chosen.
func (c *Conversation) Sampling() sampler.Options { return c.sampler }

// SetSampling changes how tokens are chosen from now on.
func (c *Conversation) SetSampling(o sampler.Options) error {
	s, err := sampler.New(o)
	if err == nil {
		c.sampler, c.options.Sampler = o, s
	}
	return err
}

// SetLimit changes the maximum number of tokens per answer. 0 means no limit.
func (c *Conversation) SetLimit(n int) { c.options.Limit = n }

// Stop returns the strings that end an answer, and SetStop changes them. None may be empty.
func (c *Conversation) Stop() []string { return slices.Clone(c.options.Stop) }

// SetStop changes the strings that end an answer.
func (c *Conversation) SetStop(stop []string) { c.options.Stop = slices.Clone(stop) }

// Errors of commands for the last turn.
var (
	ErrNoTurn   = errors.New("there is no turn to go back to")
	ErrComplete = errors.New("the last answer is complete: there is nothing to continue")
)

// rewind goes back to the state before a turn, and drops it and all later turns. Without a snapshot it reads the earlier turns again.
func (c *Conversation) rewind(ctx context.Context, turn int) error {
	if turn < 0 || turn >= len(c.turns) || c.partial && c.turns[turn].before == nil {
		return ErrNoTurn
	}
	kept := c.turns[:turn]
	if before := c.turns[turn].before; before != nil {
		if err := c.session.Restore(*before); err != nil {
			return err
		}
	} else if err := c.reread(ctx, kept); err != nil {
		return err
	}
	c.turns, c.open = slices.Clone(kept), nil
	c.options.Sampler.Reset()
	return nil
}

// reread reads the beginning and some turns. After an error the state is unchanged.
func (c *Conversation) reread(ctx context.Context, turns []Turn) error {
	now, err := c.session.Snapshot()
	if err != nil {
		return err
	}
	var all strings.Builder
	all.WriteString(c.Open(c.System))
	for _, t := range turns {
		all.WriteString(c.told(t))
	}
	if err := c.session.Reset(); err != nil {
		return err
	}
	if err := c.read(ctx, all.String()); err != nil {
		return errors.Join(err, c.session.Restore(now))
	}
	return nil
}

// Undo takes the last turn back. Sixteen turns can be undone at once. Earlier ones need the conversation to be read again from its
// beginning, which is not possible behind a state that was loaded. Without a turn to undo the error is ErrNoTurn.
func (c *Conversation) Undo(ctx context.Context) error { return c.rewind(ctx, len(c.turns)-1) }

// here is where a conversation is.
type here struct {
	state engine.Snapshot
	turns []Turn
	open  *openAnswer
}

// mark returns where the conversation is, and back returns there.
func (c *Conversation) mark() (here, error) {
	state, err := c.session.Snapshot()
	return here{state, slices.Clone(c.turns), c.open}, err
}

func (c *Conversation) back(h here) error {
	c.turns, c.open = h.turns, h.open
	return c.session.Restore(h.state)
}

// Retry lets the model answer the last message again. After an error, or if there is no new answer, the conversation is unchanged.
func (c *Conversation) Retry(ctx context.Context, each func(chat.Part) error) (Reply, error) {
	return c.replace(ctx, "", each)
}

// Edit replaces the last message and its answer. After an error, or if there is no new answer, the conversation is unchanged.
func (c *Conversation) Edit(ctx context.Context, text string, each func(chat.Part) error) (Reply, error) {
	return c.replace(ctx, text, each)
}

// replace asks the last message again, or another one in its place.
func (c *Conversation) replace(ctx context.Context, text string, each func(chat.Part) error) (Reply, error) {
	now, err := c.mark()
	if err != nil {
		return Reply{}, err
	}
	var turn Turn
	switch dropped := c.open != nil && !c.open.kept; {
	case dropped:
		turn = c.open.turn
	case len(c.turns) > 0:
		turn = c.turns[len(c.turns)-1]
		if err := c.rewind(ctx, len(c.turns)-1); err != nil {
			return Reply{}, err
		}
	default:
		return Reply{}, ErrNoTurn
	}
	again := Turn{Asked: turn.Asked, Result: turn.Result, Start: c.Start()}
	if text != "" {
		again.Asked, again.Result = text, false
	}
	if again.Result {
		again.Start = turn.Start
	}
	r, err := c.sayTo(ctx, again, each)
	if err != nil || r.Cut {
		open := c.open
		if backErr := c.back(now); backErr != nil || err != nil {
			return r, errors.Join(err, backErr)
		}
		if len(now.turns) == 0 {
			c.open = open
		}
	}
	return r, nil
}

// Continue goes on with an answer that a limit or the user has ended. Otherwise the error is ErrComplete. Reply.Said is the whole
// answer. After an error the conversation is unchanged.
func (c *Conversation) Continue(ctx context.Context, each func(chat.Part) error) (Reply, error) {
	now, err := c.mark()
	if err != nil {
		return Reply{}, err
	}
	turn, text, err := c.resumed(ctx)
	if err != nil {
		return Reply{}, errors.Join(err, c.back(now))
	}
	tokens, err := encodePrompt(c.options.Vocab, text)
	if err != nil {
		return Reply{}, errors.Join(err, c.back(now))
	}
	r, err := c.answer(ctx, turn, tokens, *turn.before, each)
	if err != nil {
		return r, errors.Join(err, c.back(now))
	}
	return r, nil
}

// resumed brings the session to the end of an unfinished answer, and drops its turn. It returns the turn and the text that is still to
// be read.
func (c *Conversation) resumed(ctx context.Context) (turn Turn, unread []byte, err error) {
	if open := c.open; open != nil {
		if open.kept {
			c.turns = c.turns[:len(c.turns)-1]
		}
		if len(open.unread) > 0 {
			return open.turn, open.unread, c.session.Restore(open.at)
		}
		return open.turn, []byte(c.Ask(open.turn.text(), open.turn.Start) + open.turn.Said), c.session.Restore(*open.turn.before)
	}
	last := len(c.turns) - 1
	if last < 0 || !c.turns[last].Unfinished() {
		return turn, nil, ErrComplete
	}
	turn = c.turns[last]
	if err := c.rewind(ctx, last); err != nil {
		return turn, nil, err
	}
	before, err := c.session.Snapshot()
	turn.before = &before
	return turn, []byte(c.Ask(turn.text(), turn.Start) + turn.Said), err
}

// Resume goes on with earlier turns. The state is that of the file at path if it fits the model. Otherwise, or if path is empty, the
// model reads the turns again, and reread is true. partial tells that the turns are not all that the state knows; then the state must
// fit.
func (c *Conversation) Resume(ctx context.Context, turns []Turn, path string, partial bool) (reread bool, err error) {
	if path != "" {
		err = c.Load(ctx, path)
		c.saved = ""
	}
	if path == "" || err != nil && !partial {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		reread, err = true, c.reread(ctx, turns)
	}
	if err != nil {
		return false, err
	}
	c.turns, c.open, c.partial = slices.Clone(turns), nil, partial
	return reread, nil
}

// SaveTo writes the state to a file and replaces the file if it exists.
func (c *Conversation) SaveTo(path string) error { return c.write(path, true) }
