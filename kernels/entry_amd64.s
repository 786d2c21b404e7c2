//go:build !windows

#include "textflag.h"

// entry is a C function for System V: void entry(struct ggml_tensor * dst, int ith, int nth, void * call). It runs the kernel that is
// the call's first word, and keeps the registers that are the caller's.
TEXT entry<>(SB), NOSPLIT|NOFRAME, $0
	PUSHQ   BX
	PUSHQ   BP
	PUSHQ   R12
	PUSHQ   R13
	PUSHQ   R14
	PUSHQ   R15
	SUBQ    $8, SP
	MOVQ    CX, DI
	MOVLQSX SI, SI
	MOVLQSX DX, DX
	MOVQ    (DI), AX
	CALL    AX
	VZEROUPPER
	ADDQ    $8, SP
	POPQ    R15
	POPQ    R14
	POPQ    R13
	POPQ    R12
	POPQ    BP
	POPQ    BX
	RET

// func entryAddress() uintptr
TEXT ·entryAddress(SB), NOSPLIT, $0-8
	LEAQ    entry<>(SB), AX
	MOVQ    AX, ret+0(FP)
	RET
