package tokenizer

import "unicode/utf8"

// splitter returns the length of the first word of a text that is not empty, by the regular expression of its vocabulary: the
// same that a backtracking matcher finds, in one step forward. A byte that is not UTF-8 is a character of class other.
type splitter func(text []byte) int

// scanner knows the classes of characters.
type scanner struct {
	classes *[lastOfClasses]class
	text    []byte
}

// at returns the class and the length of the character at a place, 0 at the end.
func (s *scanner) at(i int) (class, int) {
	if i >= len(s.text) {
		return other, 0
	}
	if c := s.text[i]; c < utf8.RuneSelf {
		return s.classes[c], 1
	}
	r, n := utf8.DecodeRune(s.text[i:])
	if r >= lastOfClasses || r == utf8.RuneError && n == 1 {
		return other, n
	}
	return s.classes[r], n
}

// run returns where the characters of one class end that begin at i, and where the last of them begins.
func (s *scanner) run(i int, want class) (end, last int) {
	last = i
	for {
		c, n := s.at(i)
		if n == 0 || c != want {
			return i, last
		}
		i, last = i+n, i
	}
}

// blanks returns where the word of blanks at the start ends: the last one before a word belongs to that.
func (s *scanner) blanks() int {
	end, last := s.run(0, blank)
	if end < len(s.text) && last > 0 {
		return last
	}
	return end
}

// contraction returns the length of 's 't 're 've 'm 'll or 'd at the start of text, or 0.
func contraction(text []byte) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	switch text[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(text) > 2 {
		switch string(text[1:3]) {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

// anyContraction does the same for letters of either case. The long s is a small s of another form.
func anyContraction(text []byte) int {
	const longS = "'ſ"
	if len(text) >= len(longS) && string(text[:len(longS)]) == longS {
		return len(longS)
	}
	var lower [3]byte
	n := copy(lower[:], text)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return contraction(lower[:n])
}

// splitGPT2 is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(text []byte) int {
	if n := contraction(text); n > 0 {
		return n
	}
	s := scanner{classes(), text}
	start := 0
	if text[0] == ' ' {
		start = 1
	}
	if c, n := s.at(start); n > 0 && c != blank {
		end, _ := s.run(start, c)
		return end
	}
	return s.blanks()
}

// splitQwen2 is (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func splitQwen2(text []byte) int {
	if n := anyContraction(text); n > 0 {
		return n
	}
	s := scanner{classes(), text}
	first, size := s.at(0)
	if first == number {
		return size
	}
	if first == letter {
		end, _ := s.run(0, letter)
		return end
	}
	second, n := s.at(size)
	if n > 0 && second == letter && text[0] != '\r' && text[0] != '\n' {
		end, _ := s.run(size, letter)
		return end
	}
	if first == other || text[0] == ' ' && n > 0 && second == other {
		end, _ := s.run(size, other)
		for end < len(text) && (text[end] == '\r' || text[end] == '\n') {
			end++
		}
		return end
	}
	end, _ := s.run(0, blank)
	for i := end; i > 0; i-- {
		if text[i-1] == '\r' || text[i-1] == '\n' {
			return i
		}
	}
	return s.blanks()
}
