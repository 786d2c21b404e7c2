package keys

// Ring is the keys of a server. It may be shared between goroutines.
type Ring struct{}
