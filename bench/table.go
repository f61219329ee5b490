package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	what   string
	larder string // as people read it, with its unit
	peer   string
	beside string // who or what the peer is
	// ratio is larder's figure by the peer's. More is better where the goal is
	// a floor, less where it is a ceiling.
	ratio float64
	// cpu is the processor time that larder spends where the peer spends one;
	// 0 where it was not measured.
	cpu  float64
	goal goal
}

// goal bounds a ratio; the zero goal bounds nothing.
type goal struct{ atLeast, atMost float64 }

func (g goal) String() string {
	switch {
	case g.atLeast > 0:
		return fmt.Sprintf("≥ %.2f", g.atLeast)
	case g.atMost > 0:
		return fmt.Sprintf("≤ %.2f", g.atMost)
	}
	return ""
}

// verdict says whether ratio is within the goal.
func (g goal) verdict(ratio float64) string {
	switch {
	case g == goal{}:
		return ""
	case g.atLeast > 0 && ratio < g.atLeast, g.atMost > 0 && ratio > g.atMost:
		return "missed"
	}
	return "met"
}

func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tlarder\tpeer\t\tratio\tgoal\t\tCPU")
	for _, r := range rows {
		cpu := ""
		if r.cpu > 0 {
			cpu = fmt.Sprintf("%.2f", r.cpu)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.2f\t%s\t%s\t%s\n",
			r.what, r.larder, r.peer, r.beside, r.ratio, r.goal, r.goal.verdict(r.ratio), cpu)
	}
	return t.Flush()
}

func perSecond(n float64) string {
	if n >= 10_000 {
		return fmt.Sprintf("%.1f k/s", n/1000)
	}
	return fmt.Sprintf("%.0f /s", n)
}

func bytesPerSecond(n float64) string { return fmt.Sprintf("%.0f MB/s", n/1e6) }

func megabytes(n float64) string { return fmt.Sprintf("%.1f MB", n/1e6) }

func duration(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.0f µs", float64(d)/1e3)
}
