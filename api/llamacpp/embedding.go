package llamacpp

import (
	"math"

	"github.com/gosling-rwkv/gosling/api"
)

// Norm says how the length of a vector is set to 1: -1 not at all, 1 by the sum of the amounts, 2 as usual, and p above 2 by the p-norm. 0
// sets the largest amount to 32760.
type Norm int

// The limits of a norm, and what is usual.
const (
	NoNorm    Norm = -1
	Euclidean Norm = 2
	maxNorm        = 1024
)

// EmbeddingRequest is a request for embeddings.
type EmbeddingRequest struct {
	Inputs  []api.Prompt // at least one, and none is empty
	Norm    Norm
	Ignored []string
}

// DecodeEmbeddings reads a request for embeddings. Its errors are of type *api.Error.
func DecodeEmbeddings(body []byte) (*EmbeddingRequest, error) {
	o, err := api.Parse(body)
	if err != nil {
		return nil, err
	}
	field := "input"
	if o.Value(field) == nil && o.Value("content") != nil {
		field = "content"
	}
	r := &EmbeddingRequest{Inputs: o.Prompts(field, api.MaxInputs), Norm: Euclidean}
	for _, input := range r.Inputs {
		if input.Empty() {
			o.Fail(api.Invalidf(field, "has an empty text"))
		}
	}
	if norm := o.Count("embd_normalize", int(NoNorm), maxNorm); norm != nil {
		r.Norm = Norm(*norm)
	}
	if r.Ignored, err = o.Finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// Apply returns a vector with another length. A vector of zeros stays as it is.
func (n Norm) Apply(vector []float32) []float32 {
	var largest, sum float64
	for _, x := range vector {
		largest = max(largest, math.Abs(float64(x)))
	}
	if n == NoNorm || largest == 0 {
		return vector
	}
	length := largest / 32760
	if n > 0 {
		for _, x := range vector {
			sum += math.Pow(math.Abs(float64(x))/largest, float64(n)) // at most 1, so that no power overflows
		}
		length = largest * math.Pow(sum, 1/float64(n))
	}
	scaled := make([]float32, len(vector))
	for i, x := range vector {
		scaled[i] = float32(float64(x) / length)
	}
	return scaled
}

// EncodeEmbeddings returns the body of a response with one vector for each input.
func EncodeEmbeddings(vectors [][]float32) []byte {
	type item struct {
		Index     int         `json:"index"`
		Embedding [][]float32 `json:"embedding"`
	}
	items := make([]item, len(vectors))
	for i, vector := range vectors {
		items[i] = item{i, [][]float32{vector}}
	}
	return api.Encode(items)
}
