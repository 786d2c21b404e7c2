// Package service answers requests with one model: prompts in, events out. It joins what the packages below each do alone: chat writes the
// prompt and splits the answer, states finds what was read before, sched computes beside other requests, and names of states begin texts and
// keep their ends. It knows no wire format and no HTTP.
//
// A Request asks for one or more texts. Start returns Answers, whose Next gives the parts of all texts as they come. Whoever reads them slowly
// slows down only these texts. Collect gathers the whole texts.
//
// Limits: one model for each Model.
package service
