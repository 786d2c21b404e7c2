package completion

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEveryShellHasAScriptThatCallsTheProgram(t *testing.T) {
	for _, shell := range Shells {
		script, ok := Script(shell)
		assert.True(t, ok, shell)
		assert.Contains(t, script, "__complete", shell)
	}
	_, ok := Script("csh")
	assert.False(t, ok)
}
