package prompt

// MusicBias changes the logits of a MIDI model for its n-th token, counted from 0. The end of the piece becomes more likely as
// the piece grows. The longest pause becomes less likely.
func MusicBias(n int, logits []float32) {
	const end, longestPause = 0, 127
	logits[end] += float32(n-2000) / 500
	if len(logits) > longestPause {
		logits[longestPause]--
	}
}

// MusicWeight returns how much a MIDI model's token counts for the penalties. Pauses count less than notes, except the longest pause.
func MusicWeight(token int32) float64 {
	if token >= 127 {
		return 1
	}
	return 0.3
}
