// Package lineedit lets a person edit a message at a terminal. A message may have several lines, and it may be longer than the
// screen. The keys are those of Emacs mode in shells.
//
// A Decoder turns bytes into keys, a Buffer applies keys to a text, a layout places the text on rows, and a screen draws the rows.
// Positions in a text are always between grapheme clusters: what a person sees as one character. An emoji of several code points is
// one cluster, and so is a letter with its accents.
//
// Limits: the text runs from left to right. A terminal that shows right-to-left scripts in their own order moves the cursor in the
// order in which the text was typed. Completion knows only the start of a message.
package lineedit
