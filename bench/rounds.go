package main

import (
	"cmp"
	"slices"
	"time"
)

// sample is what one turn of one side measured.
type sample struct {
	requests  int
	bytes     int64 // of bodies
	wall      time.Duration
	cpu       time.Duration   // of the server's processes; 0 if not measured
	latencies []time.Duration // of each request
}

func (s sample) requestsPerSecond() float64 { return float64(s.requests) / s.wall.Seconds() }
func (s sample) bytesPerSecond() float64    { return float64(s.bytes) / s.wall.Seconds() }
func (s sample) cpuPerRequest() float64     { return s.cpu.Seconds() / float64(s.requests) }
func (s sample) cpuPerByte() float64        { return s.cpu.Seconds() / float64(s.bytes) }

// rounds are the samples of both sides, in the order they were taken.
type rounds struct{ larder, peer []sample }

// alternate measures the two sides turn and turn about, and swaps who begins
// each time, so that a machine which slows down or speeds up favours neither.
// A first turn of each warms up and does not count.
func alternate(n int, larder, peer func() (sample, error)) (rounds, error) {
	var r rounds
	for i := range n + 1 {
		turns := []struct {
			run func() (sample, error)
			to  *[]sample
		}{{larder, &r.larder}, {peer, &r.peer}}
		if i%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			s, err := turn.run()
			if err != nil {
				return r, err
			}
			if i > 0 {
				*turn.to = append(*turn.to, s)
			}
		}
	}
	return r, nil
}

// ratio is the median over the rounds of larder's figure by the peer's.
func (r rounds) ratio(figure func(sample) float64) float64 {
	each := make([]float64, len(r.larder))
	for i := range each {
		each[i] = figure(r.larder[i]) / figure(r.peer[i])
	}
	return median(each)
}

// typical is the median of a figure over samples.
func typical(samples []sample, figure func(sample) float64) float64 {
	each := make([]float64, len(samples))
	for i, s := range samples {
		each[i] = figure(s)
	}
	return median(each)
}

func median[T cmp.Ordered](list []T) T { return percentile(list, 50) }

// percentile returns the smallest value that p percent of list do not exceed;
// the zero value of an empty list.
func percentile[T cmp.Ordered](list []T, p int) T {
	var v T
	if len(list) > 0 {
		sorted := slices.Sorted(slices.Values(list))
		v = sorted[max(0, (len(sorted)*p+99)/100-1)]
	}
	return v
}
