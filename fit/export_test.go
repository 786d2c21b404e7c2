package fit

var (
	InMix     = inMix
	Quantized = quantized
)

func (w weights) Size() int64 { return w.size }
