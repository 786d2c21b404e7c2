package jsontext

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func Example() {
	_ = Write(os.Stdout, map[string]string{"answer": "<goose>"})
	data, _ := Marshal([]int{1, 2})
	fmt.Println(string(data))
	// Output:
	// {
	//   "answer": "<goose>"
	// }
	// [1,2]
}

func TestAValueThatCannotBeEncodedWritesNothing(t *testing.T) {
	var out bytes.Buffer
	require.Error(t, Write(&out, []any{1, math.NaN()}))
	assert.Empty(t, out.String())
	_, err := Marshal(math.Inf(1))
	require.Error(t, err)
}
