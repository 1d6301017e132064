// Package record keeps the questions that were asked, for tests to look at.
//
// A [Recorder] stands before whatever answers ([Recorder.Handler]) and keeps the
// last [Query] ones, as many as it was made for: who asked, when and how, what for,
// and what came of it. A question is there before its reply leaves. What handlers
// ask on the way to an answer is not recorded, nor are packets that no handler gets
// to see, as malformed ones.
package record
