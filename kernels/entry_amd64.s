#include "textflag.h"

// The two entries are C functions: void entry(struct ggml_tensor * result, int ith, int nth, void * call). The first word of a call is
// the address of its kernel. An entry runs that kernel. It restores the registers that its calling convention tells it to preserve.
// Every system has both entries, so that tests can call both.

// entrySystemV gets the result in DI, ith in SI, nth in DX and the call in CX. It preserves BX, BP and R12 to R15.
TEXT entrySystemV<>(SB), NOSPLIT|NOFRAME, $0
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

// entryWindows gets the result in CX, ith in DX, nth in R8 and the call in R9. It preserves BX, BP, DI, SI, R12 to R15 and X6 to X15.
TEXT entryWindows<>(SB), NOSPLIT|NOFRAME, $0
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

// func entries() (systemV, windows uintptr)
TEXT ·entries(SB), NOSPLIT, $0-16
	LEAQ entrySystemV<>(SB), AX
	MOVQ AX, systemV+0(FP)
	LEAQ entryWindows<>(SB), AX
	MOVQ AX, windows+8(FP)
	RET
