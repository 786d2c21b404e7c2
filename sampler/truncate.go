package sampler

import (
	"cmp"
	"math"
	"slices"
)

// distribution returns the rows that top-p and top-k leave; s.weights holds their probabilities after temperature, not scaled
// to add up to one. The largest logit has weight 1.
func (s *Sampler) distribution(largest float32) []int32 {
	n := len(s.logits)
	for i := len(s.all); i < n; i++ {
		s.all = append(s.all, int32(i))
	}
	s.weights = slices.Grow(s.weights[:0], n)[:n]
	rows, total := s.all[:n], s.weigh(largest)
	if s.o.TopP < 1 || s.o.TopK > 0 && s.o.TopK < n {
		rows = s.truncate(rows, largest, total)
	}
	if s.o.Temperature != 1 {
		for _, row := range rows {
			s.weights[row] = exp((float64(s.logits[row]) - float64(largest)) / s.o.Temperature)
		}
	}
	return rows
}

const (
	buckets = 1024
	// Logits that far below the largest of a set share its last bucket.
	spread = 32
	// Sets up to this size are sorted.
	small = 48
)

// bucket is a range of logits: what their weights add up to, and how many they are.
type bucket struct {
	mass  float64
	count int
}

// weigh sets s.weights to e^(logit - largest), counts them into s.buckets, and returns their sum.
func (s *Sampler) weigh(largest float32) (total float64) {
	s.buckets = [buckets]bucket{}
	weights := s.weights[:len(s.logits)]
	hi := float64(largest)
	for i, l := range s.logits {
		below := hi - float64(l)
		w := exp(-below)
		weights[i] = w
		b := &s.buckets[bucketOf(below, buckets/spread)]
		b.mass += w
		b.count++
	}
	for _, b := range s.buckets {
		total += b.mass
	}
	return total
}

// truncate keeps the likeliest of the rows. Instead of sorting all, it finds the bucket in which the cut falls, keeps what lies
// above, drops what lies below, and goes on with what lies inside, in finer buckets.
func (s *Sampler) truncate(rows []int32, largest float32, total float64) []int32 {
	mass, count := s.o.TopP*total, s.o.TopK
	if s.o.TopP == 1 {
		mass = math.Inf(1)
	}
	if count == 0 {
		count = len(rows)
	}
	s.kept, s.edge = s.kept[:0], s.edge[:0]
	hi, scale := float64(largest), float64(buckets/spread)
	for {
		at, above := s.cut(mass, count)
		mass -= above.mass
		count -= above.count
		rows = s.split(rows, hi, scale, at)
		var lo float64
		if hi, lo = s.bounds(rows); hi == lo || len(rows) <= small {
			return s.finish(rows, mass, count)
		}
		scale = buckets / min(hi-lo, spread)
		s.fill(rows, hi, scale)
	}
}

// cut returns the bucket in which the mass or the count is reached, and what lies above it.
func (s *Sampler) cut(mass float64, count int) (at int, above bucket) {
	var last bucket
	for i, b := range s.buckets {
		if b.count == 0 {
			continue
		}
		// If rounding lets the masses add up to less than they should, the cut is in the last bucket.
		at, above.mass, above.count = i, above.mass+last.mass, above.count+last.count
		if above.mass+b.mass >= mass || above.count+b.count >= count {
			break
		}
		last = b
	}
	return at, above
}

// split keeps the rows of the buckets above at and returns those in it.
func (s *Sampler) split(rows []int32, hi, scale float64, at int) []int32 {
	// From the second round on rows is s.edge itself: what is written never overtakes what is read.
	edge := s.edge[:0]
	for _, row := range rows {
		b := bucketOf(hi-float64(s.logits[row]), scale)
		if b < at {
			s.kept = append(s.kept, row)
		} else if b == at {
			edge = append(edge, row)
		}
	}
	s.edge = edge
	return edge
}

// fill counts rows into s.buckets.
func (s *Sampler) fill(rows []int32, hi, scale float64) {
	s.buckets = [buckets]bucket{}
	for _, row := range rows {
		b := &s.buckets[bucketOf(hi-float64(s.logits[row]), scale)]
		b.mass += s.weights[row]
		b.count++
	}
}

// finish adds to those kept the likeliest of the last few rows, or of many equal ones.
func (s *Sampler) finish(rows []int32, mass float64, count int) []int32 {
	if len(rows) <= small {
		slices.SortStableFunc(rows, func(a, b int32) int { return cmp.Compare(s.logits[b], s.logits[a]) })
	}
	cutoff := banned
	for _, row := range rows[:min(count, len(rows))] {
		if s.logits[row] < cutoff {
			break
		}
		s.kept = append(s.kept, row)
		if mass -= s.weights[row]; mass <= 0 {
			cutoff, mass = s.logits[row], math.Inf(1)
		}
	}
	return s.kept
}

// bounds returns the largest and the smallest logit of rows.
func (s *Sampler) bounds(rows []int32) (float64, float64) {
	hi, lo := s.logits[rows[0]], s.logits[rows[0]]
	for _, row := range rows {
		l := s.logits[row]
		if l > hi {
			hi = l
		}
		if l < lo {
			lo = l
		}
	}
	return float64(hi), float64(lo)
}

// bucketOf returns the bucket of a logit that far below the largest of its set.
func bucketOf(below, scale float64) int {
	if at := below * scale; at < buckets-1 {
		return int(at)
	}
	return buckets - 1
}
