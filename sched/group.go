package sched

import (
	"slices"

	"github.com/gosling-rwkv/gosling/engine"
)

// group is texts with one prompt that is read once. The first of them reads it. If that one ends before, the next one goes on.
type group struct {
	texts  []*text         // that have not begun their answer
	state  engine.Snapshot // behind the prompt, if that is read and texts are left
	forks  int             // texts that have begun their answer, and that have no other state yet
	logits []float32       // of the state
}

// read reports whether the prompt is read, and the state kept for texts of the group.
func (g *group) read() bool { return g.state.State != nil }

// readsForOthers reports whether others wait until the text has read the prompt.
func (t *text) readsForOthers() bool {
	return t.phase == reading && len(t.group.texts) > 1 && t.group.texts[0] == t
}

// states returns for how many states there must be memory before a text begins. The first of a group needs another one, for those that follow.
func (t *text) states() int {
	if t.phase == queued && len(t.group.texts) > 1 {
		return 2
	}
	return 1
}

// shared returns the number of states that groups keep, or will keep when their prompts are read.
func (l *loop) shared() (n int) {
	for _, t := range l.texts {
		if t.readsForOthers() || t.phase == following && t.group.read() && t.group.texts[0] == t {
			n++
		}
	}
	return n
}

// share takes a text whose prompt is read out of its group, and keeps the state for the others.
func (l *loop) share(t *text, logits []float32) error {
	g := t.group
	if t.readsForOthers() {
		state := l.snapshot()
		if err := l.machine.Save(Reader, &state); err != nil {
			return err
		}
		g.state = state
		g.logits = slices.Clone(logits)
		for _, other := range g.texts[1:] {
			other.progress = t.progress
		}
	}
	g.texts = g.texts[1:]
	return nil
}

// branch begins the answers of texts whose prompt another one has read, as long as there is memory for them.
func (l *loop) branch() {
	var texts []*text
	for _, t := range l.texts {
		if g := t.group; t.phase == following && g.read() && l.mayAdmit(t.states()) {
			t.forked = true
			g.forks++
			g.remove(t)
			t.to(waiting)
			l.queue(t)
			texts = append(texts, t)
		}
	}
	for i, s := range l.sample(texts, func(i int) []float32 { return texts[i].group.logits }) {
		l.emit(texts[i], s)
	}
}

// remove takes a text out of those that have not begun their answer.
func (g *group) remove(t *text) {
	g.texts = slices.DeleteFunc(g.texts, func(other *text) bool { return other == t })
}

// tidy gives the memory of a group's state to the next ones if no text needs it.
func (l *loop) tidy(g *group) {
	if g.read() && len(g.texts) == 0 && g.forks == 0 {
		l.spare = append(l.spare, g.state)
		g.state, g.logits = engine.Snapshot{}, nil
	}
}

// leaveGroup takes a text that ends out of its group. If it was to read the prompt, the next one goes on with that.
func (l *loop) leaveGroup(t *text) {
	g := t.group
	reads := !g.read() && len(g.texts) > 1 && g.texts[0] == t
	g.remove(t)
	l.tidy(g)
	if !reads {
		return
	}
	next := g.texts[0]
	next.to(queued)
	if t.phase != reading {
		return
	}
	next.to(reading)
	next.progress, next.state, next.hit, next.places = t.progress, t.state, t.hit, t.places
	t.state, t.hit = engine.Snapshot{}, nil
	if l.reader == t {
		l.reader = next
	}
	if l.last == t {
		l.last = next
	}
}
