// bcryptprimitives.dll for Wine 8, which has none: the one function of it that Go's runtime calls.
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL ProcessPrng(BYTE *data, SIZE_T size) { return RtlGenRandom(data, size); }
