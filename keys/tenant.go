package keys

// Tenant is whoever sends requests with the same key. It may be shared between goroutines.
type Tenant struct {
	Name        string
	Permissions Permission
	Priority    int // its share of the computing time while others wait, 1 if nothing else was said
}

// Everyone returns a tenant without limits.
func Everyone(name string, p Permission) *Tenant {
	return &Tenant{Name: name, Permissions: p, Priority: 1}
}
