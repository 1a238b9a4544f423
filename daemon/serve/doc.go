// Package serve answers HTTP until it is told to stop, and finishes what it is answering.
package serve
