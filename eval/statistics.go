package eval

import (
	"math"
	"slices"

	"github.com/gosling-rwkv/gosling/internal/float"
)

// Spread holds the quantiles of a sample. P25, for example, is the value that 25 percent of the sample do not exceed.
type Spread struct {
	Min    float.Number `json:"min"`
	P01    float.Number `json:"p0.1"`
	P1     float.Number `json:"p1"`
	P5     float.Number `json:"p5"`
	P10    float.Number `json:"p10"`
	P25    float.Number `json:"p25"`
	Median float.Number `json:"median"`
	P75    float.Number `json:"p75"`
	P90    float.Number `json:"p90"`
	P95    float.Number `json:"p95"`
	P99    float.Number `json:"p99"`
	P999   float.Number `json:"p99.9"`
	Max    float.Number `json:"max"`
}

// CurvePoints is the length of a Divergence's curve.
const CurvePoints = 101

// Divergence is the distance of a model from its base. The definitions are those of llama-perplexity's --kl-divergence.
type Divergence struct {
	Scored      int          `json:"scored_tokens"`
	PPL         Estimate     `json:"ppl"`
	BasePPL     Estimate     `json:"base_ppl"`
	LnRatio     Estimate     `json:"ln_ppl_ratio"` // ln(PPL/base PPL)
	Correlation float.Number `json:"ln_ppl_correlation"`
	KLD         Estimate     `json:"kld"`
	KLDSpread   Spread       `json:"kld_spread"`
	Delta       Estimate     `json:"delta_p"` // change of the right token's probability
	DeltaRMS    Estimate     `json:"delta_p_rms"`
	DeltaSpread Spread       `json:"delta_p_spread"`
	SameTop     Estimate     `json:"same_top"` // share of the positions where both find the same token most likely

	Curve []float.Number `json:"kld_curve,omitempty"` // the KLD that 0, 1, ... 100 percent of the positions do not exceed
}

// Summarize computes the statistics of positions.
func Summarize(positions []Position) Divergence {
	var nll, base, kld, delta, square Sum
	product, same := 0.0, 0.0
	klds, deltas := make([]float64, len(positions)), make([]float64, len(positions))
	for i, p := range positions {
		nll.Add(float64(p.NLL))
		base.Add(float64(p.BaseNLL))
		kld.Add(float64(p.KLD))
		delta.Add(float64(p.Delta))
		square.Add(float64(p.Delta) * float64(p.Delta))
		product += float64(p.NLL) * float64(p.BaseNLL)
		same += float64(p.SameTop)
		klds[i], deltas[i] = float64(p.KLD), float64(p.Delta)
	}
	n := float64(len(positions))
	d := Divergence{Scored: len(positions), PPL: nll.Mean().exp(), BasePPL: base.Mean().exp(), KLD: kld.Mean(), Delta: delta.Mean()}
	lnRatio, correlation := ratio(nll.Mean(), base.Mean(), product/n, n)
	d.LnRatio, d.Correlation = lnRatio, float.Number(correlation)
	mse := square.Mean()
	d.DeltaRMS.Value = math.Sqrt(mse.Value)
	if mse.Value > 0 {
		d.DeltaRMS.Error = mse.Error / 2 / d.DeltaRMS.Value
	}
	d.SameTop = share(int(same), len(positions))
	d.KLDSpread, d.DeltaSpread = spread(klds), spread(deltas)
	for i := range CurvePoints {
		d.Curve = append(d.Curve, float.Number(quantile(klds, float64(i)/100)))
	}
	return d
}

// ratio returns the difference of two means and their correlation. Their n values form pairs, and product is the mean of the
// pairs' products.
func ratio(a, b Estimate, product, n float64) (Estimate, float64) {
	covariance := (product - a.Value*b.Value) / max(1, n-1)
	e := Estimate{Value: a.Value - b.Value, Error: math.Sqrt(max(0, a.Error*a.Error+b.Error*b.Error-2*covariance))}
	if a.Error == 0 || b.Error == 0 {
		return e, 0
	}
	return e, covariance / (a.Error * b.Error)
}

// share returns k/n with its standard error.
func share(k, n int) Estimate {
	if n == 0 {
		return Estimate{}
	}
	p := float64(k) / float64(n)
	if n == 1 {
		return Estimate{Value: p}
	}
	return Estimate{p, math.Sqrt(p * (1 - p) / float64(n-1))}
}

// spread sorts the values and returns their quantiles.
func spread(x []float64) Spread {
	slices.Sort(x)
	q := func(share float64) float.Number { return float.Number(quantile(x, share)) }
	return Spread{q(0), q(0.001), q(0.01), q(0.05), q(0.1), q(0.25), q(0.5), q(0.75), q(0.9), q(0.95), q(0.99), q(0.999), q(1)}
}

// quantile interpolates between the two nearest values of a sorted sample.
func quantile(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := share * float64(len(sorted)-1)
	i := int(at)
	next := sorted[min(i+1, len(sorted)-1)]
	return sorted[i] + (at-float64(i))*(next-sorted[i])
}
