package hub

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gosling-rwkv/gosling/internal/fuzzing"
)

// FuzzList reads lists of files. Law: every file of a list that is accepted has a plain name, a size and a hash.
func FuzzList(f *testing.F) {
	f.Add([]byte(`[{"type":"file","path":"goose.pth","size":3,"oid":"0123456789abcdef0123456789abcdef01234567"}]`))
	f.Add([]byte(`[{"type":"file","path":"../goose","size":-3,"lfs":{"oid":"x","size":1}}]`))
	f.Add([]byte(`{"Code":200,"Data":{"Files":[{"Type":"blob","Path":"goose.pth","Size":3,"Sha256":"x"}]}}`))
	f.Add([]byte(`{"Code":10010205001,"Message":"no"}`))
	f.Add([]byte(`[{`))
	f.Fuzz(func(t *testing.T, body []byte) {
		defer fuzzing.Guard(t, len(body), 64)()
		for _, read := range []func(*Listing, []byte) error{(*Listing).addHuggingFace, (*Listing).addModelScope} {
			l := Listing{Repo: Repo{Owner: "a", Name: "b"}}
			if read(&l, body) != nil {
				continue
			}
			for _, file := range l.Files {
				assert.NoError(t, CheckPath(file.Path))
				assert.GreaterOrEqual(t, file.Size, int64(0))
				assert.Regexp(t, `^([0-9a-f]{40}|[0-9a-f]{64})$`, file.ID())
			}
		}
	})
}
