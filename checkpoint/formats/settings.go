package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gosling/checkpoint"
	"gosling/internal/filekind"
)

// maxConfig is more than any config.json or adapter_config.json has.
const maxConfig = 1 << 20

// config is a model's config.json as transformers and flash-linear-attention write it; what is missing is 0.
type config struct {
	HiddenSize      int     `json:"hidden_size"`
	Layers          int     `json:"num_hidden_layers"`
	Vocab           int     `json:"vocab_size"`
	HeadSize        int     `json:"head_size"`          // transformers
	HeadDim         int     `json:"head_dim"`           // flash-linear-attention
	HeadSizeDivisor float64 `json:"head_size_divisor"`  // of RWKV-5 and 6
	LayerNormEps    float64 `json:"layer_norm_epsilon"` // transformers
	NormEps         float64 `json:"norm_eps"`           // flash-linear-attention
}

// settingsOf reads the config.json of a model in Hugging Face's layout, if path is such a model's folder or one of its files.
// It is nil where there is none.
func settingsOf(path string) (*checkpoint.Settings, error) {
	folder := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		if !slices.Contains(inFolder, filepath.Base(path)) {
			return nil, nil
		}
		folder = filepath.Dir(path)
	}
	var c config
	if found, err := readConfig(filepath.Join(folder, "config.json"), &c); err != nil || !found {
		return nil, err
	}
	s := &checkpoint.Settings{
		Embed: c.HiddenSize, Layers: c.Layers, Vocab: c.Vocab, HeadSize: max(c.HeadSize, c.HeadDim), NormEps: max(c.LayerNormEps, c.NormEps),
	}
	switch {
	case c.HeadSizeDivisor > 0: // the heads are divided by it before a norm of epsilon 1e-5
		s.GroupNormEps = 1e-5 * c.HeadSizeDivisor * c.HeadSizeDivisor
	case c.NormEps > 0 && c.HeadDim > 0:
		s.GroupNormEps = c.NormEps * float64(c.HeadDim)
	}
	return s, nil
}

// readConfig reads a configuration in JSON, and reports whether there is one.
func readConfig(path string, to any) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && info.Size() > maxConfig {
		return false, fmt.Errorf("%s: has %d bytes, which is too long for a configuration", path, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, to); err != nil {
		if what := filekind.Recognize(data, "configuration"); what != "" {
			return false, fmt.Errorf("%s: %s", path, what)
		}
		return false, fmt.Errorf("%s: %w", path, err)
	}
	return true, nil
}
