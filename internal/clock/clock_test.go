package clock

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestAContextHasTheSystemsClockOrItsOwn(t *testing.T) {
	assert.WithinDuration(t, time.Now(), Of(t.Context())(), time.Minute)
	at := time.Unix(5, 0)
	ctx, cancel := context.WithCancel(With(t.Context(), func() time.Time { return at }))
	defer cancel()
	assert.Equal(t, at, Of(ctx)())
	assert.Equal(t, 2*time.Second, Of(ctx).Since(time.Unix(3, 0)))
}
