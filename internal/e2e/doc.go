// Package e2e drives the real larder binary as an operator, as devices and as
// attackers would: processes, signals, files, sockets and terminals.
//
// It holds tests only. What can be shown inside one room is tested there; here
// stands what only the whole program can show.
package e2e
