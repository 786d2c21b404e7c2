package private

import (
	"os"
	"path/filepath"
	"runtime"
)

// State returns the folder for what a program keeps of its user from one run to the next, such as a history. It creates the folder if
// it is missing.
func State(program string) (string, error) {
	parent, err := stateParent()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", err
	}
	folder := filepath.Join(parent, program)
	return folder, Folder(folder)
}

// stateParent returns the system's place for such folders.
func stateParent() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	switch runtime.GOOS {
	case "windows":
		return os.UserCacheDir() // which is local to the machine, as a state should be
	case "darwin", "ios":
		return os.UserConfigDir()
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "state"), err
}
