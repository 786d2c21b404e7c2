package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/eval/report"
	"github.com/gosling-rwkv/gosling/internal/float"
)

// comparison returns a comparison of n candidates in two columns.
func comparison(n int) eval.Comparison {
	c := eval.Comparison{
		Base:    eval.Facts{Name: "base <F16>.gguf"},
		Columns: []eval.Column{{Text: "english.txt", Context: 512}, {Text: "code & more.txt", Context: 4096}},
	}
	for i := range n {
		cand := eval.Candidate{Facts: eval.Facts{Name: fmt.Sprintf("Q%d_K", i+2), Size: 1 << 20, BitsPerWeight: float.Number(i + 2), Decode: float.Number(100 - i)}}
		for range c.Columns {
			d := eval.Divergence{KLD: eval.Estimate{Value: 0.1 / float64(i+1)}}
			for k := range 101 {
				d.Curve = append(d.Curve, float.Number(float64(k-1)*0.001/float64(i+1)))
			}
			cand.Divergence = append(cand.Divergence, d)
		}
		cand.Weights = []eval.TensorError{
			{Name: "blk.0.time_mix_key.weight", Kind: "time_mix_key", Error: 0.1}, {Name: "blk.1.time_mix_key.weight", Kind: "time_mix_key", Layer: 1, Error: 0.2},
			{Name: "output.weight", Kind: "output", Layer: -1, Error: 0.05},
		}
		c.Candidates = append(c.Candidates, cand)
	}
	return c
}

func write(t *testing.T, n int) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, report.Write(&b, comparison(n)))
	return b.String()
}

var picture = regexp.MustCompile(`(?s)<svg.*?</svg>`)

func TestThePageIsCompleteAndNeedsNothingElse(t *testing.T) {
	text := write(t, 3)
	assert.NotRegexp(t, `(?i)<script|<link|<img|@import|url\((?:http|/)|src=`, text)
	assert.Contains(t, text, "base &lt;F16&gt;.gguf")
	assert.Contains(t, text, "prefers-color-scheme: dark")
	assert.Contains(t, text, "<td>1.0 MiB</td>")
	pictures := picture.FindAllString(text, -1)
	assert.Len(t, pictures, 2+2+1+2, "two columns twice, speed, layers and kinds")
	for _, svg := range pictures {
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
		}
		assert.Contains(t, svg, "var(--ink)")
		assert.NotContains(t, svg, "#0101", "a color that is none of the style sheet's")
	}
	assert.Contains(t, text, "var(--hue-2)")
	assert.Contains(t, text, ">Q4_K<")
	assert.Contains(t, text, ">time_mix_key<")
	assert.Contains(t, text, ">1e-2<")
}

func TestOneCandidateAndNothingMeasuredMakeAPage(t *testing.T) {
	c := comparison(1)
	c.Candidates[0].Decode, c.Candidates[0].Weights = 0, nil
	var b bytes.Buffer
	require.NoError(t, report.Write(&b, c))
	assert.Len(t, picture.FindAllString(b.String(), -1), 4)
	assert.Len(t, picture.FindAllString(write(t, 12), -1), 7, "more candidates than colors")
}

func TestNumbersThatAreNotFiniteAreLeftOutOfThePlots(t *testing.T) {
	c := comparison(2)
	inf, nan := float.Number(math.Inf(1)), float.Number(math.NaN())
	broken := &c.Candidates[0]
	broken.Divergence[0].KLD.Value, broken.Divergence[0].Curve[3], broken.Decode = math.Inf(1), nan, nan
	broken.Weights[0].Error, broken.Weights[2].Error = inf, nan
	var b bytes.Buffer
	require.NoError(t, report.Write(&b, c))
	assert.Contains(t, b.String(), ">Q3_K<")
	c.Candidates = c.Candidates[:1]
	require.NoError(t, report.Write(&b, c), "nothing is left to draw in the first column")
}

