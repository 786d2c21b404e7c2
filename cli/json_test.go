package cli

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/bench"
	"github.com/gosling-rwkv/gosling/check"
	"github.com/gosling-rwkv/gosling/compare"
	"github.com/gosling-rwkv/gosling/doctor"
	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/inspect"
	"github.com/gosling-rwkv/gosling/internal/float"
	"github.com/gosling-rwkv/gosling/internal/jsontext"
	"github.com/gosling-rwkv/gosling/quant"
)

// reports are the values that commands write as JSON or read back.
var reports = []any{
	[]bench.Result{}, []bench.ParallelResult{}, compare.PerplexityResult{}, eval.Comparison{}, eval.Task{}, eval.Answered{}, quant.Sensitivity{}, inspect.Listing{}, doctor.DeviceList{},
	doctor.Report{}, check.Findings{}, fit.Advice{},
}

func TestReportsHoldNumbersThatJSONCanWrite(t *testing.T) {
	for _, r := range reports {
		assert.Empty(t, plainFloats(reflect.TypeOf(r)), "%T: take float.Number", r)
	}
	assert.NotEmpty(t, plainFloats(reflect.TypeFor[struct{ A []struct{ B *float32 } }]()), "the test finds them")
}

// plainFloats returns the fields of a type that are plain floating-point numbers.
func plainFloats(t reflect.Type) (found []string) {
	if t.Implements(reflect.TypeFor[json.Marshaler]()) {
		return nil
	}
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		return []string{t.String()}
	case reflect.Slice, reflect.Pointer, reflect.Map, reflect.Array:
		return plainFloats(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			for _, name := range plainFloats(f.Type) {
				if f.IsExported() || f.Anonymous {
					found = append(found, f.Name+" "+name)
				}
			}
		}
	}
	return found
}

func TestAComparisonKeepsNoNumberWhereThereWasNone(t *testing.T) {
	var c eval.Candidate
	c.Prefill, c.Decode = float.Rate(512, 0), float.Rate(32, time.Second)
	c.Divergence = []eval.Divergence{{PPL: eval.Estimate{Value: math.Inf(1), Error: math.NaN()}, Curve: []float.Number{0.5, float.Rate(1, 0)}}}
	data, err := jsontext.Marshal(c)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"prefill_tokens_per_second":null`)
	assert.Contains(t, string(data), `"ppl":{"value":null,"error":null}`)
}
