package engine

// Plans returns the number of plans that the slots keep.
func (s *Slots) Plans() int { return len(s.plans) }
