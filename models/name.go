// Package models keeps models by name: it finds a name's repository and file, downloads and converts them, and keeps the results in a
// folder, the store.
//
// A name is that of a released model, such as "rwkv7-g1-0.4b"; or a repository at a hub, such as "hf.co/OWNER/REPO"; or one that the
// user gave a model in the store. A type may follow it after a colon. Parse reads a name. Prepare finds out what a pull would do, and
// Plan.Run does it. Store lists, copies and removes.
//
// The store is a folder of GGUF files. Beside each is a file of JSON that says where it comes from and which names it has. Users may
// put files of their own there.
//
// Limits: names are those of whole models. Adapters and states have none.
package models

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/hub"
	"github.com/gosling-rwkv/gosling/quant"
)

// DefaultType is the type that a model is converted to if none is named.
const DefaultType = "Q4_K_M"

// Name is the name of a model.
type Name struct {
	Base string // without the type: "rwkv7-g1-0.4b", "hf.co/OWNER/REPO" or "hf.co/OWNER/REPO:FILE"
	Type string // of weights; empty if the name does not say

	place *place // where the model can be downloaded; nil if that is not known
}

// String returns the name with its type.
func (n Name) String() string {
	if n.Type == "" {
		return n.Base
	}
	return n.Base + ":" + n.Type
}

// place is where a model is found at a hub.
type place struct {
	protocol hub.Protocol
	repo     hub.Repo
	pattern  string     // of the file's name; empty if any will do
	file     string     // the file itself, if the name has it
	model    *fit.Model // nil if the dimensions are not known
}

// hosts are the beginnings of names that say a hub. The first of a protocol is the one that is written.
var hosts = []struct {
	prefix   string
	protocol hub.Protocol
}{
	{"hf.co/", hub.HuggingFace}, {"huggingface.co/", hub.HuggingFace}, {"modelscope.cn/", hub.ModelScope}, {"www.modelscope.cn/models/", hub.ModelScope},
}

// cutHost returns what follows the hub's name.
func cutHost(text string) (protocol hub.Protocol, rest string, ok bool) {
	text = strings.TrimPrefix(text, "https://")
	for _, h := range hosts {
		if rest, ok := strings.CutPrefix(text, h.prefix); ok {
			return h.protocol, rest, true
		}
	}
	return 0, "", false
}

// fileEndings are the endings of files that hold models.
var fileEndings = []string{".gguf", ".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".st", ".json"}

// Is reports whether an argument is a name. An existing file, and a text with the separator or the ending of a file, is a path.
func Is(argument string) bool {
	if argument == "" || argument == "-" {
		return false
	}
	if _, err := os.Lstat(argument); err == nil {
		return false
	}
	if _, _, ok := cutHost(argument); ok {
		return true
	}
	return !strings.ContainsAny(argument, `/\`) && !slices.Contains(fileEndings, strings.ToLower(filepath.Ext(argument)))
}

// own matches the names that users may give.
var own = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// newer matches the name of one release of a line that has several.
var newer = regexp.MustCompile(`^(rwkv7-g1)([a-z][0-9a-z]*)(-.+)$`)

// Parse reads a name.
func Parse(text string) (Name, error) {
	if protocol, rest, ok := cutHost(text); ok {
		return parseHub(protocol, rest)
	}
	base, typ, typed := strings.Cut(text, ":")
	if !own.MatchString(base) {
		return Name{}, fmt.Errorf("%q is not the name of a model: want letters, digits, dots, dashes and underscores, or hf.co/OWNER/REPO", text)
	}
	n := Name{Base: base}
	if typed {
		mix, err := quant.ParseMix(typ)
		if err != nil {
			return n, fmt.Errorf("%q: %w", text, err)
		}
		n.Type = mix.Name
	}
	id, release := strings.ToLower(base), ""
	if m := newer.FindStringSubmatch(id); m != nil {
		id, release = m[1]+m[3], m[2]
	}
	for _, m := range fit.Released() {
		if m.ID() == id {
			owner, repo, _ := strings.Cut(m.Repository, "/")
			pattern := m.File
			if release != "" {
				pattern = strings.Replace(pattern, "g1*", "g1"+release, 1)
			}
			n.Base = strings.ToLower(base)
			n.place = &place{repo: hub.Repo{Owner: owner, Name: repo}, pattern: pattern, model: &m}
		}
	}
	return n, nil
}

// parseHub reads OWNER/REPO[:FILE or TYPE][@REVISION].
func parseHub(protocol hub.Protocol, text string) (Name, error) {
	p := &place{protocol: protocol}
	rest, what, _ := strings.Cut(text, ":")
	cut := &rest
	if what != "" {
		cut = &what
	}
	revision := ""
	if at := strings.LastIndex(*cut, "@"); at >= 0 {
		*cut, revision = (*cut)[:at], (*cut)[at+1:]
	}
	owner, repo, ok := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	p.repo = hub.Repo{Owner: owner, Name: repo, Revision: revision}
	n := Name{Base: protocol.Host() + "/" + p.repo.String(), place: p}
	if err := p.repo.Check(); !ok || err != nil {
		return n, fmt.Errorf("%s/%s is not the name of a repository: want %s/OWNER/REPO", protocol.Host(), text, protocol.Host())
	}
	if mix, err := quant.ParseMix(what); err == nil {
		n.Type = mix.Name
	} else if what != "" {
		if err := hub.CheckPath(what); err != nil {
			return n, err
		}
		p.file = what
		n.Base += ":" + what
	}
	if revision != "" {
		n.Base += "@" + revision
	}
	return n, nil
}

// FileName returns a name as the name of a GGUF file in the working folder.
func FileName(name string) string {
	return strings.NewReplacer("/", "--", ":", "-", "@", "-").Replace(strings.TrimPrefix(name, "https://")) + ".gguf"
}

// same reports whether two names without their types are the same.
func same(a, b string) bool { return strings.EqualFold(a, b) }

// Released lists the names of released models.
func Released() []string {
	var names []string
	for _, m := range fit.Released() {
		names = append(names, m.ID())
	}
	return names
}

// typeIn returns the type at the end of a GGUF file's name, or "".
func typeIn(file string) string {
	stem := strings.ToUpper(strings.TrimSuffix(partOf.ReplaceAllString(strings.TrimSuffix(path.Base(file), path.Ext(file)), ""), "."))
	best := ""
	for _, m := range quant.Mixes() {
		for _, name := range []string{m.Name, strings.TrimSuffix(m.Name, "_M")} {
			rest, ok := strings.CutSuffix(stem, name)
			if _, err := quant.ParseMix(name); ok && err == nil && (rest == "" || strings.ContainsAny(rest[len(rest)-1:], "-._")) && len(m.Name) > len(best) {
				best = m.Name
			}
		}
	}
	return best
}
