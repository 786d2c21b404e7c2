// Package clock tells the time to code that measures. Tests put a clock of their own into the context, such as one that stands still.
package clock

import (
	"context"
	"time"
)

// Clock tells the time.
type Clock func() time.Time

// Since returns the time that has passed since begin.
func (now Clock) Since(begin time.Time) time.Duration { return now().Sub(begin) }

type key struct{}

// With returns a context with another clock than the system's.
func With(ctx context.Context, now Clock) context.Context { return context.WithValue(ctx, key{}, now) }

// Of returns the clock of a context. It is time.Now unless With has set another one.
func Of(ctx context.Context) Clock {
	if now, ok := ctx.Value(key{}).(Clock); ok {
		return now
	}
	return time.Now
}
