// Package archive keeps documents by id, for a limited time and within a limited size. Each tenant has documents of its own. They are in
// memory, or in a folder that outlives the program, one file for each.
//
// When all documents together are too large, the tenant with the most bytes loses its oldest one. So nobody can push out the documents of
// those who keep less.
//
// Limits: a folder belongs to one program at a time. Documents whose time is over are removed when the next one is kept, and nobody gets them
// until then.
package archive
