package plain

// WKV6 computes one token of the recurrence of versions 5 and 6 (Eagle and Finch paper, section 4), for heads of the given size:
// y = r·(diag(u)·kᵀ·v + S), then S ← diag(w)·S + kᵀ·v. S is state, [head][key][value], which it updates in place. The other
// arguments cover all channels.
func WKV6(size int, r, k, v, u, w, state []float64) []float64 {
	y := make([]float64, len(r))
	for i := range r { // key channel i, of the head that begins at channel h
		h := i / size * size
		S := state[i*size:][:size]
		for j := range size {
			kv := k[i] * v[h+j]
			y[h+j] += r[i] * (u[i]*kv + S[j])
			S[j] = w[i]*S[j] + kv
		}
	}
	return y
}
