package grammar

import (
	"fmt"
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// Regexp returns the grammar of the texts that match a regular expression as a whole. The syntax is that of package regexp. It cannot
// contain \b, \B, and anchors within the expression (at its ends they change nothing). Errors are of type *Error.
func Regexp(pattern string) (*Grammar, error) {
	if len(pattern) > MaxSource {
		return nil, &Error{Reason: fmt.Sprintf("the regular expression has %d bytes, at most %d are allowed", len(pattern), MaxSource)}
	}
	e, err := (&regex{chars: chars, dot: negate([]runeRange{{'\n', '\n'}})}).parse(pattern, false)
	if err != nil {
		return nil, &Error{Reason: err.Error()}
	}
	var r rules
	r.define("regular expression", e)
	return build(&r)
}

// Choices returns the grammar of a list of texts. Errors are of type *Error.
func Choices(texts []string) (*Grammar, error) {
	size := 0
	for _, t := range texts {
		if size += len(t); size > MaxSource {
			return nil, &Error{Reason: fmt.Sprintf("the choices have more than %d bytes", MaxSource)}
		}
		if !utf8.ValidString(t) {
			return nil, &Error{Reason: fmt.Sprintf("the choice %q is not UTF-8", t)}
		}
	}
	if len(texts) == 0 {
		return nil, &Error{Reason: "the list of choices is empty"}
	}
	var r rules
	r.define("choices", oneOf(texts))
	return build(&r)
}

// regex turns regular expressions into expressions.
type regex struct {
	chars func([]runeRange) *expr // one character, as the text writes it
	dot   []runeRange             // what . stands for
}

// parse reads a pattern. If search is set, it may match any part of the text that its anchors allow, else it is the whole text.
func (x *regex) parse(pattern string, search bool) (*expr, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the regular expression %q: %w", pattern, err)
	}
	var parts []*expr
	for _, branch := range branches(re) {
		body, first, last := trimAnchors(branch)
		e, err := x.expr(body)
		if err != nil {
			return nil, fmt.Errorf("the regular expression %q: %w", pattern, err)
		}
		any := repeat(x.chars(anyChar), 0, unlimited)
		if search && !first {
			e = seq(any, e)
		}
		if search && !last {
			e = seq(e, any)
		}
		parts = append(parts, e)
	}
	return alt(parts...), nil
}

// branches returns the alternatives of an expression, through groups.
func branches(re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpCapture:
		return branches(re.Sub[0])
	case syntax.OpAlternate:
		var list []*syntax.Regexp
		for _, sub := range re.Sub {
			list = append(list, branches(sub)...)
		}
		return list
	}
	return []*syntax.Regexp{re}
}

// trimAnchors takes the anchors off the ends of an expression.
func trimAnchors(re *syntax.Regexp) (body *syntax.Regexp, first, last bool) {
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	for len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts, first = parts[1:], true
	}
	for len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText {
		parts, last = parts[:len(parts)-1], true
	}
	return &syntax.Regexp{Op: syntax.OpConcat, Sub: parts}, first, last
}

func (x *regex) expr(re *syntax.Regexp) (*expr, error) {
	switch re.Op {
	case syntax.OpNoMatch:
		return never, nil
	case syntax.OpEmptyMatch:
		return empty, nil
	case syntax.OpLiteral:
		parts := make([]*expr, len(re.Rune))
		for i, r := range re.Rune {
			parts[i] = x.chars(cases(r, re.Flags&syntax.FoldCase != 0))
		}
		return seq(parts...), nil
	case syntax.OpCharClass:
		var ranges []runeRange
		for i := 0; i < len(re.Rune); i += 2 {
			ranges = append(ranges, runeRange{re.Rune[i], re.Rune[i+1]})
		}
		return x.chars(ranges), nil
	case syntax.OpAnyCharNotNL:
		return x.chars(x.dot), nil
	case syntax.OpAnyChar:
		return x.chars(anyChar), nil
	case syntax.OpCapture:
		return x.expr(re.Sub[0])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		return x.repetition(re)
	case syntax.OpConcat, syntax.OpAlternate:
		parts := make([]*expr, len(re.Sub))
		for i, sub := range re.Sub {
			var err error
			if parts[i], err = x.expr(sub); err != nil {
				return nil, err
			}
		}
		if re.Op == syntax.OpAlternate {
			return alt(parts...), nil
		}
		return seq(parts...), nil
	}
	return nil, fmt.Errorf("%s is only supported at the ends, or not at all", re)
}

func (x *regex) repetition(re *syntax.Regexp) (*expr, error) {
	e, err := x.expr(re.Sub[0])
	switch {
	case err != nil:
		return nil, err
	case re.Op == syntax.OpStar:
		return repeat(e, 0, unlimited), nil
	case re.Op == syntax.OpPlus:
		return repeat(e, 1, unlimited), nil
	case re.Op == syntax.OpQuest:
		return optional(e), nil
	case re.Max < 0:
		return repeat(e, re.Min, unlimited), nil
	}
	return repeat(e, re.Min, re.Max), nil
}

// cases returns a character, with its other cases if fold is set.
func cases(r rune, fold bool) []runeRange {
	list := []runeRange{{r, r}}
	if fold {
		for c := unicode.SimpleFold(r); c != r; c = unicode.SimpleFold(c) {
			list = append(list, runeRange{c, c})
		}
	}
	return list
}
