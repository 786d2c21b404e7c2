package sampler

import (
	"cmp"
	"math"
	"slices"
)

// choose draws one of the rows that top-p and top-k keep. u, from 0 to 1, is a share of the mass of these rows. The row at this share is
// drawn. The row is proven if exact weights would give the same one.
func (s *Sampler) choose(largest float32, u float64, estimate bool) (row int, proven bool) {
	rows, total, proven := s.distribution(largest, estimate)
	if !proven {
		return 0, false
	}
	s.drawnFrom = rows
	return s.draw(rows, u*total, slack(len(rows), total, estimate))
}

// distribution returns the rows that top-p and top-k keep. s.weights gets their weights after temperature. The weight of the largest
// logit is 1. total is the sum of the weights. The rows are proven if exact weights would give the same ones.
func (s *Sampler) distribution(largest float32, estimate bool) (rows []int32, total float64, proven bool) {
	n := len(s.logits)
	s.weights = slices.Grow(s.weights[:0], n)[:n]
	if s.o.TopP == 1 && (s.o.TopK == 0 || s.o.TopK >= n) {
		rows = s.firstRows(n)
	} else if rows, proven = s.truncate(largest, estimate); !proven {
		return nil, 0, false
	}
	if s.o.MinP > 0 {
		rows = s.likelyEnough(rows, largest)
	}
	return rows, s.weighRows(rows, largest, s.o.Temperature, estimate), true
}

// likelyEnough keeps the rows that MinP allows. The quotient of two probabilities only depends on the difference of the logits.
func (s *Sampler) likelyEnough(rows []int32, largest float32) []int32 {
	least := float64(largest) + math.Log(s.o.MinP)
	s.likely = s.likely[:0]
	for _, row := range rows {
		if float64(s.logits[row]) >= least {
			s.likely = append(s.likely, row)
		}
	}
	return s.likely
}

const (
	buckets = 1024
	// Logits that are at least this far below the largest logit of a set are in the last bucket.
	spread = 32
	// A set of at most this many rows is sorted.
	small = 48
)

// bucket is a range of logits. mass is the sum of their weights, count their number.
type bucket struct {
	mass  float64
	count int
}

// weigh adds every row to its bucket in s.buckets. The mass of a row is e^(logit - largest). weigh returns the sum of the masses.
func (s *Sampler) weigh(largest float32, estimate bool) (total float64) {
	s.buckets = [buckets]bucket{}
	hi := float64(largest)
	for _, l := range s.logits {
		below := hi - float64(l)
		if estimate {
			steps := stepsOf(below, 1/step)
			b := &s.buckets[steps>>(2*digit)%buckets]
			b.mass += powers[1][steps>>digit%(1<<digit)] * powers[2][steps%(1<<digit)]
			b.count++
		} else {
			b := &s.buckets[bucketOf(below, buckets/spread)]
			b.mass += exp(-below)
			b.count++
		}
	}
	for i := range s.buckets {
		b := &s.buckets[i]
		if estimate {
			b.mass *= powers[0][i]
		}
		total += b.mass
	}
	return total
}

// weighRows sets the weights of rows to e^((logit - largest) / temperature) and returns their sum.
func (s *Sampler) weighRows(rows []int32, largest float32, temperature float64, estimate bool) (total float64) {
	logits, weights, hi := s.logits, s.weights[:len(s.logits)], float64(largest)
	if estimate {
		unit := min(1/step/temperature, 1e300) // finite, so that the product of 0 and unit is 0 at any temperature
		for _, row := range rows {
			w := estimated(stepsOf(hi-float64(logits[row]), unit))
			weights[row] = w
			total += w
		}
		return total
	}
	for _, row := range rows {
		w := exp((float64(logits[row]) - hi) / temperature)
		weights[row] = w
		total += w
	}
	return total
}

