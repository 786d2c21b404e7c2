package grammar

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads a grammar in GBNF, the notation of llama.cpp. The text follows the rule "root". It knows rules (name ::= …), literals,
// classes of characters ([a-z], [^"]), any character (.), groups, alternatives, repetitions (* + ? {n} {m,} {m,n}), comments (#) and
// the escapes \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH. Tokens in angle brackets are refused. Errors are of type *Error.
func Parse(source string) (*Grammar, error) { return New(GBNF(source)) }

// GBNF is the part that Parse compiles.
func GBNF(source string) Part {
	return Part{keyed("GBNF", source), func(r *rules) (*expr, error) { return parseGBNF(r, source) }}
}

// parseGBNF adds the rules of a grammar and returns a reference to its root.
func parseGBNF(r *rules, source string) (*expr, error) {
	if len(source) > MaxSource {
		return nil, &Error{Reason: fmt.Sprintf("the grammar has %d bytes, at most %d are allowed", len(source), MaxSource)}
	}
	p := gbnf{rules: r, source: source, numbers: map[string]int{}, used: map[int]int{}}
	root := p.number("root")
	err := p.file()
	if err != nil {
		return nil, err
	}
	for n := root; n < len(p.bodies); n++ {
		if p.bodies[n] == nil {
			p.at = p.used[n]
			return nil, p.errorf("rule %q is not defined", p.names[n])
		}
	}
	return ref(root), nil
}

type gbnf struct {
	*rules
	source  string
	at      int
	depth   int
	numbers map[string]int
	used    map[int]int // where each rule was first named
}

func (p *gbnf) errorf(format string, args ...any) error {
	before := p.source[:min(p.at, len(p.source))]
	line := strings.Count(before, "\n")
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &Error{Where: fmt.Sprintf("line %d, column %d", line+1, column+1), Reason: fmt.Sprintf(format, args...)}
}

// number returns the number of a rule.
func (p *gbnf) number(name string) int {
	n, ok := p.numbers[name]
	if !ok {
		n = p.add(name)
		p.numbers[name] = n
		p.used[n] = p.at
	}
	return n
}

// peek returns the next byte, 0 at the end.
func (p *gbnf) peek() byte {
	if p.at < len(p.source) {
		return p.source[p.at]
	}
	return 0
}

func (p *gbnf) take(s string) bool {
	if !strings.HasPrefix(p.source[p.at:], s) {
		return false
	}
	p.at += len(s)
	return true
}

// space skips blanks and comments, and line ends if lines is set.
func (p *gbnf) space(lines bool) {
	for p.at < len(p.source) {
		switch c := p.source[p.at]; {
		case c == ' ' || c == '\t' || lines && (c == '\n' || c == '\r'):
			p.at++
		case c == '#':
			for p.at < len(p.source) && p.source[p.at] != '\n' && p.source[p.at] != '\r' {
				p.at++
			}
		default:
			return
		}
	}
}

func (p *gbnf) file() error {
	for p.space(true); p.at < len(p.source); p.space(true) {
		at := p.at
		name := p.name()
		if name == "" {
			return p.errorf("want the name of a rule, got %s", p.got())
		}
		p.space(false)
		if !p.take("::=") {
			return p.errorf("want ::= behind the name of rule %q, got %s", name, p.got())
		}
		p.space(true)
		n := p.number(name)
		if p.bodies[n] != nil {
			p.at = at
			return p.errorf("rule %q is defined twice", name)
		}
		body, err := p.alternatives()
		if err != nil {
			return err
		}
		if p.at < len(p.source) && p.peek() != '\n' && p.peek() != '\r' {
			return p.errorf("want the end of rule %q, got %s", name, p.got())
		}
		p.bodies[n] = body
	}
	return nil
}

// got quotes what comes next.
func (p *gbnf) got() string {
	if p.at >= len(p.source) {
		return "the end of the grammar"
	}
	_, n := utf8.DecodeRuneInString(p.source[p.at:])
	return strconv.Quote(p.source[p.at : p.at+n])
}

func (p *gbnf) name() string {
	from := p.at
	for c := p.peek(); c == '-' || c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'; c = p.peek() {
		p.at++
	}
	return p.source[from:p.at]
}

func (p *gbnf) alternatives() (*expr, error) {
	var parts []*expr
	for {
		part, err := p.sequence()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		at := p.at
		p.space(true)
		if !p.take("|") {
			if p.depth == 0 {
				p.at = at
			}
			return alt(parts...), nil
		}
		p.space(true)
	}
}

func (p *gbnf) sequence() (*expr, error) {
	var parts []*expr
	for {
		part, err := p.element()
		if err != nil {
			return nil, err
		}
		if part == nil {
			return seq(parts...), nil
		}
		p.space(p.depth > 0)
		for strings.IndexByte("*+?{", p.peek()) >= 0 && p.peek() != 0 {
			if part, err = p.repetition(part); err != nil {
				return nil, err
			}
			p.space(p.depth > 0)
		}
		parts = append(parts, part)
	}
}

