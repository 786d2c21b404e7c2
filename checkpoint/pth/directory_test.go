package pth

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// endOf is the end of an archive whose directory is said to have n records, in the form for more than 65,535.
func endOf(n uint64) []byte {
	le := binary.LittleEndian
	end64 := append([]byte(end64Mark), make([]byte, end64Len-4)...)
	le.PutUint64(end64[4:], end64Len-12)
	le.PutUint64(end64[24:], n)
	le.PutUint64(end64[32:], n)
	locator := append([]byte(locatorMark), make([]byte, locatorLen-4)...)
	le.PutUint32(locator[16:], 1)
	end := append([]byte(endMark), make([]byte, endLen-4)...)
	le.PutUint16(end[8:], 0xffff)
	le.PutUint16(end[10:], 0xffff)
	le.PutUint32(end[12:], 0xffffffff)
	le.PutUint32(end[16:], 0xffffffff)
	return append(append(end64, locator...), end...)
}

func TestADirectoryOfTooManyRecordsIsRefusedBeforeThereIsRoomForThem(t *testing.T) {
	data := endOf(1 << 40)
	assert.EqualValues(t, uint64(1<<40), claimedRecords(bytes.NewReader(data), int64(len(data))))
	_, err := Read(bytes.NewReader(append([]byte("PK\x03\x04"), data...)), int64(len(data)+4))
	require.Error(t, err)
	data = append(bytes.Repeat([]byte("PK\x03\x04"), end64Len), data...) // the offset of the locator is that of the file's beginning
	copy(data, endOf(MaxRecords + 1)[:end64Len])
	_, err = readDirectory(bytes.NewReader(data), int64(len(data)))
	require.EqualError(t, err, "the zip archive's directory has 131073 entries, 131072 are the most")
}

func TestTheRecordsOfAnArchiveAreCounted(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a", "b", "c"} {
		_, err := w.Create(name)
		require.NoError(t, err)
	}
	require.NoError(t, w.SetComment("a goose"))
	require.NoError(t, w.Close())
	assert.EqualValues(t, 3, claimedRecords(bytes.NewReader(b.Bytes()), int64(b.Len())))
	assert.Zero(t, claimedRecords(bytes.NewReader(b.Bytes()[:b.Len()-20]), int64(b.Len()-20)))
	assert.Zero(t, claimedRecords(bytes.NewReader(nil), 0))
}

func TestADirectoryIsReadUpToItsLimit(t *testing.T) {
	r := &limitedReader{file: bytes.NewReader(make([]byte, 100)), left: 10}
	_, err := r.ReadAt(make([]byte, 10), 0)
	require.NoError(t, err)
	_, err = r.ReadAt(make([]byte, 1), 0)
	require.EqualError(t, err, "more than 32 MiB")
	r.whole = true
	_, err = r.ReadAt(make([]byte, 50), 0)
	require.NoError(t, err)
}