// truncate keeps the likeliest rows. It does not sort all rows. It finds the bucket with the cut, keeps the rows above the bucket, and
// drops the rows below it. Then it divides the rows inside into finer buckets and repeats this. The result is not proven if the errors
// of estimated weights could move the cut.
func (s *Sampler) truncate(largest float32, estimate bool) (rows []int32, proven bool) {
	total := s.weigh(largest, estimate)
	slack := slack(len(s.logits), total, estimate)
	mass, count := s.o.TopP*total, s.o.TopK
	if s.o.TopP == 1 {
		mass = math.Inf(1)
	}
	if count == 0 {
		count = len(s.logits)
	}
	s.kept = s.kept[:0]
	hi, scale := float64(largest), float64(buckets/spread)
	for first := true; ; first = false {
		at, above, proven := s.cut(mass, slack, count)
		if !proven && estimate {
			return nil, false
		}
		mass -= above.mass
		count -= above.count
		if first {
			s.candidates(hi, scale, at)
		}
		s.split(hi, scale, at)
		if first {
			s.weighRows(s.edge, largest, 1, estimate)
		}
		var lo float64
		if hi, lo = s.bounds(s.edge); hi == lo || len(s.edge) <= small {
			return s.finish(mass, slack, count)
		}
		scale = buckets / min(hi-lo, spread)
		s.fill(hi, scale)
	}
}

// cut returns the index of the bucket in which mass or count is reached. above is the sum of the buckets with larger logits. The bucket
// is proven if it stays the same when the masses are wrong by slack.
func (s *Sampler) cut(mass, slack float64, count int) (at int, above bucket, proven bool) {
	var last bucket
	for i, b := range s.buckets {
		if b.count == 0 {
			continue
		}
		// If rounding makes the sum of all masses smaller than mass, the cut is in the last bucket.
		at, above.mass, above.count = i, above.mass+last.mass, above.count+last.count
		full := above.count+b.count >= count
		if sum := above.mass + b.mass; full || sum >= mass {
			proven = (full || sum-mass > slack) && (above.count == 0 || mass-above.mass > slack)
			break
		}
		last = b
	}
	return at, above, proven
}

// candidates fills s.edge with the rows of the buckets up to index at. It may add a few rows of the next bucket.
func (s *Sampler) candidates(hi, scale float64, at int) {
	lowest := banned
	if at < buckets-1 {
		lowest = math.Nextafter32(float32(hi-float64(at+1)/scale), banned)
	}
	edge, n := slices.Grow(s.edge[:0], len(s.logits))[:len(s.logits)], 0
	for i, l := range s.logits {
		edge[n] = int32(i)
		n += one(l >= lowest) // without a branch, because the processor would predict it wrongly too often
	}
	s.edge = edge[:n]
}

// split moves the rows of s.edge whose bucket has a smaller index than at to s.kept. It drops the rows whose bucket has a larger index.
func (s *Sampler) split(hi, scale float64, at int) {
	k, e := len(s.kept), 0
	kept := slices.Grow(s.kept, len(s.edge))[:k+len(s.edge)]
	for _, row := range s.edge {
		b := bucketOf(hi-float64(s.logits[row]), scale)
		kept[k], s.edge[e] = row, row // e is never larger than the index that is read
		k += one(b < at)
		e += one(b == at)
	}
	s.kept, s.edge = kept[:k], s.edge[:e]
}

// one returns 1 for true. It compiles to an instruction without a branch.
func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fill adds every row of s.edge to its bucket in s.buckets.
func (s *Sampler) fill(hi, scale float64) {
	s.buckets = [buckets]bucket{}
	for _, row := range s.edge {
		b := &s.buckets[bucketOf(hi-float64(s.logits[row]), scale)]
		b.mass += s.weights[row]
		b.count++
	}
}

// finish adds the likeliest rows of s.edge to s.kept and returns all kept rows. s.edge has few rows, or only rows with equal logits. The
// result is proven if it stays the same when mass is wrong by slack.
func (s *Sampler) finish(mass, slack float64, count int) (kept []int32, proven bool) {
	rows := s.edge
	if len(rows) <= small {
		slices.SortStableFunc(rows, func(a, b int32) int { return cmp.Compare(s.logits[b], s.logits[a]) })
	}
	rows = rows[:min(count, len(rows))]
	cutoff := banned
	for i, row := range rows {
		l := s.logits[row]
		if l < cutoff {
			break
		}
		s.kept = append(s.kept, row)
		if mass -= s.weights[row]; mass <= 0 && cutoff == banned {
			cutoff = l
		}
		// Rows with equal logits are kept or dropped together. So only the mass after the last of them matters.
		if slack > 0 && math.Abs(mass) <= slack && i+1 < len(rows) && s.logits[rows[i+1]] < l {
			return nil, false
		}
	}
	return s.kept, true
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

// bucketOf returns the index of a logit's bucket. below is the distance to the largest logit of the set. scale is buckets per 1.
func bucketOf(below, scale float64) int {
	if at := below * scale; at < buckets-1 {
		return int(at)
	}
	return buckets - 1
}
