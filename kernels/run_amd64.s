#include "textflag.h"
#include "go_asm.h"

// A kernel gets the call in DI, ith in SI and nth in DX. It may change every register except SP and BP.

// sharing runs the body of the call once for each piece. The body gets the index of the piece in AX, and this thread's scratch memory in
// R13. It must not change DI. Each thread takes the next piece until none is left.
TEXT sharing<>(SB), NOSPLIT|NOFRAME, $0
	PUSHQ DX
	IMULQ shared_threadScratch(DI), SI
	ADDQ  shared_scratch(DI), SI
	PUSHQ SI
take:
	MOVQ  $1, AX
	LOCK
	XADDQ AX, shared_next(DI)
	CMPQ  AX, shared_pieces(DI)
	JGE   last
	MOVQ  (SP), R13
	CALL  shared_body(DI)
	JMP   take
last:
	POPQ  SI
	POPQ  DX
	// The last thread to leave sets both counters to 0 for the next run.
	MOVQ  $1, AX
	LOCK
	XADDQ AX, shared_left(DI)
	INCQ  AX
	CMPQ  AX, DX
	JNE   out
	MOVQ  $0, shared_left(DI)
	MOVQ  $0, shared_next(DI)
out:
	RET

// product is the body of a call that multiplies a packed matrix with columns. A piece is a run of groups of rows times a chunk of columns.
TEXT product<>(SB), NOSPLIT|NOFRAME, $0
	PUSHQ R13                       // 48(SP) scratch memory: a tail, then an unpacked group
	XORL  DX, DX
	DIVQ  product_runs(DI)          // AX the chunk, DX the run
	MOVQ  product_chunk(DI), CX
	IMULQ CX, AX
	PUSHQ AX                        // 40(SP) the first column
	MOVQ  product_columns(DI), BX
	SUBQ  AX, BX
	CMPQ  BX, CX
	CMOVQGT CX, BX
	PUSHQ BX                        // 32(SP) the number of columns
	MOVQ  $0x7fffffff, AX
	CMPQ  BX, product_wideFrom(DI)
	CMOVQGE product_wideColumns(DI), AX
	PUSHQ AX                        // 24(SP) the wide tile is used while at least this many columns remain
	MOVQ  product_run(DI), CX
	IMULQ CX, DX
	PUSHQ DX                        // 16(SP) the group
	ADDQ  DX, CX
	CMPQ  CX, product_groups(DI)
	CMOVQGT product_groups(DI), CX
	PUSHQ CX                        // 8(SP) the group after the last
	PUSHQ $0                        // (SP) the number of columns that are done for the group

group:
	MOVQ  $0, (SP)
	CMPQ  24(SP), $0x7fffffff
	JEQ   columns
	MOVQ  product_unpack(DI), AX
	TESTQ AX, AX
	JZ    columns
	MOVQ  product_groupBytes(DI), R8
	IMULQ 16(SP), R8
	ADDQ  product_matrix(DI), R8
	MOVQ  48(SP), R11
	ADDQ  $const_tailBytes, R11
	MOVQ  product_blocks(DI), R13
	CALL  AX

columns:
	MOVQ  product_groupBytes(DI), R8
	IMULQ 16(SP), R8
	ADDQ  product_matrix(DI), R8
	MOVQ  32(SP), CX
	SUBQ  (SP), CX                  // columns left
	CMPQ  CX, 24(SP)
	JLT   narrow
	MOVQ  product_wideColumns(DI), CX
	MOVQ  product_wide(DI), BX
	CMPQ  product_unpack(DI), $0
	JEQ   place
	MOVQ  48(SP), R8
	ADDQ  $const_tailBytes, R8
	JMP   place
narrow:
	CMPQ  CX, $4
	JLE   few
	MOVQ  $4, CX
few:
	MOVQ  (product_tiles-8)(DI)(CX*8), BX
place:
	// CX is the number of columns, BX the tile.
	MOVQ  40(SP), R14
	ADDQ  (SP), R14                 // the column
	MOVQ  product_inBytes(DI), R10
	MOVQ  R10, R9
	IMULQ R14, R9
	ADDQ  product_in(DI), R9
	MOVQ  product_outBytes(DI), R12
	IMULQ R12, R14
	ADDQ  product_out(DI), R14
	MOVQ  16(SP), R11
	LEAQ  1(R11), AX
	IMULQ product_groupRows(DI), R11
	LEAQ  (R14)(R11*4), R11
	MOVQ  product_blocks(DI), R13
	ADDQ  CX, (SP)
	CMPQ  AX, product_groups(DI)
	JNE   whole
	MOVQ  product_groupRows(DI), AX
	CMPQ  AX, product_lastRows(DI)
	JNE   tail
