package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// setUpWine creates Wine's Windows folder, and adds the library that Wine 8 lacks.
func setUpWine(e *emulation) error {
	system := absolute("build/emulate/wine/drive_c/windows/system32")
	if !isFile(system) {
		cmd := exec.Command("wineboot", "--init")
		cmd.Env = e.environment()
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("wineboot: %w: %s", err, said)
		}
	}
	if err := writeOverlay(); err != nil {
		return err
	}
	library := filepath.Join(system, "bcryptprimitives.dll")
	if isFile(library) {
		return nil
	}
	said, err := exec.Command("x86_64-w64-mingw32-gcc", "-shared", "-O2", "-o", library, "scripts/emulate/wine/bcryptprimitives.c", "-ladvapi32").CombinedOutput()
	if err != nil {
		return fmt.Errorf("bcryptprimitives.dll: %w: %s", err, said)
	}
	return nil
}

// overlayFile makes the go command use another file in place of one of Go's own.
const overlayFile = "build/emulate/overlay.json"

// writeOverlay makes Go's os.RemoveAll work. To delete a file, Go first calls a function of Windows 10. After some errors it
// falls back to the older function. Wine 8 returns another error: STATUS_NOT_IMPLEMENTED.
func writeOverlay() error {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(goroot)), "src/internal/syscall/windows/at_windows.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return err
	}
	const known, notImplemented = "case STATUS_INVALID_INFO_CLASS,", " NTStatus(0xC0000002),"
	changed := bytes.Replace(source, []byte(known), []byte(known+notImplemented), 1)
	if bytes.Equal(source, changed) {
		return fmt.Errorf("%s of %s has no %q: check whether Wine still needs the change", original, runtime.Version(), known)
	}
	file := absolute("build/emulate/_overlay/at_windows.go") // ./... skips this folder
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: file}})
	return errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, changed, 0o600), os.WriteFile(overlayFile, overlay, 0o600))
}
