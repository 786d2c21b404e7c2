#include "textflag.h"

// entry is a C function for Windows: dst is in CX, ith in DX, nth in R8, the call in R9. It runs the kernel that is the call's first
// word, and keeps the registers that are the caller's, which X6 to X15, DI and SI are too.
TEXT entry<>(SB), NOSPLIT|NOFRAME, $0
	PUSHQ   BX
	PUSHQ   BP
	PUSHQ   DI
	PUSHQ   SI
	PUSHQ   R12
	PUSHQ   R13
	PUSHQ   R14
	PUSHQ   R15
	SUBQ    $168, SP
	MOVUPS  X6, 0(SP)
	MOVUPS  X7, 16(SP)
	MOVUPS  X8, 32(SP)
	MOVUPS  X9, 48(SP)
	MOVUPS  X10, 64(SP)
	MOVUPS  X11, 80(SP)
	MOVUPS  X12, 96(SP)
	MOVUPS  X13, 112(SP)
	MOVUPS  X14, 128(SP)
	MOVUPS  X15, 144(SP)
	MOVLQSX DX, SI
	MOVLQSX R8, DX
	MOVQ    R9, DI
	MOVQ    (DI), AX
	CALL    AX
	VZEROUPPER
	MOVUPS  0(SP), X6
	MOVUPS  16(SP), X7
	MOVUPS  32(SP), X8
	MOVUPS  48(SP), X9
	MOVUPS  64(SP), X10
	MOVUPS  80(SP), X11
	MOVUPS  96(SP), X12
	MOVUPS  112(SP), X13
	MOVUPS  128(SP), X14
	MOVUPS  144(SP), X15
	ADDQ    $168, SP
	POPQ    R15
	POPQ    R14
	POPQ    R13
	POPQ    R12
	POPQ    SI
	POPQ    DI
	POPQ    BP
	POPQ    BX
	RET

// func entryAddress() uintptr
TEXT ·entryAddress(SB), NOSPLIT, $0-8
	LEAQ    entry<>(SB), AX
	MOVQ    AX, ret+0(FP)
	RET
