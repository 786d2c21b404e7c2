// Command llama-server lets programs that start llama.cpp's server start Gosling's: it takes llama-server's flags, translates them and
// becomes "gosling serve" with the model demo, whatever model was named. It never downloads anything. The variable GOSLING names the
// program. scripts/compat uses it to run llama.cpp's own tests.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	if err := become(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "llama-server:", err)
		os.Exit(1)
	}
}

// become replaces this process by the server.
func become(args []string) error {
	name := os.Getenv("GOSLING")
	if name == "" {
		return errors.New("the variable GOSLING does not name the program")
	}
	program, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	flags, key, err := translate(args)
	if err != nil {
		return err
	}
	env := os.Environ()
	if key != "" {
		env = append(env, "GOSLING_API_KEY="+key)
	}
	return syscall.Exec(program, append([]string{program, "serve"}, flags...), env)
}
