package keys

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Tenant is whoever sends requests with the same key. It counts what they use. Goroutines may share it.
type Tenant struct {
	Name        string
	Permissions Permission
	Priority    int // its share of the computing time while others wait, at least 1

	limits   Limits
	mu       sync.Mutex
	running  int
	requests *rate.Limiter // nil: no limit
	tokens   *rate.Limiter
}

// Everyone returns a tenant without a key and without limits.
func Everyone(name string, p Permission) *Tenant {
	return &Tenant{Name: name, Permissions: p, Priority: 1}
}

// newTenant returns the tenant of a key.
func newTenant(k Key) *Tenant {
	return &Tenant{
		Name: k.Name, Permissions: k.Permissions, Priority: max(1, k.Limits.Priority),
		limits: k.Limits, requests: perMinute(k.Limits.Requests), tokens: perMinute(k.Limits.Tokens),
	}
}

func perMinute(n int) *rate.Limiter {
	if n == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(float64(n)/60), n)
}

// LimitError says which limit of a key a request is over.
type LimitError struct {
	What  string // such as "requests per minute"
	Most  int
	After time.Duration // when to try again; the limit may be free earlier
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the limit of this key is %d %s: try again in %d s", e.Most, e.What, max(1, (e.After+time.Second-1)/time.Second))
}

// Begin counts a request that begins. Its error is a *LimitError, and the request is not counted. Otherwise End must be called.
func (t *Tenant) Begin(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.limits.Running > 0 && t.running >= t.limits.Running:
		return &LimitError{"requests at the same time", t.limits.Running, time.Second}
	case t.tokens != nil && t.tokens.TokensAt(now) < 1:
		return &LimitError{"tokens per minute", t.limits.Tokens, wait(t.tokens, now, 1)}
	case t.requests != nil && !t.requests.AllowN(now, 1):
		return &LimitError{"requests per minute", t.limits.Requests, wait(t.requests, now, 1)}
	}
	t.running++
	return nil
}

// End counts a request that ended, and the tokens that it used. A request may use more tokens than were left. Further requests then wait
// until a minute's tokens have made up for it.
func (t *Tenant) End(now time.Time, tokens int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	for t.tokens != nil && tokens > 0 {
		n := min(tokens, t.tokens.Burst())
		t.tokens.ReserveN(now, n)
		tokens -= n
	}
}

// wait returns the time until a limiter has n tokens.
func wait(l *rate.Limiter, now time.Time, n float64) time.Duration {
	missing := max(0, n-l.TokensAt(now))
	return time.Duration(missing / float64(l.Limit()) * float64(time.Second))
}

// Allowance is what is left of a limit.
type Allowance struct {
	Name  string // "requests" or "tokens"
	Most  int    // per minute
	Left  int
	Reset time.Duration // until all of it is there again
}

// Allowances returns what is left of the limits per minute that the tenant has.
func (t *Tenant) Allowances(now time.Time) []Allowance {
	var all []Allowance
	for _, one := range []struct {
		name    string
		limiter *rate.Limiter
	}{{"requests", t.requests}, {"tokens", t.tokens}} {
		if l := one.limiter; l != nil {
			all = append(all, Allowance{one.name, l.Burst(), max(0, int(l.TokensAt(now))), wait(l, now, float64(l.Burst()))})
		}
	}
	return all
}