whole:
	CALL  BX
	JMP   next

tail:
	// The last group has fewer rows than the others. The tile writes its results to scratch memory. Then they are copied.
	PUSHQ CX
	PUSHQ R11
	MOVQ  64(SP), R11
	MOVQ  product_groupRows(DI), R12
	SHLQ  $2, R12
	CALL  BX
	POPQ  R11
	POPQ  CX
	MOVQ  48(SP), R14
copyColumn:
	XORL  AX, AX
copyRow:
	MOVL  (R14)(AX*4), BX
	MOVL  BX, (R11)(AX*4)
	INCQ  AX
	CMPQ  AX, product_lastRows(DI)
	JLT   copyRow
	MOVQ  product_groupRows(DI), AX
	LEAQ  (R14)(AX*4), R14
	ADDQ  product_outBytes(DI), R11
	DECQ  CX
	JNZ   copyColumn

next:
	MOVQ  (SP), CX
	CMPQ  CX, 32(SP)
	JLT   columns
	MOVQ  16(SP), AX
	INCQ  AX
	MOVQ  AX, 16(SP)
	CMPQ  AX, 8(SP)
	JLT   group
	POPQ  AX
	POPQ  AX
	POPQ  AX
	POPQ  AX
	POPQ  AX
	POPQ  AX
	POPQ  AX
	RET

// rounding is the body of a call that rounds columns of floats to blocks. A piece is a run of blocks.
TEXT rounding<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ  rounding_run(DI), R11
	IMULQ R11, AX
	MOVQ  rounding_blocks(DI), R10
	SUBQ  AX, R10
	CMPQ  R10, R11
	CMOVQGT R11, R10                // blocks left
	MOVQ  rounding_inBytes(DI), R8
	IMULQ AX, R8
	ADDQ  rounding_in(DI), R8
	MOVQ  rounding_outBytes(DI), R9
	IMULQ AX, R9
	ADDQ  rounding_out(DI), R9
block:
	CALL  rounding_round(DI)
	ADDQ  rounding_inBytes(DI), R8
	ADDQ  rounding_outBytes(DI), R9
	DECQ  R10
	JNZ   block
	RET

// applying is the body of Elementwise. A piece is a chunk of elements. b is repeated after its period.
TEXT applying<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ  elementwise_chunk(DI), R11
	IMULQ R11, AX
	MOVQ  elementwise_n(DI), R12
	SUBQ  AX, R12
	CMPQ  R12, R11
	CMOVQGT R11, R12                // elements left
	MOVQ  AX, R14                   // the element
	XORL  DX, DX
	DIVQ  elementwise_period(DI)    // DX the element of b
part:
	MOVQ  elementwise_period(DI), R15
	SUBQ  DX, R15
	CMPQ  R15, R12
	CMOVQGT R12, R15                // elements up to the end of b
	MOVQ  elementwise_a(DI), R8
	LEAQ  (R8)(R14*4), R8
	MOVQ  elementwise_b(DI), R9
	LEAQ  (R9)(DX*4), R9
	MOVQ  elementwise_out(DI), R10
	LEAQ  (R10)(R14*4), R10
	MOVQ  R15, CX
	CALL  elementwise_function(DI)
	XORL  DX, DX
	ADDQ  R15, R14
	SUBQ  R15, R12
	JNZ   part
	RET

// copying is the body of Copy. A piece is a run of rows.
TEXT copying<>(SB), NOSPLIT|NOFRAME, $0
	CALL  ·copyRows(SB)
	RET

// middle is the body of Middle7. A piece is one head of one sequence.
TEXT middle<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ  AX, R8
	SHLQ  $14, R8                   // 64 by 64 floats of state
	ADDQ  middle7_state(DI), R8
	XORL  DX, DX
	DIVQ  middle7_heads(DI)         // AX the sequence, DX the head
	SHLQ  $4, AX
	ADDQ  middle7_sequences(DI), AX
	MOVQ  0(AX), R10                // the first token
	MOVQ  8(AX), R9                 // the number of tokens
	TESTQ R9, R9
	JZ    out
	MOVQ  middle7_tokenBytes(DI), R11
	IMULQ R11, R10
	MOVQ  DX, R12
	SHLQ  $8, R12
	ADDQ  R12, R10
	CALL  ·head7(SB)
out:
	RET

