package gguf

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fault is a file that must be refused, where and in what part its first fault is, and what is said of it.
type fault struct {
	file         image
	offset       int64
	part, reason string
}

func hostile() map[string]fault {
	key := func(kind uint32) image { return start(3, 0, 1).str("k").u32(kind) }
	tensors := func(n uint64) image { return start(3, n, 0) }
	long := strings.Repeat("n", 70_000)
	const afterKey, afterName = 24 + 9, 24 + 9

	nested := key(9)
	for range 9 {
		nested = nested.u32(9).u64(1)
	}
	return map[string]fault{
		"an empty file":                    {nil, 0, "magic", `starts with "", want "GGUF"`},
		"a file of two bytes":              {image("GG"), 0, "magic", `starts with "GG"`},
		"a magic of another format":        {image("GGMLxxxxxxxxxxxx"), 0, "magic", `starts with "GGML", want "GGUF": not a GGUF file`},
		"a file that ends after the magic": {image("GGUF"), 4, "version", "wants 4 bytes, 0 are left"},
		"version 1":                        {start(1, 0, 0), 4, "version", "is 1, which is read no more"},
		"version 0":                        {start(0, 0, 0), 4, "version", "is 0, want 2 or 3"},
		"version 4":                        {start(4, 0, 0), 4, "version", "is 4, want 2 or 3"},
		"a big-endian file":                {start(3<<24, 0, 0), 4, "version", "is 3 with its bytes swapped: a big-endian file"},
		"a file that ends in its counts":   {start(3, 0, 0)[:20], 16, "key count", "wants 8 bytes, 4 are left"},
		"2^60 tensors":                     {start(3, 1<<60, 0), 8, "tensor count", "claims 1152921504606846976"},
		"2^60 keys":                        {start(3, 0, 1<<60), 16, "key count", "claims 1152921504606846976"},
		"counts that overflow when summed": {start(3, math.MaxUint64, math.MaxUint64), 8, "tensor count", "claims 18446744073709551615"},
		"one key more than there are":      {start(3, 0, 2).str("k").u32(0).raw(1).raw(make([]byte, 14)...), 24 + 14, "name of key 1", "is empty"},

		"a name longer than the file":        {start(3, 0, 1).u64(1 << 40).raw(make([]byte, 40)...), 24, "name of key 0", "claims 1099511627776 bytes, 40 are left"},
		"a name whose length is 2^64-1":      {start(3, 0, 1).u64(math.MaxUint64).raw(make([]byte, 40)...), 24, "name of key 0", "claims 18446744073709551615 bytes"},
		"a name longer than 65,535 bytes":    {start(3, 0, 1).str(long).u32(0).raw(1), 24, "name of key 0", "claims 70000 bytes, 65535 are the most"},
		"an empty key":                       {start(3, 0, 1).str("").u32(4).u32(1), 24, "name of key 0", "is empty"},
		"a key that is there twice":          {start(3, 0, 2).str("k").u32(0).raw(1).str("k").u32(0).raw(2), 38, `key "k"`, "is there twice, as number 0 and 1"},
		"an unknown value type":              {key(13).u64(0), afterKey, `key "k"`, "has unknown value type 13, want 0 to 12"},
		"a value type of 2^32-1":             {key(math.MaxUint32).u64(0), afterKey, `key "k"`, "has unknown value type 4294967295"},
		"a value that is cut short":          {key(10).u32(0), afterKey + 4, `key "k"`, "wants 8 bytes, 4 are left"},
		"a bool of 2":                        {key(7).raw(2), afterKey + 4, `key "k"`, "holds a bool of 2, want 0 or 1"},
		"a string longer than the file":      {key(8).u64(math.MaxInt64).u64(0), afterKey + 4, `key "k"`, "claims 9223372036854775807 bytes, 8 are left"},
		"an array of an unknown type":        {key(9).u32(99).u64(0), afterKey + 4, `key "k"`, "has unknown value type 99"},
		"an array of 2^60 strings":           {key(9).u32(8).u64(1 << 60).u64(0), afterKey + 8, `key "k" length`, "claims 1152921504606846976 items of 8 or more bytes, 8 are left"},
		"an array of 2^63 doubles":           {key(9).u32(12).u64(1 << 63).u64(0), afterKey + 8, `key "k" length`, "claims 9223372036854775808"},
		"an array whose size wraps to 0":     {key(9).u32(12).u64(1 << 61).u64(0), afterKey + 8, `key "k" length`, "claims 2305843009213693952"},
		"an array cut short in its length":   {key(9).u32(8).u32(0), afterKey + 8, `key "k" length`, "wants 8 bytes, 4 are left"},
		"an array of bools with a 3":         {key(9).u32(7).u64(3).raw(0, 1, 3), afterKey + 18, `key "k"`, "holds a bool of 3"},
		"an array's string beyond the file":  {key(9).u32(8).u64(2).str("a").u64(9), afterKey + 25, `key "k"`, "string 1 claims 9 bytes, 0 are left"},
		"an array's string without a length": {key(9).u32(8).u64(2).str("abcdefgh"), afterKey + 32, `key "k"`, "wants 8 bytes, 0 are left"},
		"an array of 2^40 arrays":            {key(9).u32(9).u64(1 << 40).u64(0), afterKey + 8, `key "k" length`, "claims 1099511627776"},
		"arrays nested nine deep":            {nested, afterKey + 4 + 7*12, `key "k"`, "nests arrays more than 8 deep"},

		"an alignment of 0":          {start(3, 0, 1).str("general.alignment").u32(4).u32(0), 24, `key "general.alignment"`, "is 0, want a power of two"},
		"an alignment of 48":         {start(3, 0, 1).str("general.alignment").u32(4).u32(48), 24, `key "general.alignment"`, "is 48, want a power of two"},
		"an alignment of 64 bits":    {start(3, 0, 1).str("general.alignment").u32(10).u64(32), 24, `key "general.alignment"`, "holds a uint64, want a uint32"},
		"an alignment that is words": {start(3, 0, 1).str("general.alignment").u32(8).str("32"), 24, `key "general.alignment"`, "holds a string"},

		"a tensor without a name":          {tensors(1).tensor("", F32, 0, 1).pad(32).u32(0).pad(32), 24, "name of tensor 0", "is empty"},
		"two tensors of one name":          {tensors(2).tensor("t", F32, 0, 1).tensor("t", F32, 32, 1).pad(32).raw(make([]byte, 64)...), 57, `tensor "t"`, "is there twice, as number 0 and 1"},
		"a tensor of no dimensions":        {tensors(1).tensor("t", F32, 0).raw(make([]byte, 64)...), afterName, `tensor "t"`, "has 0 dimensions, want 1 to 4"},
		"a tensor of five dimensions":      {tensors(1).tensor("t", F32, 0, 1, 1, 1, 1, 1).raw(make([]byte, 64)...), afterName, `tensor "t"`, "has 5 dimensions, want 1 to 4"},
		"a tensor of 2^32-1 dimensions":    {tensors(1).str("t").u32(math.MaxUint32).raw(make([]byte, 64)...), afterName, `tensor "t"`, "has 4294967295 dimensions"},
		"a dimension of 0":                 {tensors(1).tensor("t", F32, 0, 4, 0).raw(make([]byte, 64)...), afterName, `tensor "t"`, "has 0 elements in dimension 1, want 1 or more"},
		"a dimension below 0":              {tensors(1).tensor("t", F32, 0, math.MaxUint64).raw(make([]byte, 64)...), afterName, `tensor "t"`, "has -1 elements in dimension 0"},
		"a shape that overflows to 0":      {tensors(1).tensor("t", F32, 0, 1<<32, 1<<32).raw(make([]byte, 64)...), afterName, `tensor "t"`, "shape [4294967296 4294967296] of F32 is larger than 63 bits count"},
		"a row that overflows":             {tensors(1).tensor("t", F64, 0, 1<<61).raw(make([]byte, 64)...), afterName, `tensor "t"`, "takes more bytes than 63 bits count"},
		"elements that overflow in Q4_0":   {tensors(1).tensor("t", Q1_0, 0, 1<<62, 2).raw(make([]byte, 64)...), afterName, `tensor "t"`, "larger than 63 bits count"},
		"a removed tensor type":            {tensors(1).tensor("t", 31, 0, 32).raw(make([]byte, 64)...), afterName, `tensor "t"`, "type 31 is unknown"},
		"a tensor type of 2^32-1":          {tensors(1).tensor("t", math.MaxUint32, 0, 32).raw(make([]byte, 64)...), afterName, `tensor "t"`, "type 4294967295 is unknown"},
		"a row of half a block":            {tensors(1).tensor("t", Q4_K, 0, 128).raw(make([]byte, 128)...), afterName, `tensor "t"`, "a row of 128 elements is not a multiple of Q4_K's block of 256"},
		"a header cut short in a shape":    {tensors(1).str("tttttttt").u32(4).u64(1).u64(1).u32(1), 24 + 16 + 20, `tensor "tttttttt" shape`, "wants 8 bytes, 4 are left"},
		"an offset off the alignment":      {tensors(1).tensor("t", F32, 8, 1).pad(32).raw(make([]byte, 64)...), 57 - 8, `tensor "t"`, "has offset 8, not a multiple of the alignment 32"},
		"an offset of 2^63":                {tensors(1).tensor("t", F32, 1<<63, 1).pad(32).raw(make([]byte, 64)...), 57 - 8, `tensor "t"`, "has offset 9223372036854775808, beyond the end of any file"},
		"an offset that wraps to the data": {tensors(1).tensor("t", F32, math.MaxUint64-31, 1).pad(32).raw(make([]byte, 64)...), 57 - 8, `tensor "t"`, "beyond the end of any file"},
		"an offset of 2^63-32":             {tensors(1).tensor("t", F32, math.MaxInt64-31, 16).pad(32).raw(make([]byte, 64)...), 57 - 8, `tensor "t"`, "takes 64 bytes at 9223372036854775776 of the data, which starts at byte 64 of a 128-byte file: cut short"},
		"a tensor a byte too long":         {tensors(1).tensor("t", I8, 32, 33).pad(32).raw(make([]byte, 64)...), 57 - 8, `tensor "t"`, "takes 33 bytes at 32 of the data, which starts at byte 64 of a 128-byte file"},
		"a file without its data":          {tensors(1).tensor("t", F32, 0, 1), 57 - 8, `tensor "t"`, "cut short, download or make it again"},
		"two tensors that share a byte":    {tensors(2).tensor("a", I8, 0, 33).tensor("b", I8, 32, 1).pad(32).raw(make([]byte, 64)...), 90 - 8, `tensor "b"`, `starts at byte 128 and overlaps "a", which ends at byte 129`},
		"a tensor inside another":          {tensors(3).tensor("a", I8, 32, 1).tensor("b", I8, 64, 1).tensor("c", I8, 0, 96).pad(32).raw(make([]byte, 96)...), 57 - 8, `tensor "a"`, `overlaps "c"`},
		"two tensors in one place":         {tensors(2).tensor("a", I8, 0, 1).tensor("b", I8, 0, 1).pad(32).raw(make([]byte, 64)...), 90 - 8, `tensor "b"`, `overlaps "a"`},
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, tc := range hostile() {
		t.Run(name, func(t *testing.T) {
			path := save(t, tc.file)
			_, err := Open(path)
			var bad *FormatError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, tc.offset, bad.Offset)
			assert.True(t, strings.HasPrefix(bad.Part, tc.part), bad.Part)
			assert.Contains(t, bad.Reason, tc.reason)
			assert.Contains(t, err.Error(), path+": ")
			assert.Equal(t, bad, Check(path)[0])
		})
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	image, _ := golden()
	whole := len(image) - 60 // the last tensor ends there
	for n := range whole {
		p := parse(image[:n])
		require.NotEmpty(t, p.errs, "%d bytes", n)
		var bad *FormatError
		require.ErrorAs(t, p.errs[0], &bad)
		require.LessOrEqual(t, bad.Offset, int64(n))
	}
	require.Empty(t, parse(image[:whole]).errs)
}

func TestClaimsAreNotAllocated(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, tc := range hostile() {
		parse(tc.file)
	}
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
}

func TestALargeFileMayNotHaveALargeHeader(t *testing.T) {
	strings := func(n uint64) image { return start(3, 0, 1).str("k").u32(9).u32(8).u64(n) }
	for name, tc := range map[string]struct {
		file image
		want string
	}{
		"zeros as keys":           {start(3, 0, MaxKeys), "name of key 0 at byte 24: is empty"},
		"zeros as tensors":        {start(3, MaxTensors, 0), "name of tensor 0 at byte 24: is empty"},
		"a key too many":          {start(3, 0, MaxKeys+1), "key count at byte 16: is 65537, 65536 are the most"},
		"a tensor too many":       {start(3, MaxTensors+1, 0), "tensor count at byte 8: is 131073, 131072 are the most"},
		"a string too many":       {strings(MaxItems + 1), "has 4194305 texts or arrays, 4194304 in all arrays of a header are the most"},
		"an array too many":       {start(3, 0, 1).str("k").u32(9).u32(9).u64(MaxItems + 1), "has 4194305 texts or arrays"},
		"a string after others":   {start(3, 0, 2).str("k").u32(9).u32(8).u64(2).str("").str("").str("l").u32(9).u32(8).u64(MaxItems - 1), "has 4194303 texts or arrays"},
		"more strings than bytes": {strings(1 << 26), "are left of the 268435456 that a header may have"},
		"a long string":           {start(3, 0, 1).str("k").u32(8).u64(MaxText + 1), "claims 67108865 bytes, 67108864 are the most"},
		"a string of most of it":  {start(3, 0, 1).str("k").u32(8).u64(1 << 30), "are left of the 268435456 that a header may have"},
		"a tensor of a long name": {start(3, 1, 0).u64(maxTensor + 1), "claims 1025 bytes, 1024 are the most"},
	} {
		t.Run(name, func(t *testing.T) {
			path := save(t, tc.file)
			require.NoError(t, os.Truncate(path, 300<<20))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Open(path)
			runtime.ReadMemStats(&after)
			require.ErrorAs(t, err, new(*FormatError))
			assert.ErrorContains(t, err, tc.want)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
		})
	}
}

func TestLongNamesAreCutInErrors(t *testing.T) {
	m := start(3, 100, 0).tensor(strings.Repeat("n", 1_000), I8, 0, 200*32)
	for i := range 99 {
		m = m.tensor(fmt.Sprint(i), I8, 32*uint64(i), 1)
	}
	errs := parse(m.pad(32).raw(make([]byte, 200*32)...)).errs
	require.Len(t, errs, 99)
	for _, err := range errs {
		require.Less(t, len(err.Error()), 400)
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir)
	assert.ErrorContains(t, err, ": is a folder, want a file")
	_, err = Open(filepath.Join(dir, "missing"))
	assert.ErrorContains(t, err, "missing")
	assert.Len(t, Check(filepath.Join(dir, "missing")), 1)
}

func TestCheckFindsNothingWrongWithAGoodFile(t *testing.T) {
	image, _ := golden()
	assert.Empty(t, Check(save(t, image)))
	assert.Empty(t, Check(save(t, start(3, 0, 0))))
	assert.Empty(t, Check(save(t, start(3, 0, 0).pad(32))))
}

func TestCheckReportsAllThatIsWrong(t *testing.T) {
	long := strings.Repeat("n", 64)
	file := start(3, 6, 2).
		str("k").u32(0).raw(1).
		str("k").u32(0).raw(1).
		tensor("unknown", 31, 0, 1).
		tensor("unaligned", I8, 33, 1).
		tensor("gap", I8, 128, 1).
		tensor(long, I8, 160, 1).
		tensor("overlap", I8, 128, 1).
		tensor("away", I8, 1<<30, 1).
		pad(32)
	file[len(file)-1] = 1 // padding after the header
	data := int64(len(file))
	file = file.raw(make([]byte, 192)...)
	file[data+129] = 7 // padding after "overlap"
	var got []string
	for _, err := range Check(save(t, file)) {
		var bad *FormatError
		require.ErrorAs(t, err, &bad)
		got = append(got, bad.Part+": "+bad.Reason)
	}
	name := fmt.Sprintf("tensor %q", long)
	for _, want := range []string{
		`key "k": is there twice`,
		`tensor "unknown": tensor type 31 is unknown`,
		`tensor "unaligned": has offset 33, not a multiple`,
		`tensor "away": takes 1 bytes at 1073741824`,
		`tensor "overlap": starts at byte ` + fmt.Sprint(data+128) + ` and overlaps "gap"`,
		name + `: has a name of 64 bytes, ggml reads 63`,
		`tensor "gap": starts at byte ` + fmt.Sprint(data+128) + `, want ` + fmt.Sprint(data+64),
		`tensor "overlap": starts at byte ` + fmt.Sprint(data+128) + `, want ` + fmt.Sprint(data+192),
		`padding after the header: is 1, want 0`,
		`padding after tensor "gap": is 7, want 0`,
	} {
		i := 0
		for i < len(got) && !strings.HasPrefix(got[i], want) {
			i++
		}
		if assert.Less(t, i, len(got), "%s\nis not in\n%s", want, strings.Join(got, "\n")) {
			got = append(got[:i], got[i+1:]...)
		}
	}
	assert.Empty(t, got)
}

func TestCheckLooksAtTheEnd(t *testing.T) {
	image, _ := golden()
	size := int64(len(image))
	assert.Equal(t, []error{&FormatError{size - 10, "end of file", "lacks 10 bytes of padding to the alignment of 64"}},
		Check(save(t, image[:size-10])))
	assert.Equal(t, []error{&FormatError{size, "end of file", "has 3 bytes that belong to no tensor"}},
		Check(save(t, image.raw(0, 0, 0))))
	image[size-1] = 9
	assert.Equal(t, []error{&FormatError{size - 1, `padding after tensor "blk.0.key.weight"`, "is 9, want 0"}},
		Check(save(t, image)))
}

func TestCheckCountsWhatIsTooMuch(t *testing.T) {
	m := start(3, 1200, 0)
	for i := range 1200 {
		m = m.tensor(fmt.Sprint(i), 31, 0, 1)
	}
	errs := Check(save(t, m))
	require.Len(t, errs, 1001)
	assert.EqualError(t, errs[1000], "and 200 more")
	assert.False(t, errors.As(errs[1000], new(*FormatError)))
}
