// Package report writes a comparison of models as tables, and as one HTML page without other files. The page has the tables and SVG
// plots, light or dark as the reader's system is.
package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"

	"github.com/gosling-rwkv/gosling/eval"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// figure is a plot with its title.
type figure struct {
	Title string
	SVG   template.HTML
}

// Write writes the page with the plots and the tables.
func Write(w io.Writer, c eval.Comparison) error {
	var figures []figure
	for _, draw := range []func(eval.Comparison) ([]figure, error){quality, distribution, speed, weights} {
		some, err := draw(c)
		if err != nil {
			return fmt.Errorf("drawing a plot: %w", err)
		}
		figures = append(figures, some...)
	}
	return page.Execute(w, struct {
		Base    string
		Models  []model
		Figures []figure
		Tables  []Table
	}{c.Base.Name, legend(c), figures, Tables(c)})
}

// model is a candidate and its color in all plots.
type model struct {
	Name string
	Hue  int
}

func legend(c eval.Comparison) []model {
	var models []model
	for i, cand := range c.Candidates {
		models = append(models, model{cand.Name, i % hues})
	}
	return models
}

func where(col eval.Column) string {
	return fmt.Sprintf("%s, chunks of %d tokens", col.Text, col.Context)
}

func names(c eval.Comparison) []string {
	var list []string
	for _, cand := range c.Candidates {
		list = append(list, cand.Name)
	}
	return list
}

// quality draws the divergence against the bits per weight. A dashed line joins the candidates that no other beats in both.
func quality(c eval.Comparison) ([]figure, error) {
	var figures []figure
	for i, col := range c.Columns {
		var points plotter.XYs
		for _, cand := range c.Candidates {
			points = append(points, plotter.XY{X: float64(cand.BitsPerWeight), Y: positive(cand.Divergence[i].KLD.Value)})
		}
		p := newChart("bits per weight", "mean KL divergence")
		if err := p.line(ink, true, pareto(points)); err != nil {
			return nil, err
		}
		if err := p.points(names(c), points); err != nil {
			return nil, err
		}
		p.logarithmic()
		if err := add(&figures, p, "KL divergence against bits per weight, the best dashed: "+where(col)); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// distribution draws which divergence a percentage of the positions does not exceed.
func distribution(c eval.Comparison) ([]figure, error) {
	var figures []figure
	for i, col := range c.Columns {
		p := newChart("percent of the positions", "KL divergence of at most")
		for k, cand := range c.Candidates {
			var points plotter.XYs
			for x, y := range cand.Divergence[i].Curve {
				points = append(points, plotter.XY{X: float64(x), Y: positive(float64(y))})
			}
			if err := p.line(hue(k), false, points); err != nil {
				return nil, err
			}
		}
		p.logarithmic()
		if err := add(&figures, p, "Distribution of the KL divergence: "+where(col)); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// speed draws the divergence against the decoding speed, in the first column.
func speed(c eval.Comparison) ([]figure, error) {
	var points plotter.XYs
	for _, cand := range c.Candidates {
		if cand.Decode > 0 {
			points = append(points, plotter.XY{X: float64(cand.Decode), Y: positive(cand.Divergence[0].KLD.Value)})
		}
	}
	if len(points) < len(c.Candidates) {
		return nil, nil // not measured
	}
	p := newChart("decoded tokens per second", "mean KL divergence")
	if err := p.points(names(c), points); err != nil {
		return nil, err
	}
	p.logarithmic()
	var figures []figure
	return figures, add(&figures, p, "Speed against quality: "+where(c.Columns[0]))
}

// weights draws the errors of the tensors by layer and by kind.
func weights(c eval.Comparison) ([]figure, error) {
	layers, kinds := newChart("layer", "relative error of the weights"), newChart("", "relative error of the weights")
	kindNames := kindsOf(c)
	if len(kindNames) == 0 {
		return nil, nil
	}
	kinds.NominalX(kindNames...)
	kinds.X.Tick.Label.Rotation, kinds.X.Tick.Label.XAlign, kinds.X.Tick.Label.YAlign = math.Pi/4, -1, -0.5
	layers.Y.Min, kinds.Y.Min = 0, 0
	inLayers := false
	for k, cand := range c.Candidates {
		if points := byLayer(cand.Weights); len(points) > 0 {
			inLayers = true
			if err := layers.line(hue(k), false, points); err != nil {
				return nil, err
			}
		}
		if points := byKind(cand.Weights, kindNames); len(points) > 0 {
			if err := kinds.dots(hue(k), points); err != nil {
				return nil, err
			}
		}
	}
	var figures []figure
	if inLayers {
		if err := add(&figures, layers, "Error of the weights by layer"); err != nil {
			return nil, err
		}
	}
	return figures, add(&figures, kinds, "Error of the weights by kind of tensor")
}

func add(figures *[]figure, p chart, title string) error {
	svg, err := p.svg(title)
	*figures = append(*figures, figure{title, svg})
	return err
}

// kindsOf returns the kinds of tensors that some candidate changed.
func kindsOf(c eval.Comparison) []string {
	var kinds []string
	for _, cand := range c.Candidates {
		for _, t := range cand.Weights {
			if !slices.Contains(kinds, t.Kind) {
				kinds = append(kinds, t.Kind)
			}
		}
	}
	slices.Sort(kinds)
	return kinds
}

func byLayer(tensors []eval.TensorError) plotter.XYs {
	sums := map[int]*eval.Sum{}
	last := -1
	for _, t := range tensors {
		if t.Layer < 0 {
			continue
		}
		if sums[t.Layer] == nil {
			sums[t.Layer] = &eval.Sum{}
		}
		sums[t.Layer].Add(float64(t.Error))
		last = max(last, t.Layer)
	}
	var points plotter.XYs
	for i := range last + 1 {
		if s := sums[i]; s != nil {
			points = append(points, plotter.XY{X: float64(i), Y: s.Mean().Value})
		}
	}
	return points
}

func byKind(tensors []eval.TensorError, kinds []string) plotter.XYs {
	sums := make([]eval.Sum, len(kinds))
	for _, t := range tensors {
		sums[slices.Index(kinds, t.Kind)].Add(float64(t.Error))
	}
	var points plotter.XYs
	for i, s := range sums {
		if s.N > 0 {
			points = append(points, plotter.XY{X: float64(i), Y: s.Mean().Value})
		}
	}
	return points
}
