package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosling-rwkv/gosling/internal/served"
)

const (
	fairSlots = 8
	quantum   = 256 // tokens that a text decodes before it makes room
	essay     = 600 // tokens of each answer: several turns
	ahead     = 4   // turns for which a tenant may be ahead of the others, who then go first
)

// conversations are how many each tenant has at a time. Few or many, a tenant gets the same share.
var conversations = map[string]int{"ann": 28, "ben": 20, "cem": 12, "dag": 4}

// fair lets tenants with different numbers of conversations share few slots. Each tenant must get the same number of tokens, and no
// conversation may wait longer than twice what taking turns costs.
func fair(ctx context.Context, o options, stderr io.Writer) (r report, err error) {
	dir, err := os.MkdirTemp("", "loadserve-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "keys")
	keys := map[string]string{}
	for name := range conversations {
		if keys[name], err = o.newKey(ctx, file, name); err != nil {
			return r, err
		}
	}
	t, err := o.start(ctx, "--slots", strconv.Itoa(fairSlots), "--api-key-file", file)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, t.stop()) }()
	fmt.Fprintf(stderr, "%d conversations on %d slots for %s\n", total(conversations), fairSlots, o.duration)
	into, found := newRecord(), &shares{tokens: map[string]int{}, waits: map[string]time.Duration{}}
	t.converse(ctx, keys, o.duration, into, found)
	r.Stages = append(r.Stages, into.stage("64 conversations"))
	found.judge(&r, time.Since(into.begin))
	return r, ctx.Err()
}

// newKey adds a key to a file.
func (o options) newKey(ctx context.Context, file, name string) (string, error) {
	cmd := exec.CommandContext(ctx, o.gosling, "key", "new", name, "--file", file)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", cmd, err)
	}
	words := strings.Fields(string(out))
	if len(words) == 0 {
		return "", fmt.Errorf("%s: printed no key", cmd)
	}
	return words[len(words)-1], nil
}

func total(n map[string]int) (sum int) {
	for _, one := range n {
		sum += one
	}
	return sum
}

// shares is what the tenants got.
type shares struct {
	mu     sync.Mutex
	tokens map[string]int           // by tenant
	waits  map[string]time.Duration // the longest time to a first piece or between two, by tenant
}

// converse lets all tenants' conversations run until the time is up.
func (t *target) converse(ctx context.Context, keys map[string]string, duration time.Duration, into *record, found *shares) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var group sync.WaitGroup
	for name, n := range conversations {
		for i := range n {
			c := t.Client
			c.Key = keys[name]
			group.Go(func() {
				for turn := 0; ctx.Err() == nil; turn++ {
					found.one(ctx, &c, name, uint64(1000*i+turn), into)
				}
			})
		}
	}
	group.Wait()
}

// one asks for a long answer and notes what came, also if the time was up before the end.
func (s *shares) one(ctx context.Context, c *served.Client, name string, seed uint64, into *record) {
	body := served.Body{"prompt": served.Prose(seed, 10), "max_tokens": essay, "seed": seed, "temperature": 1, "ignore_eos": true}
	begin := time.Now()
	a, err := c.Stream(ctx, texts, body, func(*served.Answer) error { return nil })
	if err != nil && ctx.Err() != nil {
		err = nil
		a.Usage.Completed = len(a.Pieces)
	} else if err == nil && a.Usage.Completed != essay {
		err = fmt.Errorf("%d tokens, want %d", a.Usage.Completed, essay)
	}
	into.answer(a, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[name] += a.Usage.Completed
	last := time.Since(begin)
	if len(a.Pieces) > 0 {
		last = a.Pieces[0]
	}
	s.waits[name] = max(s.waits[name], last, slices.Max(append(a.Gaps(), 0)))
}

// judge checks the shares that the tenants got in some time.
func (s *shares) judge(r *report, in time.Duration) {
	tokens := slices.Collect(maps.Values(s.tokens))
	if len(tokens) < len(conversations) || slices.Min(tokens) == 0 {
		r.hold(false, "every tenant got tokens: %v", s.tokens)
		return
	}
	least, most := slices.Min(tokens), slices.Max(tokens)
	r.hold(float64(most) <= 1.05*float64(least), "tenants got %v tokens: the most is %.3f of the least, want at most 1.05", s.tokens, float64(most)/float64(least))
	turn := in * quantum * fairSlots / time.Duration(total(s.tokens)) // that a text has a slot
	for _, name := range slices.Sorted(maps.Keys(s.waits)) {
		others := float64(conversations[name]*len(conversations))/fairSlots - 1 // turns until a conversation's next one
		bound := time.Duration((2*others + ahead) * float64(turn))
		r.hold(s.waits[name] <= bound, "%s: a conversation waited %s at most, want %s (%d turns of %s more than twice the %.1f turns of others)", name,
			s.waits[name].Round(time.Millisecond), bound.Round(time.Millisecond), ahead, turn.Round(time.Millisecond), others)
	}
}
