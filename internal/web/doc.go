// Package web holds the pages for people: the operator's pages and the manual.
package web
