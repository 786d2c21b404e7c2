package prompt

// MusicBias changes the logits of a MIDI model for its n-th token, from 0: the end of the piece grows likelier as it goes on, and
// the longest pause is less likely than the model thinks.
func MusicBias(n int, logits []float32) {
	const end, longestPause = 0, 127
	logits[end] += float32(n-2000) / 500
	if len(logits) > longestPause {
		logits[longestPause]--
	}
}

// MusicWeight is how much a MIDI model's token counts for the penalties: pauses less than notes.
func MusicWeight(token int32) float64 {
	if token >= 127 {
		return 1
	}
	return 0.3
}
