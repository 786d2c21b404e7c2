package gguf

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/gosling-rwkv/gosling/internal/mmap"
)

// Check returns an error for every rule of the format that a file breaks. It finds what Open finds, as far as the header can be
// read. It also finds what Open accepts and other programs do not: names too long for ggml, tensors out of order or with gaps
// between them, padding that is not zero, and bytes after the padding of the last tensor. Errors about the contents are
// *FormatErrors. After a thousand of them it only counts. For a split model it checks all files, and each error names its file.
func Check(path string) []error {
	errs, split := checkPart(path)
	if !split {
		return errs
	}
	whole, err := Open(path)
	if err != nil {
		return append(errs, err)
	}
	defer whole.Close()
	errs = nil
	for _, path := range whole.Paths() {
		of, _ := checkPart(path)
		for _, err := range of {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	return errs
}

// checkPart checks one file, and reports whether it is one of several.
func checkPart(path string) (errs []error, split bool) {
	file, err := mmap.Open(path)
	if err != nil {
		return []error{err}, false
	}
	defer file.Close()
	var p *parser
	if err := file.View(func(b []byte) { p = check(b) }); err != nil {
		return []error{err}, false
	}
	if p.more > 0 {
		return append(p.errs, fmt.Errorf("and %d more", p.more)), p.isPart()
	}
	return p.errs, p.isPart()
}

// check walks the rules over the bytes of a file.
func check(b []byte) *parser {
	p := parse(b)
	if !p.lost {
		p.checkTexts()
		p.checkNames()
		p.checkOrder()
		p.checkPadding()
		p.checkTail()
	}
	return p
}

// checkTexts sees that texts are UTF-8, as other programs take them to be. Texts in arrays may be anything: tokens are bytes.
func (p *parser) checkTexts() {
	for i, kv := range p.keys {
		if text, ok := kv.Value.(string); ok && !utf8.ValidString(text) {
			p.complain(p.keyAt[i], quote("key", kv.Key), "holds the text %.100q, which is not UTF-8", text)
		}
	}
}

func (p *parser) checkNames() {
	for i, t := range p.tensors {
		if len(t.Name) > ggmlName {
			p.complain(p.at[i], quote("tensor", t.Name), "has a name of %d bytes, ggml reads %d", len(t.Name), ggmlName)
		}
	}
}

// checkOrder sees that each tensor begins where the padding of the one before it in the header ends.
func (p *parser) checkOrder() {
	want := p.dataOffset
	for i, t := range p.tensors {
		if t.Size < 0 {
			want = -1 // what follows it cannot be known
			continue
		}
		if want >= 0 && t.Offset != want {
			p.complain(p.at[i], quote("tensor", t.Name), "starts at byte %d, want %d: llama.cpp reads tensors that follow each other only",
				t.Offset, want)
		}
		want, _ = pad(t.end(), p.alignment)
	}
}

// checkPadding sees that the bytes after the header and after each tensor are zero up to the alignment.
func (p *parser) checkPadding() {
	start, after := p.offset(), "padding after the header"
	for _, i := range p.byOffset() {
		t := p.tensors[i]
		p.checkZero(start, t.Offset, after)
		if t.end() > start {
			start, after = t.end(), "padding after "+quote("tensor", t.Name)
		}
	}
	p.checkZero(start, int64(len(p.file)), after)
}

func (p *parser) checkZero(start, next int64, part string) {
	end, _ := pad(start, p.alignment)
	end = min(end, next, int64(len(p.file)))
	if start >= end {
		return
	}
	padding := p.file[start:end]
	if rest := bytes.TrimLeft(padding, "\x00"); len(rest) > 0 {
		p.complain(end-int64(len(rest)), part, "is %d, want 0", rest[0])
	}
}

// checkTail sees that the file ends with the padding of its last tensor.
func (p *parser) checkTail() {
	end := p.offset()
	for _, t := range p.tensors {
		if t.Size < 0 {
			return // the end cannot be known
		}
		end = max(end, t.end())
	}
	padded, _ := pad(end, p.alignment)
	switch size := int64(len(p.file)); {
	case size > padded:
		p.complain(padded, "end of file", "has %d bytes that belong to no tensor", size-padded)
	case size < padded && len(p.tensors) > 0:
		p.complain(size, "end of file", "lacks %d bytes of padding to the alignment of %d", padded-size, p.alignment)
	}
}