// middle6 is the body of Middle6. A piece is 64 values of one head of one sequence.
TEXT middle6<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ  middle6_headBytes(DI), R12
	XORL  DX, DX
	DIVQ  middle6_blocks(DI)        // AX the head of all sequences, DX the block
	MOVQ  DX, R14
	SHLQ  $8, R14
	MOVQ  R12, R8
	IMULQ R8, R8
	SHRQ  $2, R8                    // bytes of a head's state
	IMULQ AX, R8
	ADDQ  middle6_state(DI), R8
	ADDQ  R14, R8
	XORL  DX, DX
	DIVQ  middle6_heads(DI)         // AX the sequence, DX the head
	IMULQ DX, R12
	SHLQ  $4, AX
	ADDQ  middle6_sequences(DI), AX
	MOVQ  0(AX), R10                // the first token
	MOVQ  8(AX), R9                 // the number of tokens
	TESTQ R9, R9
	JZ    out
	MOVQ  middle6_decayStep(DI), R15
	IMULQ R10, R15
	ADDQ  R12, R15
	MOVQ  middle6_tokenBytes(DI), R11
	IMULQ R11, R10
	ADDQ  R12, R10
	CALL  ·head6(SB)
out:
	RET

// averaging is the body of Average4. A piece is 8 channels of one sequence.
TEXT averaging<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ  AX, R8
	SHLQ  $5, R8
	XORL  DX, DX
	DIVQ  averaging_eights(DI)       // AX the sequence, DX the channels
	MOVQ  DX, R12
	SHLQ  $5, R12
	SHLQ  $4, AX
	ADDQ  averaging_sequences(DI), AX
	MOVQ  0(AX), R10                // the first token
	MOVQ  8(AX), R9                 // the number of tokens
	TESTQ R9, R9
	JZ    out
	MOVQ  averaging_tokenBytes(DI), R11
	IMULQ R11, R10
	ADDQ  R12, R10
	CALL  ·average4(SB)
out:
	RET

// shifting is the body of Shift. A piece is an entry of the table, a shiftPiece.
TEXT shifting<>(SB), NOSPLIT|NOFRAME, $0
	IMULQ $shiftPiece__size, AX
	MOVQ  shift_table(DI), SI
	ADDQ  AX, SI
	CALL  ·shiftRun(SB)
	RET

// func call(kernel uintptr, c unsafe.Pointer, ith, nth int)
TEXT ·call(SB), 0, $8-32
	MOVQ  kernel+0(FP), AX
	MOVQ  c+8(FP), DI
	MOVQ  ith+16(FP), SI
	MOVQ  nth+24(FP), DX
	CALL  AX
	VZEROUPPER
	RET

// func runPiece(c unsafe.Pointer, piece int64, scratch uintptr)
TEXT ·runPiece(SB), 0, $8-24
	MOVQ  c+0(FP), DI
	MOVQ  piece+8(FP), AX
	MOVQ  scratch+16(FP), R13
	CALL  shared_body(DI)
	VZEROUPPER
	RET

// func lookAt(counter *uint64, least uint64, times int64) bool
TEXT ·lookAt(SB), NOSPLIT, $0-25
	MOVQ  counter+0(FP), DI
	MOVQ  least+8(FP), SI
	MOVQ  times+16(FP), CX
look:
	CMPQ  (DI), SI
	JCC   there
	PAUSE
	DECQ  CX
	JNZ   look
	MOVB  $0, ret+24(FP)
	RET
there:
	MOVB  $1, ret+24(FP)
	RET

// func bodies() (sharing, rounding, product, middle, shifting, applying, copying, middle6, averaging uintptr)
TEXT ·bodies(SB), NOSPLIT, $0-72
	LEAQ  sharing<>(SB), AX
	MOVQ  AX, sharing+0(FP)
	LEAQ  rounding<>(SB), AX
	MOVQ  AX, rounding+8(FP)
	LEAQ  product<>(SB), AX
	MOVQ  AX, product+16(FP)
	LEAQ  middle<>(SB), AX
	MOVQ  AX, middle+24(FP)
	LEAQ  shifting<>(SB), AX
	MOVQ  AX, shifting+32(FP)
	LEAQ  applying<>(SB), AX
	MOVQ  AX, applying+40(FP)
	LEAQ  copying<>(SB), AX
	MOVQ  AX, copying+48(FP)
	LEAQ  middle6<>(SB), AX
	MOVQ  AX, middle6+56(FP)
	LEAQ  averaging<>(SB), AX
	MOVQ  AX, averaging+64(FP)
	RET
