package chat

import (
	"github.com/gosling-rwkv/gosling/grammar"
	"github.com/gosling-rwkv/gosling/prompt"
)

// Choice says whether an answer calls a function that is offered.
type Choice string

// The choices.
const (
	Trained  Choice = ""         // as G1 models were trained: a call; behind thoughts a call or words
	Auto     Choice = "auto"     // a call or words
	Required Choice = "required" // a call, also behind thoughts
)

// fenceStart begins a function call.
const fenceStart = prompt.Fence + "json"

// Grammar returns what all of an answer with this start must look like: its thoughts, white space, and the answer itself. words is what the
// answer must look like if it is in words; nil is any text. Function calls have the names and arguments of f.Tools. If nothing is
// constrained, ok is false.
func (f Format) Grammar(start prompt.Think, words *grammar.Part) (whole grammar.Part, ok bool) {
	call, calls := f.call()
	if ForcesCall(start) {
		return call, calls
	}
	fenced := grammar.Sequence(grammar.Text(fenceStart), call)
	switch {
	case !calls && words == nil:
		return whole, false
	case !calls:
		whole = *words
	case f.Choice == Required:
		whole = fenced
	case words != nil:
		whole = grammar.Either(*words, fenced)
	default:
		none := grammar.Text("")
		free := grammar.Sequence(grammar.LinesWithout(fenceStart, openTag), grammar.Either(none, grammar.Sequence(grammar.Text("\n"), fenced)))
		whole = grammar.Either(fenced, free)
	}
	return grammar.Sequence(leadIn(start), whole), true
}

// leadIn is what comes before an answer with this start: the rest of its thoughts, and white space.
func leadIn(start prompt.Think) grammar.Part {
	const lines = `root ::= [ \n]{0,2}`
	switch newState(start) {
	case closing:
		return grammar.GBNF(`root ::= ">" [ \n]{0,2}`)
	case opening:
		return grammar.Sequence(grammar.Text(">"), grammar.Without(closeTag), grammar.Text(closeTag), grammar.GBNF(lines))
	case thinking:
		return grammar.Sequence(grammar.Without(closeTag), grammar.Text(closeTag), grammar.GBNF(lines))
	}
	return grammar.GBNF(`root ::= " "?`)
}

// call returns a function call behind its opening fence, with the closing one. ok is false if the functions are not known. A call that is
// required follows the schema of its arguments. Otherwise a schema that cannot be taken allows any object.
func (f Format) call() (call grammar.Part, ok bool) {
	if len(f.Tools) == 0 {
		return call, false
	}
	each := make([]grammar.Part, len(f.Tools))
	for i, tool := range f.Tools {
		arguments := grammar.Object()
		if tool.Schema != nil {
			arguments = grammar.Schema(string(tool.Schema)).At(tool.Place)
			if f.Choice != Required {
				arguments = arguments.Else(grammar.Object())
			}
		}
		each[i] = grammar.Sequence(grammar.Text(`{"name":`+quote(tool.Name)+`,"arguments":`), arguments, grammar.Text("}"))
	}
	return grammar.Sequence(grammar.Text("\n"), grammar.Either(each...), grammar.Text(prompt.CallEnd)), true
}
