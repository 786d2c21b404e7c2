package doctor

import (
	"fmt"

	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/models"
)

// examineStore checks the store of models and looks for downloads that were stopped.
func examineStore(s models.Store, cache string, tell func(Check)) {
	n, problems, err := s.Check()
	if err != nil {
		tell(Check{"models", Problem, fmt.Sprintf("%s: %v", s.Dir, err), "make the folder readable, or name another: export GOSLING_MODELS=DIR"})
		return
	}
	text := fmt.Sprintf("%s: %s", s.Dir, units.Count(n, "model"))
	k := Check{Name: "models", Status: OK, Text: text}
	if n > 0 {
		k = examineFolder(s.Dir, Warning, "models that are here run; to pull others, make room or name another folder: export GOSLING_MODELS=DIR")
		k.Name, k.Text = "models", units.Count(n, "model")+" in "+k.Text
	}
	tell(k)
	for _, p := range problems {
		if p.Left {
			tell(Check{"left over", Warning, p.Path + ": " + p.Text, "pull the model again, or remove it"})
			continue
		}
		tell(Check{"models", Problem, p.Text, "pull the model again; or, if the file is yours, replace or remove it: " + p.Path})
	}
	for _, p := range hub.Partials(cache) {
		tell(Check{"left over", Warning, fmt.Sprintf("%s: %s of a download of %s, which was stopped", p.Path, units.Bytes(p.Size), p.Repo), "continue it with gosling pull, or remove the file"})
	}
}
