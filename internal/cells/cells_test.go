package cells_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/cells"
	"github.com/gosling-rwkv/gosling/internal/float"
)

func Example() {
	fmt.Println(cells.Markdown([]string{"Q4|K", cells.Number("%.1f", math.Pi)}, " | "))
	fmt.Println(cells.CSV("=1+1"))
	// Output:
	// Q4\|K | 3.1
	// '=1+1
}

func TestRowsStayOnOneLine(t *testing.T) {
	row := []string{"a\nb", "c|d", ""}
	assert.Equal(t, `a\nb	c|d	`, cells.Join(row, "\t"))
	assert.Equal(t, `a\nb | c\|d | `, cells.Markdown(row, " | "))
	assert.Equal(t, "c|d", row[1], "the row stays as it is")
}

func TestNumbers(t *testing.T) {
	assert.Equal(t, []string{"1.50", "-", "-"}, []string{cells.Number("%.2f", 1.5), cells.Number("%.2f", math.Inf(-1)), cells.Number("%f", float.Number(math.NaN()))})
}

func TestCellsOfSpreadsheets(t *testing.T) {
	for want, value := range map[string]any{
		"1.5": 1.5, "7": int64(7), "": math.NaN(), "-3": -3, "goose": "goose", "'-goose": "-goose", "'@a": "@a", "'\ta": "\ta", "2": float.Number(2),
	} {
		assert.Equal(t, want, cells.CSV(value))
	}
	assert.Empty(t, cells.CSV(float.Number(math.Inf(1))))
}
