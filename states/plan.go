package states

import "slices"

// What checkpoints are worth their memory.
const (
	nearest = 16  // tokens that any place saves at least
	apart   = 64  // tokens that a junction, or a place inside of a turn, saves at least
	within  = 512 // tokens into a turn for the first place inside of it; the next one is twice as far
)

// Marks are places of a prompt's text, in bytes from its beginning. Zero means that there is no such place.
type Marks struct {
	System  int   // the end of the system's turn
	History int   // where the last user's turn begins
	Answer  int   // before the answer, where it is not the end of the prompt; a prompt may begin the model's thoughts
	Turns   []int // the ends of all turns
}

// Plan returns where to take checkpoints when a prompt is read, as ascending numbers of tokens. They are at the marks, at the junction, and
// at 512, 1024, 2048, 4096 … tokens of long turns. Each is at least 16 tokens after the one before. covered is the number of tokens that need
// not be read, and junction is the place that Lookup names, both as in Hit.
func (p *Prompt) Plan(m Marks, covered, junction int) []int {
	if m.Answer <= 0 {
		m.Answer = p.ends[len(p.tokens)]
	}
	places := []int{junction}
	for _, mark := range []int{m.System, m.History, m.Answer} {
		if mark > 0 {
			places = append(places, p.beforeByte(mark))
		}
	}
	ends := []int{len(p.tokens)}
	for _, end := range m.Turns {
		ends = append(ends, p.beforeByte(end))
	}
	slices.Sort(ends)
	begin := 0
	for _, end := range ends {
		for at := begin + within; at+apart <= end; at += at - begin {
			if at >= covered+apart {
				places = append(places, at)
			}
		}
		begin = end
	}
	slices.Sort(places)
	last := covered
	return slices.DeleteFunc(places, func(at int) bool {
		if at < last+nearest || p.depth(at) == 0 {
			return true
		}
		last = at
		return false
	})
}
