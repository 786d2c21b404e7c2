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
	total := expAll(s.weights, s.logits, largest)

	rows := s.all[:n]
	if s.o.TopP < 1 || s.o.TopK > 0 && s.o.TopK < n {
		rows = s.truncate(rows, total)
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

// truncate keeps the likeliest of the rows. Instead of sorting all, it finds the range of logits in which the cut falls, keeps
// what lies above, drops what lies below and goes on with that range only.
func (s *Sampler) truncate(rows []int32, total float64) []int32 {
	mass, count := s.o.TopP*total, s.o.TopK
	if s.o.TopP == 1 {
		mass = math.Inf(1)
	}
	if count == 0 {
		count = len(rows)
	}
	s.kept, s.edge = s.kept[:0], s.edge[:0]
	for len(rows) > small {
		hi, lo := s.bounds(rows)
		if hi <= lo {
			break
		}
		scale := buckets / min(float64(hi)-float64(lo), spread)
		at, above := s.cut(rows, hi, scale, mass, count)
		// The edge is read and written in place from the second round on: what is written never overtakes.
		edge := s.edge[:0]
		for _, row := range rows {
			switch b := bucketOf(s.logits[row], hi, scale); {
			case b < at:
				s.kept = append(s.kept, row)
			case b == at:
				edge = append(edge, row)
			}
		}
		s.edge, rows = edge, edge
		mass -= above.mass
		count -= above.count
	}
	return s.finish(rows, mass, count)
}

// finish adds the likeliest of the last few rows, or of many equal ones, to those kept.
func (s *Sampler) finish(rows []int32, mass float64, count int) []int32 {
	if len(rows) <= small {
		s.edge = append(s.edge[:0], rows...)
		rows = s.edge
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
func (s *Sampler) bounds(rows []int32) (hi, lo float32) {
	hi, lo = s.logits[rows[0]], s.logits[rows[0]]
	for _, row := range rows {
		l := s.logits[row]
		if l > hi {
			hi = l
		}
		if l < lo {
			lo = l
		}
	}
	return hi, lo
}

// cut returns the bucket in which the mass or the count is reached, and what lies above it.
func (s *Sampler) cut(rows []int32, hi float32, scale, mass float64, count int) (at int, above bucket) {
	var all [buckets]bucket
	for _, row := range rows {
		b := &all[bucketOf(s.logits[row], hi, scale)]
		b.mass += s.weights[row]
		b.count++
	}
	for i, b := range all {
		if b.count == 0 {
			continue
		}
		if above.mass+b.mass >= mass || above.count+b.count >= count {
			return i, above
		}
		at = i
		above.mass += b.mass
		above.count += b.count
	}
	// Rounding let the masses add up to less: the cut is at the end.
	above.mass -= all[at].mass
	above.count -= all[at].count
	return at, above
}

func bucketOf(logit, hi float32, scale float64) int {
	return int(min((float64(hi)-float64(logit))*scale, buckets-1))
}
