package bench

import (
	"encoding/csv"
	"io"
	"reflect"

	"github.com/gosling-rwkv/gosling/internal/cells"
)

// WriteCSV writes a row with the names of the JSON fields, then one row for each result. It leaves out the samples, which are
// lists.
func WriteCSV[R Result | ParallelResult](out io.Writer, results []R) error {
	w := csv.NewWriter(out)
	for i, r := range results {
		var names, values []string
		for f, v := range reflect.ValueOf(r).Fields() {
			if v.Kind() == reflect.Slice {
				continue
			}
			names = append(names, f.Tag.Get("json"))
			values = append(values, cells.CSV(v.Interface()))
		}
		if i == 0 {
			if err := w.Write(names); err != nil {
				return err
			}
		}
		if err := w.Write(values); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
