// Package rwkv reads and writes the messages of the endpoints that only recurrent models have: states with names. A state is what a model
// keeps of a text. Package api says how strictly requests are read, and writes errors.
//
// Clients make a state from a conversation or a text, list and describe states, and make another name for one. The bytes of states are
// uploaded and downloaded as files, which this package does not see. Names are checked where states are kept.
package rwkv