// element returns nil where none begins.
func (p *gbnf) element() (*expr, error) {
	switch c := p.peek(); {
	case c == '"':
		return p.literal()
	case c == '[':
		return p.charClass()
	case c == '.':
		p.at++
		return chars(anyChar), nil
	case c == '(':
		return p.group()
	case c == '<' || c == '!':
		return nil, p.errorf("tokens in angle brackets are not supported: write their text")
	}
	at := p.at
	if name := p.name(); name != "" {
		end := p.at
		p.at = at
		n := p.number(name)
		p.at = end
		return ref(n), nil
	}
	return nil, nil
}

func (p *gbnf) group() (*expr, error) {
	at := p.at
	p.at++
	if p.depth++; p.depth > MaxNesting {
		return nil, p.errorf("groups are nested more than %d deep", MaxNesting)
	}
	p.space(true)
	e, err := p.alternatives()
	p.depth--
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		if p.at >= len(p.source) {
			p.at = at
			return nil, p.errorf("the group has no end")
		}
		return nil, p.errorf("want ) for the group that begins in line %d, got %s", 1+strings.Count(p.source[:at], "\n"), p.got())
	}
	return e, nil
}

func (p *gbnf) literal() (*expr, error) {
	at := p.at
	p.at++
	var b []byte
	for !p.take(`"`) {
		if p.at >= len(p.source) || p.peek() == '\n' {
			p.at = at
			return nil, p.errorf("the text in quotes has no end")
		}
		r, err := p.char()
		if err != nil {
			return nil, err
		}
		b = utf8.AppendRune(b, r)
	}
	return text(string(b)), nil
}

func (p *gbnf) charClass() (*expr, error) {
	at := p.at
	p.at++
	negated := p.take("^")
	var ranges []runeRange
	for !p.take("]") {
		if p.at >= len(p.source) || p.peek() == '\n' {
			p.at = at
			return nil, p.errorf("the class of characters has no end")
		}
		lo, err := p.char()
		if err != nil {
			return nil, err
		}
		hi := lo
		if p.peek() == '-' && !strings.HasPrefix(p.source[p.at:], "-]") {
			p.at++
			if p.at >= len(p.source) {
				continue
			}
			if hi, err = p.char(); err != nil {
				return nil, err
			}
		}
		if lo > hi {
			return nil, p.errorf("the range from %q to %q is upside down", lo, hi)
		}
		ranges = append(ranges, runeRange{lo, hi})
	}
	if negated {
		ranges = negate(ranges)
	}
	if len(ranges) == 0 {
		p.at = at
		return nil, p.errorf("the class of characters is empty")
	}
	return chars(ranges), nil
}

// escapes are the characters behind a backslash, and what they stand for.
var escapes = map[byte]rune{'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', '"': '"', '[': '[', ']': ']', '-': '-', '^': '^'}

// char reads a character of a literal or a class.
func (p *gbnf) char() (rune, error) {
	at := p.at
	r, n := utf8.DecodeRuneInString(p.source[p.at:])
	if r == utf8.RuneError && n <= 1 {
		return 0, p.errorf("the grammar is not UTF-8 here")
	}
	p.at += n
	if r != '\\' {
		return r, nil
	}
	c := p.peek()
	p.at++
	if r, ok := escapes[c]; ok {
		return r, nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	if digits == 0 || p.at+digits > len(p.source) {
		p.at = at
		return 0, p.errorf("unknown escape: want one of \\n \\r \\t \\\\ \\\" \\[ \\] \\xHH \\uHHHH \\UHHHHHHHH")
	}
	v, err := strconv.ParseUint(p.source[p.at:p.at+digits], 16, 32)
	if err != nil || v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
		defer func(to int) { p.at = to }(p.at)
		p.at = at
		return 0, p.errorf("the escape needs %d hexadecimal digits of a character", digits)
	}
	p.at += digits
	return rune(v), nil
}

func (p *gbnf) repetition(e *expr) (*expr, error) {
	at := p.at
	p.at++
	switch p.source[at] {
	case '*':
		return repeat(e, 0, unlimited), nil
	case '+':
		return repeat(e, 1, unlimited), nil
	case '?':
		return optional(e), nil
	}
	p.space(false)
	least, err := p.integer()
	if err != nil {
		return nil, err
	}
	most := least
	p.space(false)
	if p.take(",") {
		most = unlimited
		p.space(false)
		if p.peek() != '}' {
			if most, err = p.integer(); err != nil {
				return nil, err
			}
		}
		p.space(false)
	}
	if !p.take("}") {
		return nil, p.errorf("want }, got %s", p.got())
	}
	if least > most {
		p.at = at
		return nil, p.errorf("a repetition of at least %d and at most %d", least, most)
	}
	return repeat(e, least, most), nil
}

func (p *gbnf) integer() (int, error) {
	from := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	if p.at == from {
		return 0, p.errorf("want a number, got %s", p.got())
	}
	n, err := strconv.Atoi(p.source[from:p.at])
	if err != nil || n > MaxRepeat {
		p.at = from
		return 0, p.errorf("a repetition of more than %d", MaxRepeat)
	}
	return n, nil
}
