package sampler

import "math"

const (
	// finer is how many fine buckets a bucket has.
	finer = 4
	// places is how many binary places of a logit's position in its fine bucket count.
	places = 20
	// A fine bucket is a number: the rows in its high bits, the sum of their positions in its low bits. Up to 2^20 positions of
	// 20 bits fit.
	oneRow        = 1 << 40
	mostEstimated = 1 << 20
	// estimateError is how wrong an estimated mass may be, as a share of all mass. A position x from the middle of a fine bucket, at
	// most 1/256, makes the weight e^-x, and 1-x is taken for it: at most x²/2 = 0.77e-5 too little. The rows far below add less than
	// mostEstimated * e^-31.9 = 1.5e-8, the binary places less than 0.8e-8.
	estimateError = 1e-5
	// roundingError is how much more the sums of exact weights may be wrong for each row, as a share of all mass. It includes the rows far below.
	roundingError = 2e-14
)

// estimate counts the rows into s.buckets, with masses that are wrong by less than estimateError, and returns the sum of the masses.
// It computes no exponential for a row.
func (s *Sampler) estimate(largest float32) (total float64) {
	const width = float64(spread) / (buckets * finer)
	const end = 1 << places * buckets * finer
	clear(s.fine[:])
	hi := float64(largest)
	for _, l := range s.logits {
		at := uint(end - 1)
		if below := (hi - float64(l)) * (1 << places / width); below < end {
			at = uint(int(below))
		}
		s.fine[at>>places%(buckets*finer)] += oneRow + uint64(at%(1<<places))
	}
	s.buckets = [buckets]bucket{}
	weight, step := math.Exp(-width/2), math.Exp(-width) // the weight in the middle of a fine bucket
	for i, f := range s.fine {
		b := &s.buckets[i/finer]
		rows, position := float64(f/oneRow), float64(f%oneRow)/(1<<places)
		b.mass += weight * (rows + (rows/2-position)*width)
		b.count += int(f / oneRow)
		weight *= step
	}
	for _, b := range s.buckets {
		total += b.mass
	}
	return total
}

// sharpen sets the weights of the rows in s.kept and s.edge to e^(logit - largest). Only the mass of the other rows, the rest, stays an
// estimate. It returns the mass to keep of s.edge and how wrong it may be.
func (s *Sampler) sharpen(largest float32, rest float64) (mass, slack float64) {
	kept := s.weighRows(s.kept, largest)
	total := kept + s.weighRows(s.edge, largest) + rest
	slack = s.o.TopP*estimateError*rest + roundingError*float64(len(s.logits))*total
	if s.o.TopP == 1 {
		return math.Inf(1), slack
	}
	return s.o.TopP*total - kept, slack
}

// weighRows sets the weights of the rows to e^(logit - largest) and returns their sum.
func (s *Sampler) weighRows(rows []int32, largest float32) (sum float64) {
	for _, row := range rows {
		w := exp(float64(s.logits[row]) - float64(largest))
		s.weights[row] = w
		sum += w
	}
	return sum
}
