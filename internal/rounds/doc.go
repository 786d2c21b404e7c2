// Package rounds compares two programs that are measured in turns, so that other load on the machine affects both. It is for
// scripts.
package rounds
