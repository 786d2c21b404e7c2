package eval

import "slices"

// Sample returns n of the questions in their order, or all if there are fewer. It takes the first questions of each kind in
// rounds: one of every kind, then a second of every kind, and so on. If a round needs fewer questions than there are kinds, it
// chooses kinds at equal distances. The same n gives the same questions.
func Sample(questions []Question, n int) []Question {
	if n >= len(questions) {
		return questions
	}
	var kinds []string
	places := map[string][]int{} // of questions that are not taken yet
	for i, q := range questions {
		if places[q.Kind] == nil {
			kinds = append(kinds, q.Kind)
		}
		places[q.Kind] = append(places[q.Kind], i)
	}
	var taken []int
	for len(taken) < n {
		round := min(n-len(taken), len(kinds))
		for i := range round {
			kind := kinds[i*len(kinds)/round]
			taken = append(taken, places[kind][0])
			places[kind] = places[kind][1:]
		}
		kinds = slices.DeleteFunc(kinds, func(kind string) bool { return len(places[kind]) == 0 })
	}
	slices.Sort(taken)
	sample := make([]Question, n)
	for i, at := range taken {
		sample[i] = questions[at]
	}
	return sample
}
