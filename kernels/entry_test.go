//go:build amd64 && unix

package kernels

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"
)

// callers are C functions that fill the registers that an entry must keep, call it, and tell what is in them afterwards. spoil is a
// kernel that changes all registers.
const callers = `
asm(
".globl spoil\n" "spoil:\n"
"mov $7,%eax; mov %rax,%rbx; mov %rax,%rcx; mov %rax,%rdx; mov %rax,%rsi; mov %rax,%rdi; mov %rax,%rbp\n"
"mov %rax,%r8; mov %rax,%r9; mov %rax,%r10; mov %rax,%r11; mov %rax,%r12; mov %rax,%r13; mov %rax,%r14; mov %rax,%r15\n"
"vpxor %ymm0,%ymm0,%ymm0; vpxor %ymm1,%ymm1,%ymm1; vpxor %ymm2,%ymm2,%ymm2; vpxor %ymm3,%ymm3,%ymm3; vpxor %ymm4,%ymm4,%ymm4\n"
"vpxor %ymm5,%ymm5,%ymm5; vpxor %ymm6,%ymm6,%ymm6; vpxor %ymm7,%ymm7,%ymm7; vpxor %ymm8,%ymm8,%ymm8; vpxor %ymm9,%ymm9,%ymm9\n"
"vpxor %ymm10,%ymm10,%ymm10; vpxor %ymm11,%ymm11,%ymm11; vpxor %ymm12,%ymm12,%ymm12; vpxor %ymm13,%ymm13,%ymm13\n"
"vpxor %ymm14,%ymm14,%ymm14; vpxor %ymm15,%ymm15,%ymm15; ret\n"

".globl call_systemv\n" "call_systemv:\n" // (entry, call, out)
"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; push %rdx\n"
"mov %rdi,%rax; mov %rsi,%rcx; xor %edi,%edi; xor %esi,%esi; mov $1,%edx\n"
"mov $1,%ebx; mov $2,%ebp; mov $3,%r12d; mov $4,%r13d; mov $5,%r14d; mov $6,%r15d\n"
"call *%rax\n"
"pop %rdx; mov %rbx,(%rdx); mov %rbp,8(%rdx); mov %r12,16(%rdx); mov %r13,24(%rdx); mov %r14,32(%rdx); mov %r15,40(%rdx)\n"
"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"

".globl call_windows\n" "call_windows:\n" // (entry, call, out)
"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; push %rdx\n"
"mov %rdi,%rax; mov %rsi,%r9; xor %ecx,%ecx; xor %edx,%edx; mov $1,%r8d\n"
"mov $1,%ebx; mov $2,%ebp; mov $3,%r12d; mov $4,%r13d; mov $5,%r14d; mov $6,%r15d; mov $7,%esi; mov $8,%edi\n"
"movq %rbx,%xmm6; movq %rbp,%xmm7; movq %r12,%xmm8; movq %r13,%xmm9; movq %r14,%xmm10; movq %r15,%xmm11; movq %rsi,%xmm12\n"
"movq %rdi,%xmm13; movq %rbx,%xmm14; movq %rbp,%xmm15; punpcklqdq %xmm15,%xmm15\n"
"sub $32,%rsp; call *%rax; add $32,%rsp\n"
"pop %rdx; mov %rbx,(%rdx); mov %rbp,8(%rdx); mov %r12,16(%rdx); mov %r13,24(%rdx); mov %r14,32(%rdx); mov %r15,40(%rdx)\n"
"mov %rsi,48(%rdx); mov %rdi,56(%rdx); movq %xmm6,64(%rdx); movq %xmm7,72(%rdx); movq %xmm8,80(%rdx); movq %xmm9,88(%rdx)\n"
"movq %xmm10,96(%rdx); movq %xmm11,104(%rdx); movq %xmm12,112(%rdx); movq %xmm13,120(%rdx); movq %xmm14,128(%rdx)\n"
"movups %xmm15,136(%rdx)\n"
"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
);
`

func TestEntriesKeepTheCallersRegisters(t *testing.T) {
	if Best() == None {
		t.Skip("this processor has no kernels")
	}
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler (cc)")
	}
	dir := t.TempDir()
	source, library := filepath.Join(dir, "callers.c"), filepath.Join(dir, "callers.so")
	require.NoError(t, os.WriteFile(source, []byte(callers), 0o666))
	out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", library, source).CombinedOutput()
	require.NoError(t, err, string(out))
	handle, err := purego.Dlopen(library, purego.RTLD_NOW)
	require.NoError(t, err)
	spoil, err := purego.Dlsym(handle, "spoil")
	require.NoError(t, err)
	systemV, windows := entries()
	for name, tc := range map[string]struct {
		entry uintptr
		want  []uint64
	}{
		"call_systemv": {systemV, []uint64{1, 2, 3, 4, 5, 6}},
		"call_windows": {windows, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var call func(entry uintptr, call, out unsafe.Pointer)
			purego.RegisterLibFunc(&call, handle, name)
			kept := make([]uint64, len(tc.want))
			call(tc.entry, unsafe.Pointer(&[]uintptr{spoil}[0]), unsafe.Pointer(&kept[0]))
			require.Equal(t, tc.want, kept)
		})
	}
}
