package models

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/hub"
)

// choice is what to download of a repository.
type choice struct {
	files []hub.File
	model hub.File // the one that is opened
	gguf  bool     // it is taken as it is
	typ   string   // of a GGUF file, if its name tells
}

// partOf matches the number of a part at the end of a name without its ending.
var partOf = regexp.MustCompile(`-(\d{5})-of-(\d{5})$`)

// dateIn matches the date in a released file's name.
var dateIn = regexp.MustCompile(`(?:^|-)(20\d{6})(?:-|\.|$)`)

// ending returns the ending of a file's name in lower case, and what comes before it.
func ending(file string) (stem, ext string) {
	base := path.Base(file)
	ext = path.Ext(base)
	return strings.TrimSuffix(base, ext), strings.ToLower(ext)
}

// choose chooses the files of a repository. It prefers a GGUF file of the type, then a .pth, then the .safetensors.
func (p *place) choose(l hub.Listing, typ string) (choice, error) {
	if p.file != "" {
		return p.named(l)
	}
	var ggufs, checkpoints []hub.File
	for _, f := range l.Files {
		switch stem, ext := ending(f.Path); {
		case ext == ".gguf" && p.fits(stem) && firstPart(stem):
			ggufs = append(ggufs, f)
		case ext == ".pth" && p.fits(stem):
			checkpoints = append(checkpoints, f)
		}
	}
	right := slices.DeleteFunc(slices.Clone(ggufs), func(f hub.File) bool { return typeIn(f.Path) != typ })
	switch {
	case len(right) > 0:
		f, err := p.newest(l, right)
		return ggufChoice(l, f, err)
	case len(checkpoints) > 0:
		f, err := p.newest(l, checkpoints)
		return choice{files: []hub.File{f}, model: f}, err
	}
	if f, ok := safetensors(l); ok && p.pattern == "" {
		return folderChoice(l, f)
	}
	return choice{}, p.nothing(l, ggufs, typ)
}

// fits reports whether the name of a file, without its ending, follows the rule for released files. Of a GGUF file the type may follow.
func (p *place) fits(stem string) bool {
	if p.pattern == "" {
		return true
	}
	pattern := strings.TrimSuffix(p.pattern, ".pth")
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(stem))
	return ok && err == nil
}

func firstPart(stem string) bool {
	m := partOf.FindStringSubmatch(stem)
	return m == nil || m[1] == "00001"
}

// newest returns the file with the latest date in its name. Without the rule for released files there must be only one.
func (p *place) newest(l hub.Listing, files []hub.File) (hub.File, error) {
	if len(files) > 1 && p.pattern == "" {
		return hub.File{}, fmt.Errorf("%s has several models, name one of its files: %s", l.Repo, named(files))
	}
	date := func(f hub.File) string {
		if m := dateIn.FindStringSubmatch(path.Base(f.Path)); m != nil {
			return m[1]
		}
		return ""
	}
	return slices.MaxFunc(files, func(a, b hub.File) int {
		return cmp.Or(strings.Compare(date(a), date(b)), strings.Compare(a.Path, b.Path))
	}), nil
}

