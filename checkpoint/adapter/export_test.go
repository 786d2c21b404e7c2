package adapter

func (a *Adapter) Rank() int64 { return a.rank() }
