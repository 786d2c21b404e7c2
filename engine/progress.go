package engine

import "context"

type progressKey struct{}

// WithProgress returns a context with which reading reports its progress. After each graph, read is called with the number of tokens
// that the graph has read, of all sequences together.
func WithProgress(ctx context.Context, read func(tokens int)) context.Context {
	return context.WithValue(ctx, progressKey{}, read)
}

// tellProgress calls what WithProgress put into the context.
func tellProgress(ctx context.Context, tokens int) {
	if read, ok := ctx.Value(progressKey{}).(func(int)); ok {
		read(tokens)
	}
}