func TestTablesShowADashWhereNothingWasMeasured(t *testing.T) {
	c := comparison(2)
	c.Candidates[0].Prefill, c.Candidates[0].Decode = float.Number(math.NaN()), 32
	c.Candidates[1].Decode = 0
	c.Candidates[0].Divergence[0].PPL = eval.Estimate{Value: math.Inf(1), Error: math.NaN()}
	tables := report.Tables(c)
	require.Len(t, tables, 5, "the models, and two for each column")
	assert.Equal(t, []string{"Q2_K", "1.0 MiB", "2.00", "-", "32.0", "-"}, tables[0].Rows[1])
	assert.Equal(t, []string{"-", "-", "-"}, tables[0].Rows[2][3:])
	assert.Equal(t, "KL divergence on english.txt, 0 chunks of 512 tokens, 0 scored", tables[1].Title)
	assert.Equal(t, "- ± -", tables[1].Rows[1][1])
	assert.Equal(t, []string{"-", "-"}, tables[1].Rows[0][2:4], "the base is not compared with itself")
}

func TestTablesAsTextAndMarkdown(t *testing.T) {
	table := report.Table{Title: "a\nb", Head: []string{"model", "size"}, Rows: [][]string{{"Q4|K", "1 B"}, {"x\x1b", "10 B"}}}
	var text, markdown bytes.Buffer
	require.NoError(t, table.Write(&text))
	assert.Equal(t, "a\\nb\n  model    size\n  Q4|K     1 B\n  x\\u001b  10 B\n", text.String())
	require.NoError(t, table.WriteMarkdown(&markdown))
	assert.Equal(t, "### a\\nb\n\n| model | size |\n| --- | ---: |\n| Q4\\|K | 1 B |\n| x\\u001b | 10 B |\n", markdown.String())
}

func TestCSVHasARowForEachCandidateAndColumn(t *testing.T) {
	c := comparison(3)
	tasks := []eval.Task{eval.Grade("lambada", []eval.Answered{{Correct: true, LogProb: -1}})}
	c.Base.Tasks = tasks
	for i := range c.Candidates {
		c.Candidates[i].Tasks = tasks
	}
	c.Candidates[0].Name, c.Candidates[0].Prefill = "=1", float.Number(math.NaN())
	var b bytes.Buffer
	require.NoError(t, report.CSV(&b, c))
	rows, err := csv.NewReader(&b).ReadAll() // expects rows of one length
	require.NoError(t, err)
	require.Len(t, rows, 1+3*2)
	assert.Equal(t, []string{"'=1", "english.txt", "512"}, rows[1][:3])
	row := map[string]string{}
	for i, name := range rows[0] {
		row[name] = rows[1][i]
	}
	assert.Empty(t, row["prefill_tokens_per_second"], "not a number")
	assert.Equal(t, []string{"100", "0.1", "1"}, []string{row["decode_tokens_per_second"], row["kld"], row["lambada_accuracy"]})
}

// TestABrowserShowsThePage needs Chromium.
func TestABrowserShowsThePage(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			browser = found
		}
	}
	if browser == "" {
		t.Skip("no Chromium")
	}
	dir := t.TempDir()
	page, shot := filepath.Join(dir, "report.html"), filepath.Join(dir, "shot.png")
	require.NoError(t, os.WriteFile(page, []byte(write(t, 3)), 0o600))
	flags := []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + filepath.Join(dir, "profile")}
	for scheme, dark := range map[string]bool{"0": true, "1": false} {
		out, err := exec.CommandContext(t.Context(), browser, append(flags, "--blink-settings=preferredColorScheme="+scheme, "--window-size=1200,2400", "--screenshot="+shot, "file://"+page)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		f, err := os.Open(shot)
		require.NoError(t, err)
		image, err := png.Decode(f)
		require.NoError(t, f.Close())
		require.NoError(t, err)
		r, _, _, _ := image.At(5, 5).RGBA()
		assert.Equal(t, dark, r < 0x8000, "the paper of color scheme %s", scheme)
		colors := map[any]bool{}
		for y := range image.Bounds().Dy() / 4 {
			for x := range image.Bounds().Dx() / 4 {
				colors[image.At(4*x, 4*y)] = true
			}
		}
		assert.Greater(t, len(colors), 20, "tables and plots are drawn")
	}
}
