package hub

import (
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gosling-rwkv/gosling/internal/lock"
	"github.com/gosling-rwkv/gosling/internal/units"
)

// ChecksumError is the error of a file that does not have the hash that the hub lists. What arrived is removed.
type ChecksumError struct {
	File      File
	Got, Host string
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s: what %s sent has the hash %s, and the hub lists %s: it is removed; try again, or another mirror", e.File.Path, e.Host, e.Got, e.File.ID())
}

// SpaceError is the error of a disk that became full. What arrived is removed.
type SpaceError struct {
	Path string
	Size int64
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s: no space left on the disk for a file of %s: what arrived is removed; make room, or keep files on another disk", e.Path, units.Bytes(e.Size))
}

// Blob is a file in the cache.
type Blob struct {
	File
	Path   string // on the disk
	Commit string // of the repository, as the server says; empty if it does not
}

// Events tell what a Fetch does. A nil function is not called.
type Events struct {
	Progress func(done, total int64) // bytes of the file, including those from an earlier try
	Waiting  func()                  // another program downloads the file, and Fetch waits for it
}

// Fetch makes sure that a listed file is in the cache, and returns it. If the cache has only part of the file, Fetch downloads the
// rest. What is in the cache is read and compared with its hash. If the connection breaks for good, or ctx ends, the part that
// arrived is kept.
func (c *Client) Fetch(ctx context.Context, r Repo, f File, on Events) (b Blob, err error) {
	if err := errors.Join(r.Check(), f.check()); err != nil {
		return b, err
	}
	b = Blob{File: f, Path: c.blobPath(r, f)}
	if b.Commit, err = c.confirm(ctx, r, f); err != nil {
		return b, err
	}
	held, err := lock.Wait(ctx, c.lockPath(r, f), on.Waiting)
	if err != nil {
		return b, err
	}
	defer func() {
		if err == nil || c.Arrived(r, f) > 0 {
			err = errors.Join(err, held.Close())
			return
		}
		err = errors.Join(err, held.Remove())
		c.tidy(r)
	}()
	d := &download{client: c, repo: r, file: f, on: on}
	if whole, err := d.whole(ctx, b.Path); whole || err != nil {
		return b, err
	}
	if err := os.MkdirAll(filepath.Dir(b.Path), 0o755); err != nil {
		return b, err
	}
	return b, d.run(ctx, b.Path)
}

// confirm asks for a file's commit, and whether the file is still the listed one.
func (c *Client) confirm(ctx context.Context, r Repo, f File) (commit string, err error) {
	if c.site.Protocol == ModelScope {
		return "", nil
	}
	err = c.again(ctx, func() (bool, error) {
		answer, err := c.send(ctx, ask{method: http.MethodHead, url: c.address(r, f), what: r.String() + ": " + f.Path})
		if err != nil {
			return false, err
		}
		answer.Body.Close()
		commit = answer.Header.Get("X-Repo-Commit")
		etag := cmp.Or(answer.Header.Get("X-Linked-Etag"), answer.Header.Get("ETag"))
		etag = strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
		if isHash(etag, len(f.ID())) && etag != f.ID() { // some mirrors have ETags of their own
			return false, fmt.Errorf("%s: %s: the file has changed since it was listed (%s, now %s): try again", r, f.Path, f.ID(), etag)
		}
		return true, nil
	})
	if !isHash(commit, 40) {
		commit = ""
	}
	return commit, err
}

// address returns where a file is downloaded.
func (c *Client) address(r Repo, f File) *url.URL {
	if c.site.Protocol == ModelScope {
		u := c.base.JoinPath("api", "v1", "models", r.Owner, r.Name, "repo")
		u.RawQuery = url.Values{"Revision": {c.revision(r)}, "FilePath": {f.Path}}.Encode()
		return u
	}
	u := c.base.JoinPath(r.Owner, r.Name, "resolve", url.PathEscape(c.revision(r)))
	for name := range strings.SplitSeq(f.Path, "/") {
		u = u.JoinPath(url.PathEscape(name))
	}
	return u
}

// download is one file under way.
type download struct {
	client *Client
	repo   Repo
	file   File
	on     Events

	out  *os.File
	hash hash.Hash
	at   int64  // bytes that are written and hashed
	etag string // of the answer that they came from; empty if an earlier program wrote them
	host string // that sent the last bytes
}

// newHash returns the hash that the hub lists the file with.
func (d *download) newHash() hash.Hash {
	if d.file.SHA256 != "" {
		return sha256.New()
	}
	h := sha1.New() // as git computes it
	fmt.Fprintf(h, "blob %d\x00", d.file.Size)
	return h
}

func (d *download) sum() string { return hex.EncodeToString(d.hash.Sum(nil)) }

func (d *download) progress() {
	if d.on.Progress != nil {
		d.on.Progress(d.at, d.file.Size)
	}
}

