package grammar

// Empty empties the caches of an automaton, as it does by itself when they are full.
func (a *Automaton) Empty() { a.forget() }
