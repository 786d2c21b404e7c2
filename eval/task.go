package eval

// Task is how well a model did in one.
type Task struct {
	Name     string   `json:"name"`
	Items    int      `json:"items"`
	Correct  int      `json:"correct"`
	Accuracy Estimate `json:"accuracy"`
	Low      float64  `json:"accuracy_low"` // the 95 % confidence interval of Wilson
	High     float64  `json:"accuracy_high"`
	PPL      Estimate `json:"ppl"` // of the right answer; 0 where a task has none
}
