package compare

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/gguf"
	"github.com/gosling-rwkv/gosling/kernels"
	"github.com/gosling-rwkv/gosling/lm"
)

// settings identify a comparison. A run may resume from notes with other candidates, because each candidate has its own notes.
// All other settings must be the same.
type settings map[string]string

// The settings that the code reads by name.
const (
	commandSetting    = "command"
	baseSetting       = "base"
	candidatesSetting = "candidates"
)

// settings returns the settings of this comparison.
func (r *run) settings() (settings, error) {
	base, err := fileID(r.Base.Path)
	if err != nil {
		return nil, err
	}
	level, err := kernels.ParseLevel(r.Kernels)
	if err != nil {
		return nil, err
	}
	s := settings{
		commandSetting: r.command, baseSetting: r.Base.label(), "weights of the base": base,
		"chunks": fmt.Sprint(r.Chunks), "context": fmt.Sprint(r.Contexts), "device": r.Device, "kernels": level.String(), "limit": fmt.Sprint(r.Limit), "no speed": fmt.Sprint(r.NoSpeed),
	}
	if r.Importance != nil {
		if s["importance matrix"], err = fileID(r.Importance.Path); err != nil {
			return nil, err
		}
	}
	if r.Calibration != nil {
		if s["calibration"], err = fileID(r.Calibration.Path); err != nil {
			return nil, err
		}
	}
	for i, task := range r.Tasks {
		s[fmt.Sprintf("task %d", i+1)] = task.Name + " " + task.Path
	}
	for i, data := range r.data {
		s["text "+r.Texts[i].Path] = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	s[candidatesSetting], err = identify(r.Candidates)
	return s, err
}

// identify returns the names and IDs of the candidates.
func identify(candidates []Candidate) (string, error) {
	var names []string
	for _, cand := range candidates {
		id, err := cand.id()
		if err != nil {
			return "", err
		}
		names = append(names, cand.label()+" "+id)
	}
	return strings.Join(names, ", "), nil
}

// id returns the ID that names a candidate's notes.
func (c Candidate) id() (string, error) {
	id, err := fileID(c.Path)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(c.label()+id)))[:16], err
}

// id returns the ID of the settings in the name of a folder.
func (s settings) id() string {
	data, err := json.Marshal(s)
	if err != nil {
		panic("compare: internal error: settings: " + err.Error())
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))[:16]
}

// differences returns the names of the settings that differ.
func (s settings) differences(other settings) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if s[name] != other[name] {
			names = append(names, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(other)) {
		if _, ok := s[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// fileID returns an ID of a file's content: of a model the weights and settings, of any other file every byte. It is empty for an
// empty path.
func fileID(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	if !gguf.Is(path) {
		data, err := os.ReadFile(path)
		return fmt.Sprintf("%x", sha256.Sum256(data)), err
	}
	file, err := lm.OpenFile(path)
	if err != nil {
		return "", err
	}
	id, err := engine.Identity(file)
	return fmt.Sprintf("%x", id), errors.Join(err, file.Close())
}
