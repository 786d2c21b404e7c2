package bench

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// rangeForm matches 1-8, 1-8+2 and 1-8*2.
var rangeForm = regexp.MustCompile(`^(\d+)-(\d+)(?:([+*])(\d+))?$`)

// mostNumbers is how many numbers a list may have.
const mostNumbers = 1000

// ParseList reads a list of numbers from least to most, as llama-bench writes it: "1,2,4", "1-8", "1-8+2" in steps of 2, or "1-8*2" with
// a factor of 2.
func ParseList(text string, least, most int) ([]int, error) {
	var list []int
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		numbers, err := parseRange(word)
		for _, n := range numbers {
			if n < least || n > most {
				err = strconv.ErrRange
			}
		}
		if list = append(list, numbers...); len(list) > mostNumbers {
			err = strconv.ErrRange
		}
		if err != nil {
			return nil, fmt.Errorf("%q: want numbers from %d to %d", word, least, most)
		}
	}
	return list, nil
}

// parseRange reads a number or a range of numbers.
func parseRange(word string) ([]int, error) {
	m := rangeForm.FindStringSubmatch(word)
	if m == nil {
		n, err := strconv.Atoi(word)
		return []int{n}, err
	}
	var numbers [3]int // first, last and step
	for i, text := range []string{m[1], m[2], m[4]} {
		if text == "" {
			text = "1"
		}
		n, err := strconv.Atoi(text)
		if err != nil || n > 1<<30 {
			return nil, strconv.ErrRange
		}
		numbers[i] = n
	}
	first, last, step := numbers[0], numbers[1], numbers[2]
	if last < first || step < 1 || m[3] == "*" && (step < 2 || first == 0) {
		return nil, strconv.ErrSyntax
	}
	var list []int
	for n := first; n <= last && len(list) <= mostNumbers; {
		list = append(list, n)
		if m[3] == "*" {
			n *= step
		} else {
			n += step
		}
	}
	return list, nil
}

// ParsePairs reads prompts and the numbers of tokens that follow them: "512,128", or several pairs, "512,128,64,32".
func ParsePairs(text string, most int) ([][2]int, error) {
	list, err := ParseList(text, 1, most)
	if err == nil && len(list)%2 != 0 {
		err = fmt.Errorf("%q: want pairs of numbers, such as 512,128", text)
	}
	var pairs [][2]int
	for ; err == nil && len(list) > 0; list = list[2:] {
		pairs = append(pairs, [2]int{list[0], list[1]})
	}
	return pairs, err
}
