package grammar

import (
	"fmt"
	"math"
)

type op uint8

const (
	opReturn op = iota // the rule, or a repetition's body, is complete
	opByte             // a byte of set, then next
	opSplit            // any of targets
	opCall             // the rule that starts at body, then next
	opRepeat           // body from least to most times, then next
)

// instr is one instruction. Its index is its address.
type instr struct {
	op          op
	nullable    bool // opRepeat: the body may be empty
	set         byteSet
	next, body  int32
	rule        int32 // opCall
	least, most int32
	targets     []int32
	need        int32 // how many more frames a path from here to the rule's end needs at least; impossible if there is none
}

const impossible = math.MaxInt32 / 2

// program is the compiled form of rules.
type program struct {
	code    []instr
	starts  []int32 // by rule
	start   int32   // of the rule that a text begins with
	class   [256]uint8
	members []byte // one byte of each class
	sizes   []int  // bytes of each class
}

// compile compiles rules and checks them: every rule has an end, and none begins with itself.
func compile(r *rules) (*program, error) {
	if len(r.bodies) > MaxRules {
		return nil, fmt.Errorf("the grammar has %d rules, at most %d are allowed", len(r.bodies), MaxRules)
	}
	c := compiler{program: &program{code: []instr{{op: opReturn}}, starts: make([]int32, len(r.bodies))}}
	for i, body := range r.bodies {
		c.rule = r.names[i]
		c.starts[i] = c.expr(body, 0)
		if c.err != nil {
			return nil, c.err
		}
	}
	for i := range c.code {
		if in := &c.code[i]; in.op == opCall {
			in.body = c.starts[in.rule]
		}
	}
	c.start = c.starts[r.start]
	if err := c.markEmpty(r); err != nil {
		return nil, err
	}
	c.measure()
	switch need := c.code[c.start].need; {
	case need == impossible:
		return nil, fmt.Errorf("no text fits rule %q: every alternative contains itself or something that never fits", r.names[r.start])
	case need > MaxDepth:
		return nil, fmt.Errorf("the shortest text of rule %q is nested %d deep, at most %d are allowed", r.names[r.start], need, MaxDepth)
	}
	c.classify()
	return c.program, nil
}

type compiler struct {
	*program
	rule string
	err  error
}

func (c *compiler) emit(in instr) int32 {
	if len(c.code) >= MaxInstructions {
		if c.err == nil {
			c.err = fmt.Errorf("the grammar needs more than %d instructions, the limit was reached in rule %q", MaxInstructions, c.rule)
		}
		return 0
	}
	c.code = append(c.code, in)
	return int32(len(c.code) - 1)
}

// expr compiles e, followed by the instruction at next, and returns its address.
func (c *compiler) expr(e *expr, next int32) int32 {
	if c.err != nil {
		return 0
	}
	switch e.kind {
	case isBytes:
		return c.emit(instr{op: opByte, set: e.set, next: next})
	case isSeq:
		for i := len(e.parts) - 1; i >= 0; i-- {
			next = c.expr(e.parts[i], next)
		}
		return next
	case isAlt:
		targets := make([]int32, len(e.parts))
		for i, part := range e.parts {
			targets[i] = c.expr(part, next)
		}
		return c.emit(instr{op: opSplit, targets: targets})
	case isRef:
		return c.emit(instr{op: opCall, rule: int32(e.rule), next: next})
	default:
		return c.repeat(e, next)
	}
}

func (c *compiler) repeat(e *expr, next int32) int32 {
	body := e.parts[0]
	switch {
	case e.most == 0:
		return next
	case e.least == 1 && e.most == 1:
		return c.expr(body, next)
	case e.least == 0 && e.most == 1:
		return c.emit(instr{op: opSplit, targets: []int32{c.expr(body, next), next}})
	case e.least <= 1 && e.most == unlimited:
		loop := c.emit(instr{op: opSplit})
		start := c.expr(body, loop)
		c.code[loop].targets = []int32{start, next}
		if e.least == 1 {
			return start
		}
		return loop
	default:
		at := c.emit(instr{op: opRepeat, least: int32(e.least), most: int32(e.most), next: next})
		start := c.expr(body, 0)
		c.code[at].body = start
		return at
	}
}

// after returns the instructions that may follow in without a byte, calls left out.
func (in *instr) after() []int32 {
	switch in.op {
	case opSplit:
		return in.targets
	case opRepeat:
		return []int32{in.body, in.next}
	case opCall:
		return []int32{in.next}
	}
	return nil
}

// markEmpty finds what may be empty, and refuses rules that begin with themselves: they would never take a byte.
func (c *compiler) markEmpty(r *rules) error {
	canEnd := c.solve(func(in *instr, done func(int32) bool) bool {
		switch in.op {
		case opReturn:
			return true
		case opSplit:
			return anyOf(in.targets, done)
		case opCall:
			return done(in.body) && done(in.next)
		case opRepeat:
			return (in.least == 0 || done(in.body)) && done(in.next)
		}
		return false
	})
	for i := range c.code {
		in := &c.code[i]
		if in.op != opRepeat || !canEnd[in.body] {
			continue
		}
		in.nullable, in.least = true, 0
		if in.most != int32(unlimited) && in.most > maxEmptyRepeats {
			return fmt.Errorf("something that may be empty is repeated up to %d times, at most %d are allowed", in.most, maxEmptyRepeats)
		}
	}
	return c.refuseLeftRecursion(r, canEnd)
}

