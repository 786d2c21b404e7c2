package pth

import "fmt"

// opcodes are the instructions of a pickle that a state dict needs, and what each does.
var opcodes = map[byte]func(*decoder) error{
	0x80: (*decoder).protocol, // PROTO
	0x95: (*decoder).frame,    // FRAME

	'c':  (*decoder).global,      // GLOBAL
	0x93: (*decoder).stackGlobal, // STACK_GLOBAL

	'q':  func(d *decoder) error { return d.put(1) }, // BINPUT
	'r':  func(d *decoder) error { return d.put(4) }, // LONG_BINPUT
	0x94: func(d *decoder) error { return d.remember(uint64(len(d.memo))) },
	'h':  func(d *decoder) error { return d.get(1) }, // BINGET
	'j':  func(d *decoder) error { return d.get(4) }, // LONG_BINGET

	'}':  func(d *decoder) error { return d.push(&dict{}) },         // EMPTY_DICT
	']':  func(d *decoder) error { return d.push(&list{}) },         // EMPTY_LIST
	')':  func(d *decoder) error { return d.push(tuple{}) },         // EMPTY_TUPLE
	'(':  (*decoder).mark,                                           // MARK
	't':  (*decoder).tuple,                                          // TUPLE
	0x85: func(d *decoder) error { return d.shortTuple(1) },         // TUPLE1
	0x86: func(d *decoder) error { return d.shortTuple(2) },         // TUPLE2
	0x87: func(d *decoder) error { return d.shortTuple(3) },         // TUPLE3
	's':  (*decoder).setItem,                                        // SETITEM
	'u':  (*decoder).setItems,                                       // SETITEMS
	'a':  (*decoder).append,                                         // APPEND
	'e':  (*decoder).appends,                                        // APPENDS
	0x8f: func(d *decoder) error { return d.push(opaque{"a set"}) }, // EMPTY_SET
	0x90: (*decoder).addItems,                                       // ADDITEMS
	0x91: (*decoder).frozenSet,                                      // FROZENSET
	'X':  func(d *decoder) error { return d.text(4) },               // BINUNICODE
	0x8c: func(d *decoder) error { return d.text(1) },               // SHORT_BINUNICODE
	'U':  func(d *decoder) error { return d.text(1) },               // SHORT_BINSTRING
	'B':  func(d *decoder) error { return d.skip(4) },               // BINBYTES
	'C':  func(d *decoder) error { return d.skip(1) },               // SHORT_BINBYTES
	0x8e: func(d *decoder) error { return d.skip(8) },               // BINBYTES8
	0x96: func(d *decoder) error { return d.skip(8) },               // BYTEARRAY8
	'J':  (*decoder).int32,                                          // BININT
	'K':  func(d *decoder) error { return d.unsigned(1) },           // BININT1
	'M':  func(d *decoder) error { return d.unsigned(2) },           // BININT2
	0x8a: (*decoder).long,                                           // LONG1
	'G':  (*decoder).float64,                                        // BINFLOAT
	0x88: func(d *decoder) error { return d.push(true) },            // NEWTRUE
	0x89: func(d *decoder) error { return d.push(false) },           // NEWFALSE
	'N':  func(d *decoder) error { return d.push(none{}) },          // NONE
	'Q':  (*decoder).persistentID,                                   // BINPERSID
	'R':  (*decoder).reduce,                                         // REDUCE
	0x81: (*decoder).newObject,                                      // NEWOBJ
	'b':  (*decoder).build,                                          // BUILD
}

// stop ends a pickle; what is left on the stack is its value.
const stop = '.'

// refused are the names of the other instructions, for the error that turns them down.
var refused = map[byte]string{
	'0': "POP", '1': "POP_MARK", '2': "DUP", 'F': "FLOAT", 'I': "INT", 'L': "LONG", 'P': "PERSID", 'S': "STRING",
	'T': "BINSTRING", 'V': "UNICODE", 'd': "DICT", 'g': "GET", 'i': "INST", 'l': "LIST", 'o': "OBJ", 'p': "PUT",
	0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x8b: "LONG4",
	0x8d: "BINUNICODE8", 0x92: "NEWOBJ_EX", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
}

func opcodeName(op byte) string {
	if name, ok := refused[op]; ok {
		return fmt.Sprintf("instruction %s", name)
	}
	return fmt.Sprintf("byte 0x%02x where an instruction belongs", op)
}