// whole reports whether path holds the file. A file with another hash counts as missing, and is replaced later.
func (d *download) whole(ctx context.Context, path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() != d.file.Size || !info.Mode().IsRegular() {
		return false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	d.hash, d.at = d.newHash(), 0
	err = d.read(ctx, f)
	return err == nil && d.sum() == d.file.ID(), err
}

// read hashes what a file holds already.
func (d *download) read(ctx context.Context, f *os.File) error {
	buffer := make([]byte, 1<<20)
	for {
		n, err := f.Read(buffer)
		d.hash.Write(buffer[:n])
		d.at += int64(n)
		d.progress()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// run downloads the file to path. Until it is complete its name ends in .incomplete.
func (d *download) run(ctx context.Context, path string) error {
	var err error
	if d.out, err = os.OpenFile(path+incomplete, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return err
	}
	defer d.out.Close()
	if err := d.resume(ctx); err != nil {
		return err
	}
	err = d.client.again(ctx, func() (bool, error) {
		before := d.at
		err := d.part(ctx)
		return d.at > before, err
	})
	if err == nil && d.sum() != d.file.ID() {
		err = &ChecksumError{d.file, d.sum(), d.host}
	}
	if err == nil {
		err = d.out.Sync()
	}
	if err = errors.Join(err, d.out.Close()); err != nil {
		return d.failed(err)
	}
	return os.Rename(path+incomplete, path)
}

// failed decides whether the part that arrived is kept for the next try.
func (d *download) failed(err error) error {
	var network *NetworkError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		err = &SpaceError{d.out.Name(), d.file.Size}
	case d.at == 0, errors.As(err, new(*ChecksumError)), errors.As(err, new(*lengthError)):
	case errors.As(err, &network):
		network.Kept = d.at
		return err
	default:
		return err
	}
	return errors.Join(err, os.Remove(d.out.Name()))
}

// resume reads what an earlier try left.
func (d *download) resume(ctx context.Context) error {
	d.hash, d.at = d.newHash(), 0
	info, err := d.out.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: is not a file: remove it", d.out.Name())
	case info.Size() > d.file.Size:
		return d.out.Truncate(0)
	}
	return d.read(ctx, d.out)
}

// restart drops what arrived.
func (d *download) restart() error {
	d.hash, d.at, d.etag = d.newHash(), 0, ""
	_, err := d.out.Seek(0, io.SeekStart)
	return errors.Join(err, d.out.Truncate(0))
}

// lengthError is the error of an answer that is longer than the file.
type lengthError struct{ error }

// part asks for the bytes that are still missing and writes them as they arrive.
func (d *download) part(ctx context.Context) error {
	if d.at == d.file.Size {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := ask{method: http.MethodGet, url: d.client.address(d.repo, d.file), what: d.repo.String() + ": " + d.file.Path, header: http.Header{}}
	if d.at > 0 {
		a.header.Set("Range", fmt.Sprintf("bytes=%d-", d.at))
		if d.etag != "" {
			a.header.Set("If-Range", d.etag)
		}
	}
	answer, err := d.client.send(ctx, a)
	if err != nil {
		var status *StatusError
		if errors.As(err, &status) && status.Code == http.StatusRequestedRangeNotSatisfiable {
			return &brief{error: errors.Join(err, d.restart())}
		}
		return err
	}
	defer answer.Body.Close()
	if answer.Request != nil {
		d.host = answer.Request.URL.Host
	}
	if err := d.place(answer); err != nil {
		return err
	}
	return d.write(answer.Body, stop)
}

// place checks which bytes of the file an answer brings.
func (d *download) place(answer *http.Response) error {
	d.etag = ""
	if etag := answer.Header.Get("ETag"); etag != "" && !strings.HasPrefix(etag, "W/") {
		d.etag = etag
	}
	if answer.StatusCode != http.StatusPartialContent {
		return d.restart() // the whole file: there are no ranges, or the file at this address has changed
	}
	var first, last, total int64
	if _, err := fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); err != nil || first != d.at || total != d.file.Size {
		return &lengthError{fmt.Errorf("%s: %s was asked for bytes %d to %d and sends %s", d.file.Path, d.host, d.at, d.file.Size-1,
			strconv.Quote(answer.Header.Get("Content-Range")))}
	}
	return nil
}

// write writes the bytes of an answer. stop ends the request, which happens after a time without bytes.
func (d *download) write(body io.Reader, stop func()) error {
	stalled := time.AfterFunc(d.client.stall, stop)
	defer stalled.Stop()
	buffer := make([]byte, 256<<10)
	for {
		n, err := body.Read(buffer)
		stalled.Reset(d.client.stall)
		if int64(n) > d.file.Size-d.at {
			return &lengthError{fmt.Errorf("%s: %s sends more than the %d bytes that the hub lists: it is removed", d.file.Path, d.host, d.file.Size)}
		}
		if n > 0 {
			if _, err := d.out.Write(buffer[:n]); err != nil {
				return err
			}
			d.hash.Write(buffer[:n])
			d.at += int64(n)
			d.progress()
		}
		switch {
		case err != nil && d.at == d.file.Size && errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, context.Canceled):
			return &brief{error: &NetworkError{Host: d.host, err: fmt.Errorf("nothing arrived for %s", d.client.stall)}}
		case err != nil:
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return &brief{error: &NetworkError{Host: d.host, err: err}}
		}
	}
}