// refuseLeftRecursion looks for a cycle in the graph of rules that begin with others.
func (c *compiler) refuseLeftRecursion(r *rules, canEnd []bool) error {
	const (
		unseen = iota
		open
		closed
	)
	state := make([]uint8, len(c.starts))
	seen := make([]int32, len(c.code)) // by rule + 1
	var visit func(rule int32) error
	visit = func(rule int32) error {
		state[rule] = open
		todo := []int32{c.starts[rule]}
		for len(todo) > 0 {
			pc := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if seen[pc] == rule+1 {
				continue
			}
			seen[pc] = rule + 1
			in := &c.code[pc]
			if in.op == opCall {
				if state[in.rule] == open {
					return fmt.Errorf("rule %q begins with itself (left recursion) through rule %q: put something before it, or use a repetition", r.names[in.rule], r.names[rule])
				}
				if state[in.rule] == unseen {
					if err := visit(in.rule); err != nil {
						return err
					}
				}
				if !canEnd[in.body] {
					continue
				}
			}
			if in.op == opRepeat && in.least > 0 {
				todo = append(todo, in.body)
				continue
			}
			todo = append(todo, in.after()...)
		}
		state[rule] = closed
		return nil
	}
	for rule := range c.starts {
		if state[rule] == unseen {
			if err := visit(int32(rule)); err != nil {
				return err
			}
		}
	}
	return nil
}

func anyOf(list []int32, ok func(int32) bool) bool {
	for _, pc := range list {
		if ok(pc) {
			return true
		}
	}
	return false
}

// users returns, for each instruction, those whose properties depend on it.
func (c *compiler) users() [][]int32 {
	users := make([][]int32, len(c.code))
	for i := range c.code {
		in := &c.code[i]
		on := in.after()
		switch in.op {
		case opByte:
			on = []int32{in.next}
		case opCall:
			on = []int32{in.body, in.next}
		}
		for _, pc := range on {
			users[pc] = append(users[pc], int32(i))
		}
	}
	return users
}

// solve returns the least set of instructions that is closed under holds.
func (c *compiler) solve(holds func(in *instr, done func(int32) bool) bool) []bool {
	users := c.users()
	set := make([]bool, len(c.code))
	done := func(pc int32) bool { return set[pc] }
	todo := []int32{0}
	for i := range c.code { // empty alternatives and repetitions hold on their own only through instruction 0
		if c.code[i].op == opReturn {
			todo = append(todo, int32(i))
		}
	}
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if set[pc] || !holds(&c.code[pc], done) {
			continue
		}
		set[pc] = true
		todo = append(todo, users[pc]...)
	}
	return set
}

// measure computes need. A path that stays within need never runs into MaxDepth, so the automaton has no dead ends.
func (c *compiler) measure() {
	users := c.users()
	for i := range c.code {
		c.code[i].need = impossible
	}
	todo := []int32{0}
	for level := int32(0); len(todo) > 0; level++ {
		var later []int32
		for len(todo) > 0 {
			pc := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			in := &c.code[pc]
			if in.need <= level {
				continue
			}
			if c.needs(in) > level {
				if c.needs(in) < impossible {
					later = append(later, pc)
				}
				continue
			}
			in.need = level
			todo = append(todo, users[pc]...)
		}
		todo = later
	}
}

// needs computes the need of in from those of others.
func (c *compiler) needs(in *instr) int32 {
	switch in.op {
	case opByte:
		return c.code[in.next].need
	case opSplit:
		least := int32(impossible)
		for _, pc := range in.targets {
			least = min(least, c.code[pc].need)
		}
		return least
	case opCall:
		return min(impossible, max(c.code[in.body].need+1, c.code[in.next].need))
	case opRepeat:
		if in.least > 0 {
			return min(impossible, max(c.code[in.body].need+1, c.code[in.next].need))
		}
		return c.code[in.next].need
	}
	return 0
}

// classify groups the bytes that no set tells apart.
func (c *compiler) classify() {
	distinct := map[byteSet]bool{}
	c.members, c.sizes = []byte{0}, []int{256}
	for i := range c.code {
		if in := &c.code[i]; in.op == opByte && !distinct[in.set] && len(c.members) < 256 {
			distinct[in.set] = true
			c.split(&in.set)
		}
	}
}

// split divides the classes into those inside and outside of set.
func (c *compiler) split(set *byteSet) {
	moved := make(map[uint8]uint8)
	for b := range 256 {
		old := c.class[b]
		if set.has(byte(b)) == set.has(c.members[old]) {
			continue
		}
		fresh, ok := moved[old]
		if !ok {
			fresh = uint8(len(c.members))
			moved[old] = fresh
			c.members, c.sizes = append(c.members, byte(b)), append(c.sizes, 0)
		}
		c.class[b] = fresh
		c.sizes[fresh]++
		c.sizes[old]--
	}
}
