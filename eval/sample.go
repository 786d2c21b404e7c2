package eval

import "slices"

// Sample returns n of the questions, or all if there are fewer, in their order. Of each kind it takes the first ones, and equally
// many of each as long as there are some: one of every kind, then a second of every kind, and so on. Where fewer are left to take
// than there are kinds, these are chosen at equal distances in the order of the kinds. The same n gives the same questions.
func Sample(questions []Question, n int) []Question {
	if n >= len(questions) {
		return questions
	}
	var kinds []string
	places := map[string][]int{} // that are not taken
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
