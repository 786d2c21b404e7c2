package pth

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pickled is an archive of that pickle alone, hand-written.
func pickled(t *testing.T, parts ...string) []byte {
	return checkpointOf(t, []byte(strings.Join(parts, "")), f32s(4))
}

// tensorWith is the pickle of a tensor that has the metadata that the given instructions make.
func tensorWith(metadata string) string {
	p := newProgram()
	p.text("w")
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.op('(')
	p.storage("FloatStorage", "0", 4)
	p.int(0)
	p.ints([]int64{4})
	p.ints([]int64{1})
	p.op(0x89)
	p.emptyDict()
	return string(p.pickler) + metadata + "tRu."
}

func TestPicklesThatAreRefused(t *testing.T) {
	const dict = "\x80\x02}("
	for name, tc := range map[string]struct {
		pickle string
		reason string
	}{
		"a function that is not ours":           {dict + "X\x01\x00\x00\x00wcposix\nsystem\n", `data.pkl asks for "posix.system" at offset 10`},
		"the same by protocol 4":                {"\x80\x04\x8c\x02os\x8c\x06system\x93.", `data.pkl asks for "os.system" at offset 14`},
		"PyTorch's own loader of pickled bytes": {dict + "ctorch.storage\n_load_from_bytes\n", `"torch.storage._load_from_bytes"`},
		"an instance made by INST":              {dict + "(ios\nsystem\n.", "instruction INST at offset 5"},
		"an object of nothing":                  {dict + "\x81.", "takes 2 values off a stack of 0"},
		"an object of a number":                 {"\x80\x02K\x01)\x81.", "makes an object of an integer with a tuple"},
		"an object of a tensor's storage":       {"\x80\x02ctorch\nFloatStorage\n)\x81.", "makes an object of torch.FloatStorage"},
		"items added to a list":                 {"\x80\x04](K\x01\x90.", "adds items to a list, want a set"},
		"bytes longer than the file":            {"\x80\x03B\xff\xff\xff\xffab", "wants 4294967295 bytes more"},
		"a tensor with attributes of no tensor": {"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n)R.", "is not made of a function, a class"},
		"metadata that are no dict":             {tensorWith("K\x01"), "metadata are an integer, want a dict"},
		"a mark that is no bool":                {tensorWith("}X\x03\x00\x00\x00negK\x01s"), `mark "neg" is an integer, want a bool`},
		"an extension code":                     {dict + "\x82\x01.", "instruction EXT1 at offset 4"},
		"a byte that is no instruction":         {dict + "\xff.", "byte 0xff where an instruction belongs at offset 4"},
		"a protocol of the future":              {"\x80\x09}.", "pickle protocol 9, want 2 to 5"},
		"an end in the middle":                  {dict, "wants 1 bytes more, 0 are left: cut short"},
		"a string longer than the file":         {dict + "X\xff\xff\xff\xffab", "wants 4294967295 bytes more, 2 are left"},
		"a name without end":                    {dict + "c" + strings.Repeat("a", 300), "a name of more than 256 bytes"},
		"a name that is no string":              {"\x80\x04K\x01K\x02\x93.", "asks for a name that is an integer"},
		"a value taken off an empty stack":      {"\x80\x02\x85.", "takes 1 values off a stack of 0"},
		"a value taken from below a mark":       {"\x80\x02K\x01(\x85.", "takes 1 values off a stack of 0"},
		"a tuple without a mark":                {"\x80\x02t.", "no mark on the stack"},
		"a mark that stays":                     {"\x80\x02}(.", "ends at byte 4"},
		"two values at the end":                 {"\x80\x02}}.", "with 2 values on its stack"},
		"a key without a value":                 {dict + "K\x01u.", "a key has no value"},
		"items of a tuple":                      {"\x80\x02)(K\x01K\x02u.", "sets items of a tuple, want a dict"},
		"an item of nothing":                    {"\x80\x02K\x01K\x02s.", "sets items of nothing"},
		"something appended to a dict":          {"\x80\x02}K\x01a.", "appends to a dict, want a list"},
		"attributes of a list":                  {"\x80\x02]}b.", "gives attributes to a list, want a dict"},
		"a memory that is not there":            {"\x80\x02h\x07.", "nothing is remembered as 7"},
		"nothing to remember":                   {"\x80\x02q\x07.", "nothing on the stack to remember"},
		"a call of a string":                    {"\x80\x02X\x01\x00\x00\x00w)R.", "calls a string"},
		"a call of a class":                     {"\x80\x02ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage"},
		"a call without a tuple":                {"\x80\x02ccollections\nOrderedDict\n]R.", "calls collections.OrderedDict with a list, want a tuple"},
		"a dict made of two things":             {"\x80\x02ccollections\nOrderedDict\nK\x01K\x02\x86R.", "makes a dict of 2 arguments"},
		"a dict made of something":              {"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.", "makes a dict of an integer"},
		"a tensor of too few parts":             {"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.", "has 0 arguments, want 4 to 7"},
		"a tensor of the wrong parts":           {"\x80\x02ctorch._utils\n_rebuild_tensor\n(K\x01K\x02K\x03K\x04tR.", "is made of an integer, an integer"},
		"a parameter of nothing":                {"\x80\x02ctorch._utils\n_rebuild_parameter\n)R.", "made of nothing, want a tensor"},
		"a parameter of a number":               {"\x80\x02ctorch._utils\n_rebuild_parameter\nK\x01\x85R.", "made of an integer, want a tensor"},
		"a storage that is no tuple":            {"\x80\x02X\x01\x00\x00\x000Q.", "a storage is described by a string"},
		"a storage of wrong parts":              {"\x80\x02(X\x07\x00\x00\x00storageK\x01K\x01K\x01K\x01tQ.", "described by an integer, an integer and an integer"},
		"a storage of less than no elements":    {"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x00\x00\x00\x00\x8a\x01\xfftQ.", "claims -1 elements"},
		"a list where a dict belongs":           {"\x80\x02].", "holds a list, want a dict of tensors"},
		"a dict without tensors":                {dict + "X\x01\x00\x00\x00wNu.", "holds no tensors, only 1 other entries"},
		"an empty dict":                         {"\x80\x02}.", "an empty dict"},
		"an integer that is cut off":            {"\x80\x02J\x01.", "wants 4 bytes more, 2 are left"},
		"a long integer that is cut off":        {"\x80\x02\x8a\x09.", "wants 9 bytes more, 1 are left"},
		"more values than any checkpoint needs": {"\x80\x02" + strings.Repeat("}", MaxValues+1), "makes more than 1048576 values"},
		"more memories than any checkpoint has": {"\x80\x02}" + strings.Repeat("\x94", MaxValues), "makes more than 1048576 values"},
		"more marks than any checkpoint has":    {"\x80\x02" + strings.Repeat("(", MaxValues+1), "makes more than 1048576 values"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(pickled(t, tc.pickle))
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

func TestTensorsThatAreRefused(t *testing.T) {
	const huge = 1 << 40
	for name, tc := range map[string]struct {
		pickle []byte
		reason string
	}{
		"a storage shorter than its tensor needs": {one("FloatStorage", 5, 0, []int64{5}, []int64{1}), `record "m/data/0" holds 16 bytes, want 20`},
		"a storage that is not in the file": {func() []byte {
			p := newProgram()
			p.tensor("w", "FloatStorage", "7", 4, 0, []int64{4}, []int64{1})
			return p.done()
		}(), `no record "m/data/7"`},
		"a storage of absurd length":   {one("FloatStorage", 1<<62, 0, []int64{4}, []int64{1}), "claims 4611686018427387904 elements"},
		"a storage of negative length": {one("FloatStorage", -1, 0, []int64{4}, []int64{1}), "claims -1 elements"},
		"a storage of two lengths": {func() []byte {
			p := newProgram()
			p.tensor("a", "FloatStorage", "0", 4, 0, []int64{4}, []int64{1})
			p.tensor("b", "FloatStorage", "0", 3, 0, []int64{3}, []int64{1})
			return p.done()
		}(), `storage "0" is 3 elements of F32 here and 4 of F32 before`},
		"a storage key that is a path": {func() []byte {
			p := newProgram()
			p.tensor("w", "FloatStorage", "../../x", 4, 0, []int64{4}, []int64{1})
			return p.done()
		}(), `storage key "../../x" is not a plain name`},
		"a tensor past the end":            {one("FloatStorage", 4, 1, []int64{4}, []int64{1}), "reaches element 4 of a storage of 4"},
		"an empty tensor past the end":     {one("FloatStorage", 4, 5, []int64{0}, []int64{1}), "begins at element 5 of a storage of 4"},
		"a negative offset":                {one("FloatStorage", 4, -1, []int64{1}, []int64{1}), "begins at element -1"},
		"a negative stride":                {one("FloatStorage", 4, 3, []int64{2}, []int64{-1}), "want none below 0"},
		"a negative dimension":             {one("FloatStorage", 4, 0, []int64{-2}, []int64{1}), "want none below 0"},
		"dimensions without strides":       {one("FloatStorage", 4, 0, []int64{2, 2}, []int64{1}), "2 dimensions and 1 strides"},
		"a product that overflows":         {one("FloatStorage", 4, 0, []int64{huge, huge}, []int64{0, 0}), "more than any file holds"},
		"an extent that overflows":         {one("FloatStorage", 4, 0, []int64{huge, 2}, []int64{huge, 1}), "more than any file holds"},
		"one element repeated without end": {one("FloatStorage", 4, 0, []int64{huge}, []int64{0}), "far more than the file holds"},
		"two tensors of one name": {func() []byte {
			p := newProgram()
			p.tensor("w", "FloatStorage", "0", 4, 0, []int64{4}, []int64{1})
			p.tensor("w", "FloatStorage", "0", 4, 0, []int64{4}, []int64{1})
			return p.done()
		}(), `two entries "w"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(checkpointOf(t, tc.pickle, f32s(4)))
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}

func TestArchivesThatAreRefused(t *testing.T) {
	pickle := one("FloatStorage", 4, 0, []int64{4}, []int64{1})
	good := []member{{name: "m/data.pkl", data: pickle}, {name: "m/data/0", data: f32s(4)}}
	with := func(extra ...member) []byte { return archiveOf(t, append(good[:2:2], extra...)...) }
	whole := with()
	for name, tc := range map[string]struct {
		file   []byte
		reason string
	}{
		"a compressed member":               {with(member{name: "m/x", method: 8}), `"m/x" is compressed (method 8)`},
		"an encrypted member":               {with(member{name: "m/x", flags: 1}), `"m/x" is encrypted`},
		"a stored member of two sizes":      {with(member{name: "m/x", longer: 5}), `"m/x" is stored, but of 0 and 5 bytes`},
		"two members of one name":           {with(good[1]), `two members "m/data/0"`},
		"two pickles":                       {with(member{name: "n/data.pkl", data: pickle}), "two members \"data.pkl\""},
		"a member outside the archive":      {with(member{name: "m/../../x"}), `"m/../../x" names a place outside`},
		"an absolute member":                {with(member{name: "/etc/x"}), "names a place outside"},
		"an unknown order of bytes":         {with(member{name: "m/byteorder", data: []byte("middle")}), `says "middle", want "little" or "big"`},
		"no pickle":                         {archiveOf(t, member{name: "a.txt"}), "without a member \"data.pkl\""},
		"a pickle with a wrong checksum":    {archiveOf(t, member{name: "m/data.pkl", data: pickle, corrupt: true}, good[1]), "has the checksum"},
		"a pickle of absurd length":         {archiveOf(t, member{name: "m/data.pkl", data: pickle, size: 1 << 40}, good[1]), "claims 1099511627776 bytes"},
		"a record of absurd length":         {archiveOf(t, good[0], member{name: "m/data/0", data: f32s(4), size: 1 << 42}), "claims 4398046511104 bytes"},
		"a pickle beyond the limit":         {archiveOf(t, member{name: "m/data.pkl", data: make([]byte, MaxPickle+1)}), "more than the 67108864 that any checkpoint needs"},
		"an archive that is cut short":      {whole[:len(whole)-40], "cut short, download it again"},
		"an archive's first bytes only":     {whole[:4], "cut short, download it again"},
		"an empty file":                     {nil, "is empty"},
		"a text":                            {[]byte("hello"), `begins with "hell"`},
		"a header that lies somewhere else": {bytes.Replace(whole, []byte("PK\x03\x04"), []byte("PK\x03\x05"), 2), "no sound header"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(tc.file)
			require.Error(t, err)
			assert.ErrorContains(t, err, tc.reason)
		})
	}
}
