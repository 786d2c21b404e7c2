package atomicfile

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test program act as the process that is killed. With a path in its environment it writes that file step by
// step, reports each step, and continues when it is told to.
func TestMain(m *testing.M) {
	path := os.Getenv("ATOMICFILE_TEST_VICTIM")
	if path == "" {
		os.Exit(m.Run())
	}
	if err := victim(path); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// steps are the steps of the process that is killed.
var steps = []string{"created", "written", "committed"}

func victim(path string) error {
	orders := bufio.NewScanner(os.Stdin)
	var f *File
	for _, step := range steps {
		var err error
		switch step {
		case "created":
			f, err = Create(path, Options{Force: true})
		case "written":
			_, err = f.WriteString("new")
		case "committed":
			err = f.Commit()
		}
		if err != nil {
			return err
		}
		fmt.Println(step)
		orders.Scan()
	}
	return f.Close()
}

func TestAProgramKilledAtAnyStepLeavesTheOldFileOrTheNewOne(t *testing.T) {
	for i, last := range steps {
		for _, old := range []string{"", "old"} {
			t.Run(fmt.Sprintf("%s over %q", last, old), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "m.gguf")
				if old != "" {
					require.NoError(t, os.WriteFile(path, []byte(old), 0o666))
				}
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), "ATOMICFILE_TEST_VICTIM="+path)
				orders, err := cmd.StdinPipe()
				require.NoError(t, err)
				out, err := cmd.StdoutPipe()
				require.NoError(t, err)
				require.NoError(t, cmd.Start())
				said := bufio.NewScanner(out)
				for _, step := range steps[:i+1] {
					require.True(t, said.Scan())
					require.Equal(t, step, said.Text())
					if step != last {
						_, err := fmt.Fprintln(orders)
						require.NoError(t, err)
					}
				}
				require.NoError(t, cmd.Process.Kill())
				assert.Error(t, cmd.Wait())

				switch {
				case last == "committed":
					assert.Equal(t, "new", content(t, path))
					assert.Len(t, names(t, filepath.Dir(path)), 1)
				case old == "":
					assert.NoFileExists(t, path)
				default:
					assert.Equal(t, old, content(t, path))
				}
			})
		}
	}
}
