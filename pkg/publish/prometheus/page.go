package prometheus

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"sysops-agent/pkg/event"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// Options are what the page shows. All are needed.
type Options struct {
	Store  *store.Store
	State  *state.Registry
	Events *event.Bus
	Build  Build
}

// Page writes the page. All methods may be called concurrently, also beside
// the writers of the store.
type Page struct {
	opt  Options
	now  func() time.Time
	pool sync.Pool // of *scrape
}

// New returns the page of o.
func New(o Options) *Page {
	return &Page{opt: o, now: time.Now, pool: sync.Pool{New: func() any { return newScrape() }}}
}

// scrape is what one writing of the page needs, reused by the next.
type scrape struct {
	out  writer
	vals []values // rows of the shard being written
	gz   *gzip.Writer
}

func newScrape() *scrape {
	// Stateless: no window is kept between chunks. That costs 3 % in size
	// and saves 800 KB of memory per writer. The level is a constant that the
	// package knows, so there is no error.
	gz, _ := gzip.NewWriterLevel(io.Discard, gzip.StatelessCompression)
	return &scrape{gz: gz}
}

// Write writes the page to w in chunks of about 30 KB. The error is w's first;
// nothing is written after it.
func (p *Page) Write(w io.Writer, f Format) error {
	s := p.pool.Get().(*scrape)
	defer p.pool.Put(s)
	return p.write(s, w, f)
}

func (p *Page) write(s *scrape, w io.Writer, f Format) error {
	o := &s.out
	o.reset(w, f)
	o.build(p.opt.Build)
	o.states(p.opt.State)
	o.storeCounts(p.opt.Store)
	o.eventDrops(p.opt.Events)
	s.rows(p.opt.Store, p.now())
	err := o.close()
	o.w = nil
	return err
}

// ServeHTTP writes the page in the format and coding that the request asks
// for. When the client goes away in the middle, the rest is not made.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := negotiate(strings.Join(r.Header.Values("Accept"), ","))
	h := w.Header()
	h.Set("Content-Type", f.ContentType())
	h.Set("Vary", "Accept, Accept-Encoding")
	if !gzipAccepted(strings.Join(r.Header.Values("Accept-Encoding"), ",")) {
		_ = p.Write(w, f) // the client is gone; nobody is left to tell
		return
	}
	h.Set("Content-Encoding", "gzip")
	s := p.pool.Get().(*scrape)
	defer p.pool.Put(s)
	s.gz.Reset(w)
	if p.write(s, s.gz, f) == nil {
		_ = s.gz.Close() // as above
	}
	s.gz.Reset(io.Discard)
}
