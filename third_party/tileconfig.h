// GCC takes ldtilecfg for a read of 8 of its operand's 64 bytes and, from some versions on, drops the stores of the others
// as dead: the instruction then faults on what is left on the stack. Included before ggml's sources, this makes every
// store happen first.
#pragma once
#if defined(__GNUC__) && !defined(__clang__) && defined(__AMX_TILE__)
#include <immintrin.h>
#define _tile_loadconfig(config)              \
	do {                                  \
		__asm__ volatile("" ::: "memory"); \
		(_tile_loadconfig)(config);   \
	} while (0)
#endif
