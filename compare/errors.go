package compare

import (
	"fmt"
	"strings"

	"github.com/gosling-rwkv/gosling/internal/units"
)

// StoppedError is the error of a run that ended early. A folder keeps its measurements for a run that resumes.
type StoppedError struct {
	Work string // the folder
	err  error
}

func (e *StoppedError) Error() string { return e.err.Error() }
func (e *StoppedError) Unwrap() error { return e.err }

// SettingsError is the error of resuming with settings that differ from those of the notes.
type SettingsError struct {
	work   string
	differ []string // names of the settings that differ
}

func (e *SettingsError) Error() string {
	return fmt.Sprintf("%s was begun with other settings: %s", e.work, strings.Join(e.differ, ", "))
}

// BaseLogitsError is the error of a file of base logits that cannot be used, such as one of another base, text or context.
type BaseLogitsError struct{ err error }

func (e *BaseLogitsError) Error() string { return e.err.Error() }
func (e *BaseLogitsError) Unwrap() error { return e.err }

// DiskError is the error of a file that the disk has no room for.
type DiskError struct {
	path       string
	more, free int64 // bytes
}

func (e *DiskError) Error() string {
	return fmt.Sprintf("%s would take %s more, but only %s is free there", e.path, units.Bytes(e.more), units.Bytes(e.free))
}

// NoTokenizerError is the error of a model that cannot read text, because its file holds no tokenizer.
type NoTokenizerError struct{ path string }

func (e *NoTokenizerError) Error() string {
	return e.path + ": holds no tokenizer, so no text can be measured"
}

// ExistsError is the error of an answers file that exists while neither Resume nor Replace is set.
type ExistsError struct{ path string }

func (e *ExistsError) Error() string { return e.path + " exists" }
