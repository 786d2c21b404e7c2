// Package grammar constrains the texts of a model. A Grammar says which texts are allowed. Parse reads the notation of llama.cpp (GBNF),
// Regexp a regular expression, Choices a list of texts, and FromSchema a JSON Schema. An Automaton runs a grammar over a vocabulary. Its
// State knows which tokens may come next:
//
//	state, err := g.Over(grammar.NewVocabulary(tok)).Start()
//	for {
//		mask, err := state.Mask()         // sample one of these
//		state, err = state.Push(token)
//	}
//
// A grammar may consist of several Parts. A Shelf keeps automata by their parts, for a program that answers many requests.
//
// All grammars become rules over bytes. Characters are whole UTF-8 characters, so a text never ends within one.
//
// Limits: see the constants. Whatever exceeds one is an error that names it. A grammar cannot lead into a dead end: where the stack is
// almost MaxDepth deep, only what leads back is allowed.
package grammar

// The limits of a grammar.
const (
	MaxSource       = 64 << 10 // bytes of a grammar's text or of a schema
	MaxRules        = 4096     // rules, with those that a schema needs
	MaxInstructions = 1 << 17  // instructions of the compiled form: about one for a byte of a literal, 22 for a class of characters
	MaxNesting      = 128      // groups within groups, or schemas within schemas
	MaxDepth        = 256      // frames of a stack: rules within rules, and repetitions, of a text
	MaxStacks       = 1024     // ways to read a text at once
	MaxRepeat       = 1 << 16  // bounds of a repetition

	maxEmptyRepeats = 64       // bound of a repetition of something that may be empty
	maxWork         = 1 << 20  // steps of one mask; some 100 ms
	nodeWork        = 64       // steps that a new node counts for
	maxCache        = 64 << 20 // bytes of an automaton's nodes and masks; when there are more, it starts afresh
	maxForced       = 4096     // bytes that Forced returns
)

// Grammar is a set of texts. It never changes, so goroutines may share it.
type Grammar struct{ *program }

// Over returns an automaton for the texts of the grammar in the tokens of a vocabulary.
func (g *Grammar) Over(v *Vocabulary) *Automaton { return newAutomaton(g.program, v) }

// Error reports a fault in the source of a grammar.
type Error struct {
	Source string // which part of the grammar it is, as Part.At names it; empty for a grammar of one part
	Where  string // such as "line 3, column 7" or "#/properties/age"; empty for the whole source
	Reason string
}

func (e *Error) Error() string {
	s := e.Reason
	for _, place := range []string{e.Where, e.Source} {
		if place != "" {
			s = place + ": " + s
		}
	}
	return s
}

// build compiles rules.
func build(r *rules) (*Grammar, error) {
	p, err := compile(r)
	if err != nil {
		return nil, &Error{Reason: err.Error()}
	}
	return &Grammar{p}, nil
}
