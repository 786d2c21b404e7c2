package keys

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits is how much a tenant may use. Zero means that there is no limit.
type Limits struct {
	Requests int // per minute; after a pause, as many at once
	Tokens   int // per minute, read and generated
	Running  int // requests at the same time
	Priority int // its share of the computing time while others wait: 1 to 100; zero is 1
}

// The largest values.
const (
	maxLimit    = 1_000_000_000
	maxPriority = 100
)

// fields returns the limits with their names and largest values.
func (l *Limits) fields() []limit {
	return []limit{{"requests", &l.Requests, maxLimit}, {"tokens", &l.Tokens, maxLimit}, {"running", &l.Running, maxLimit}, {"priority", &l.Priority, maxPriority}}
}

type limit struct {
	name  string
	value *int
	most  int
}

// String lists the limits, such as "requests=60,priority=2", or returns "-" if there are none.
func (l Limits) String() string {
	var set []string
	for _, f := range l.fields() {
		if *f.value != 0 {
			set = append(set, f.name+"="+strconv.Itoa(*f.value))
		}
	}
	if set == nil {
		return "-"
	}
	return strings.Join(set, ",")
}

// ParseLimits reads what String writes.
func ParseLimits(list string) (Limits, error) {
	var l Limits
	if list == "-" {
		return l, nil
	}
	for one := range strings.SplitSeq(list, ",") {
		if err := l.set(one); err != nil {
			return Limits{}, err
		}
	}
	return l, nil
}

func (l *Limits) set(one string) error {
	name, number, _ := strings.Cut(one, "=")
	for _, f := range l.fields() {
		if f.name != name {
			continue
		}
		n, err := strconv.Atoi(number)
		switch {
		case err != nil || n < 1 || n > f.most:
			return fmt.Errorf("%q: want %s=N, with N from 1 to %d", one, name, f.most)
		case *f.value != 0:
			return fmt.Errorf("%q: %s is given twice", one, name)
		}
		*f.value = n
		return nil
	}
	return fmt.Errorf("%q is not a limit: want requests=N, tokens=N, running=N or priority=N, separated by commas", one)
}