// named lists the first of some files.
func named(files []hub.File) string {
	var names []string
	for _, f := range files[:min(8, len(files))] {
		names = append(names, f.Path)
	}
	text := strings.Join(names, ", ")
	if more := len(files) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// named chooses the file that the name has, and what belongs to it.
func (p *place) named(l hub.Listing) (choice, error) {
	var found []hub.File
	for _, f := range l.Files {
		if f.Path == p.file {
			found = []hub.File{f}
			break
		}
		if path.Base(f.Path) == p.file {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		var all []hub.File
		for _, f := range l.Files {
			if _, ext := ending(f.Path); slices.Contains(fileEndings, ext) && ext != ".json" {
				all = append(all, f)
			}
		}
		if len(all) == 0 {
			return choice{}, fmt.Errorf("%s has no file %q, and no model", l.Repo, p.file)
		}
		return choice{}, fmt.Errorf("%s has no file %q: it has %s", l.Repo, p.file, named(all))
	}
	switch _, ext := ending(found[0].Path); ext {
	case ".gguf":
		return ggufChoice(l, found[0], nil)
	case ".safetensors", ".json":
		return folderChoice(l, found[0])
	case ".pth", ".pt", ".st", ".bin", ".ckpt":
		return choice{files: found, model: found[0]}, nil
	}
	return choice{}, fmt.Errorf("%s: %s is not a model: want a .gguf, .pth or .safetensors", l.Repo, p.file)
}

// ggufChoice is a GGUF file with all its parts.
func ggufChoice(l hub.Listing, f hub.File, err error) (choice, error) {
	if err != nil {
		return choice{}, err
	}
	c := choice{files: []hub.File{f}, model: f, gguf: true, typ: typeIn(f.Path)}
	stem, _ := ending(f.Path)
	m := partOf.FindStringSubmatch(stem)
	if m == nil {
		return c, nil
	}
	count, _ := strconv.Atoi(m[2])
	if count < 1 || count > 1024 {
		return c, fmt.Errorf("%s: %s is one of %d parts, 1024 are the most", l.Repo, f.Path, count)
	}
	c.files = nil
	for i := range count {
		name := path.Join(path.Dir(f.Path), partOf.ReplaceAllString(stem, fmt.Sprintf("-%05d-of-%s.gguf", i+1, m[2])))
		at := slices.IndexFunc(l.Files, func(f hub.File) bool { return f.Path == name })
		if at < 0 {
			return c, fmt.Errorf("%s: part %s of the model is missing", l.Repo, name)
		}
		c.files = append(c.files, l.Files[at])
	}
	c.model = c.files[0]
	return c, nil
}

// safetensors returns the file by which a repository's .safetensors are opened.
func safetensors(l hub.Listing) (hub.File, bool) {
	var single []hub.File
	for _, f := range l.Files {
		if f.Path == "model.safetensors.index.json" {
			return f, true
		}
		if _, ext := ending(f.Path); ext == ".safetensors" && !strings.Contains(f.Path, "/") {
			single = append(single, f)
		}
	}
	if i := slices.IndexFunc(single, func(f hub.File) bool { return f.Path == "model.safetensors" }); i >= 0 {
		return single[i], true
	}
	if len(single) == 1 {
		return single[0], true
	}
	return hub.File{}, false
}

// folderChoice is a .safetensors file, or the index of several, with the configuration and the tokenizer beside it.
func folderChoice(l hub.Listing, f hub.File) (choice, error) {
	c := choice{files: []hub.File{f}, model: f}
	dir, stem := path.Dir(f.Path), strings.TrimSuffix(path.Base(f.Path), ".safetensors.index.json")
	index := strings.HasSuffix(f.Path, ".safetensors.index.json")
	if path.Ext(f.Path) == ".json" && !index {
		return c, fmt.Errorf("%s: %s is not a model: want a .gguf, .pth or .safetensors", l.Repo, f.Path)
	}
	for _, other := range l.Files {
		name := path.Base(other.Path)
		part, ext := ending(other.Path)
		switch {
		case path.Dir(other.Path) != dir:
		case name == "config.json", name == "tokenizer.json":
			c.files = append(c.files, other)
		case index && ext == ".safetensors" && partOf.ReplaceAllString(part, "") == stem && part != stem:
			c.files = append(c.files, other)
		}
	}
	return c, nil
}

// nothing is the error of a repository without a fitting file.
func (p *place) nothing(l hub.Listing, ggufs []hub.File, typ string) error {
	switch {
	case len(ggufs) > 0:
		return fmt.Errorf("%s has no %s and no checkpoint to make it from: it has %s", l.Repo, typ, named(ggufs))
	case p.pattern != "":
		return fmt.Errorf("%s has no file %s", l.Repo, p.pattern)
	}
	return fmt.Errorf("%s has no model: no .gguf, .pth or .safetensors", l.Repo)
}
