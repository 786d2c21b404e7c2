package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestALineOfAnErrorIsCut(t *testing.T) {
	var out strings.Builder
	printError(&out, errors.New("m.safetensors: tensor \""+strings.Repeat("goose", 1<<20)+"\" is missing\nand another line"))
	assert.Less(t, out.Len(), 1100)
	assert.Contains(t, out.String(), "...\nand another line\n")
}
