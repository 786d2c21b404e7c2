package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Sizes in the picture's units. A character of a monospace font is 0.6 times as wide as the font is high.
const (
	fontSize   = 14
	charWidth  = 8.4
	lineHeight = 19
	margin     = 18
	titleBar   = 34
)

const style = `<style>
.window { fill: #ffffff; stroke: #d0d7de } .bar { fill: #f6f8fa } .dot { fill: #c8ced6 }
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; white-space: pre }
.prompt { fill: #8250df } .command { font-weight: 600 } .note { fill: #656d76 }
@media (prefers-color-scheme: dark) {
.window { fill: #0d1117; stroke: #30363d } .bar { fill: #161b22 } .dot { fill: #3d444d }
text { fill: #e6edf3 } .prompt { fill: #a371f7 } .note { fill: #8d96a0 }
}
</style>`

// draw makes an SVG of a terminal window with the command and the lines below it. Screen readers read the whole text.
func draw(command string, lines []string) []byte {
	widest := utf8.RuneCountInString(command) + 2
	for _, line := range lines {
		widest = max(widest, utf8.RuneCountInString(line))
	}
	width := 2*margin + int(charWidth*float64(max(widest, 60))+0.5)
	height := titleBar + margin + lineHeight*(len(lines)+1) + margin/2
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="`, width, height, width, height)
	escape(&b, "$ "+command+"\n"+strings.Join(lines, "\n"))
	b.WriteString("\">\n" + style + "\n")
	fmt.Fprintf(&b, `<rect class="window" x="0.5" y="0.5" width="%d" height="%d" rx="8"/>`+"\n", width-1, height-1)
	fmt.Fprintf(&b, `<path class="bar" d="M1 %d V9 a8 8 0 0 1 8 -8 H%d a8 8 0 0 1 8 8 V%d Z"/>`+"\n", titleBar, width-9, titleBar)
	for i := range 3 {
		fmt.Fprintf(&b, `<circle class="dot" cx="%d" cy="%d" r="5.5"/>`+"\n", 20+19*i, titleBar/2)
	}
	y := titleBar + margin + fontSize/2
	span(&b, margin, y, "prompt", "$")
	span(&b, margin+2*charWidth, y, "command", command)
	for _, line := range lines {
		y += lineHeight
		span(&b, margin, y, "", line)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// span draws text at a position. Its width only depends on the number of characters, not on the font.
func span(b *bytes.Buffer, x float64, y int, class, text string) {
	trimmed := strings.TrimLeft(text, " ")
	if trimmed == "" {
		return
	}
	x += charWidth * float64(len(text)-len(trimmed))
	if class != "" {
		class = fmt.Sprintf(` class="%s"`, class)
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%d"%s textLength="%.1f" lengthAdjust="spacingAndGlyphs">`, x, y, class, charWidth*float64(utf8.RuneCountInString(trimmed)))
	escape(b, trimmed)
	b.WriteString("</text>\n")
}

func escape(b *bytes.Buffer, text string) {
	_ = xml.EscapeText(b, []byte(text)) // writing to a buffer cannot fail
}
