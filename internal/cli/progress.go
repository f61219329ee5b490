package cli

import (
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/larder-store/larder/internal/transfer"
)

// bars shows how far each unit of a push is: as moving bars to a person, and
// not at all otherwise, where the answer's own lines say enough.
type bars struct {
	screen *mpb.Progress // nil when nobody watches

	mu   sync.Mutex
	open map[string]*mpb.Bar // owned by mu
}

func (t *terminal) newBars() *bars {
	b := &bars{open: make(map[string]*mpb.Bar)}
	if t.interactive() {
		b.screen = mpb.New(mpb.WithOutput(t.err), mpb.WithWidth(40))
	}
	return b
}

func (b *bars) show(p transfer.Progress) {
	if b.screen == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bar := b.open[p.Unit]
	if bar == nil {
		bar = b.screen.AddBar(p.Total,
			mpb.PrependDecorators(decor.Name(p.Unit, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), "  % .1f")))
		b.open[p.Unit] = bar
	}
	bar.IncrInt64(p.Read)
	if p.Done {
		bar.SetTotal(-1, true)
	}
}

// wait leaves the finished bars on the screen.
func (b *bars) wait() {
	if b.screen != nil {
		b.screen.Wait()
	}
}

// meter shows how far one long operation is, to a person only.
type meter struct {
	screen *mpb.Progress // nil when nobody watches
	bar    *mpb.Bar
	name   string
}

// newMeter names the operation and what it counts; bytes read as KiB and MiB.
func (t *terminal) newMeter(name, unit string) *meter {
	m := &meter{name: name}
	if !t.interactive() {
		return m
	}
	m.screen = mpb.New(mpb.WithOutput(t.err), mpb.WithWidth(40))
	count := decor.CountersNoUnit("%d / %d " + unit)
	if unit == "bytes" {
		count = decor.CountersKibiByte("% .1f / % .1f")
	}
	m.bar = m.screen.AddBar(0, mpb.PrependDecorators(decor.Name(name+" ")), mpb.AppendDecorators(count))
	return m
}

func (m *meter) show(done, total int64) {
	if m.bar != nil {
		m.bar.SetTotal(total, false)
		m.bar.SetCurrent(done)
	}
}

func (m *meter) done() {
	if m.bar != nil {
		m.bar.SetTotal(-1, true)
		m.screen.Wait()
	}
}

// spinner shows that something goes on elsewhere, and how far it is in words,
// to a person only.
type spinner struct {
	screen *mpb.Progress // nil when nobody watches
	bar    *mpb.Bar

	mu   sync.Mutex
	word string // owned by mu
}

func (t *terminal) newSpinner(name string) *spinner {
	s := new(spinner)
	if !t.interactive() {
		return s
	}
	s.screen = mpb.New(mpb.WithOutput(t.err), mpb.WithWidth(40))
	s.bar = s.screen.AddSpinner(0, mpb.BarWidth(1), mpb.PrependDecorators(decor.Name(name+" ")), mpb.AppendDecorators(
		decor.Any(func(decor.Statistics) string {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.word
		})))
	return s
}

func (s *spinner) show(word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.word = word
}

func (s *spinner) done() {
	if s.bar != nil {
		s.bar.SetTotal(-1, true)
		s.screen.Wait()
	}
}
