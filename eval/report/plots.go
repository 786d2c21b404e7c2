package report

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The plots are drawn in these colors. svg replaces them with variables of the page's style sheet, so that a plot suits light and
// dark pages.
var (
	ink   = color.RGBA{1, 1, 1, 255}
	faint = color.RGBA{1, 1, 2, 255}
)

// hues is the number of series colors in the style sheet.
const hues = 8

func hue(i int) color.Color { return color.RGBA{1, 2, uint8(i % hues), 255} }

// least is the smallest divergence on a logarithmic axis. Smaller ones are drawn at least.
const least = 1e-7

func positive(x float64) float64 { return max(x, least) }

// chart is a plot that is being made.
type chart struct{ *plot.Plot }

func newChart(x, y string) chart {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	p.X.Label.Text, p.Y.Label.Text = x, y
	sans := font.Font{Typeface: "Liberation", Variant: "Sans", Size: 10}
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Label.TextStyle.Color, axis.Tick.Color, axis.Tick.Label.Color = ink, ink, ink, ink
		axis.Label.TextStyle.Font, axis.Tick.Label.Font = sans, sans
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = faint, faint
	p.Add(grid)
	return chart{p}
}

// logarithmic makes the vertical axis logarithmic. It shows whole decades, so that a single value has room too. All values must
// be above 0.
func (c chart) logarithmic() {
	if c.Y.Min > c.Y.Max {
		return // nothing was drawn
	}
	c.Y.Min, c.Y.Max = math.Pow(10, math.Floor(math.Log10(c.Y.Min))), math.Pow(10, math.Floor(math.Log10(c.Y.Max))+1)
	c.Y.Scale, c.Y.Tick.Marker = plot.LogScale{}, decades{}
}

// decades labels the powers of ten and marks the values between them.
type decades struct{}

func (decades) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := int(math.Floor(math.Log10(low))); e <= int(math.Ceil(math.Log10(high))); e++ {
		for k := range 9 {
			tick := plot.Tick{Value: float64(k+1) * math.Pow10(e)}
			if k == 0 {
				tick.Label = fmt.Sprintf("1e%d", e)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

// line adds a series as a line.
func (c chart) line(of color.Color, dashed bool, points plotter.XYs) error {
	if points = finite(points); len(points) == 0 {
		return nil
	}
	l, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	l.Color, l.Width = of, vg.Points(1.5)
	if dashed {
		l.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	}
	c.Add(l)
	return nil
}

// finite returns the points without those that have infinities or NaN.
func finite(points plotter.XYs) plotter.XYs {
	return slices.DeleteFunc(slices.Clone(points), func(p plotter.XY) bool { return p.X-p.X != 0 || p.Y-p.Y != 0 })
}

// dots adds points of one color.
func (c chart) dots(of color.Color, points plotter.XYs) error {
	if points = finite(points); len(points) == 0 {
		return nil
	}
	s, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	s.GlyphStyle = draw.GlyphStyle{Color: of, Radius: vg.Points(4), Shape: draw.CircleGlyph{}}
	c.Add(s)
	return nil
}

// points adds dots. Each has its own color, with its name beside it.
func (c chart) points(names []string, points plotter.XYs) error {
	var shown plotter.XYLabels
	for i := range points {
		one := finite(points[i : i+1])
		if len(one) == 0 {
			continue
		}
		if err := c.dots(hue(i), one); err != nil {
			return err
		}
		shown.XYs, shown.Labels = append(shown.XYs, one...), append(shown.Labels, names[i])
	}
	if len(shown.XYs) == 0 {
		return nil
	}
	labels, err := plotter.NewLabels(shown)
	if err != nil {
		return err
	}
	labels.Offset = vg.Point{X: vg.Points(6), Y: vg.Points(3)}
	for i := range labels.TextStyle {
		labels.TextStyle[i].Color = ink
		labels.TextStyle[i].Font = c.X.Tick.Label.Font
	}
	c.Add(labels)
	return nil
}

var (
	svgStart = regexp.MustCompile(`(?s)^.*?<svg[^>]*?width="[^"]*" height="[^"]*"`)
	family   = regexp.MustCompile(`font-family:[^;"]*;`)
	variant  = regexp.MustCompile(`#0102([0-9A-F]{2})`)
)

// svg returns the plot as SVG for a page.
func (c chart) svg(title string) (template.HTML, error) {
	canvas := vgsvg.New(640, 360)
	c.Draw(draw.Crop(draw.New(canvas), 4, -24, 4, -8))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", err
	}
	text := svgStart.ReplaceAllString(b.String(), fmt.Sprintf(`<svg role="img" aria-label="%s"`, template.HTMLEscapeString(title)))
	text = strings.NewReplacer("#010101", "var(--ink)", "#010102", "var(--faint)").Replace(text)
	text = variant.ReplaceAllStringFunc(text, func(s string) string { return "var(--hue-" + strings.TrimPrefix(s[5:], "0") + ")" })
	return template.HTML(family.ReplaceAllString(text, "font-family:inherit;")), nil
}

// pareto returns the points that have no other point below and to the left, sorted from left to right.
func pareto(points plotter.XYs) plotter.XYs {
	sorted := slices.Clone(points)
	slices.SortFunc(sorted, func(a, b plotter.XY) int {
		if a.X != b.X {
			return cmp.Compare(a.X, b.X)
		}
		return cmp.Compare(a.Y, b.Y)
	})
	var front plotter.XYs
	lowest := math.Inf(1)
	for _, p := range sorted {
		if p.Y < lowest {
			front, lowest = append(front, p), p.Y
		}
	}
	return front
}
