package disk

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// maxStuck bounds the calls that do not return, each of which holds a thread
// in the kernel: so many for remote filesystems and as many for others, so
// that dead servers never keep a local disk from being asked.
const maxStuck = 8

// target is one filesystem to be asked.
type target struct {
	mount
	path   string // from here; not the same as mount.point
	remote bool

	outcome outcome
	st      unix.Statfs_t // when answered without err
	err     error
}

// outcome is what came of asking.
type outcome uint8

const (
	unasked  outcome = iota // no thread was left for it
	answered                // st or err is set
	stuck                   // no answer within the timeout, or still none to an earlier question
)

// probe is one call that may never return. Its worker owns it until it comes
// out of prober.done.
type probe struct {
	key    probeKey
	remote bool
	st     unix.Statfs_t
	err    error
	asker  *target // nil once the asker gave up
}

// probeKey identifies a mount; after an unmount by force a new mount at the
// same path is another one and is asked.
type probeKey struct {
	id   uint64
	path string
}

// prober calls statfs(2) in goroutines that it can leave behind. It belongs
// to one goroutine.
type prober struct {
	statfs  func(path string, st *unix.Statfs_t) error
	timeout time.Duration
	done    chan *probe // has room for every outstanding probe: no worker waits
	out     map[probeKey]*probe
	busy    [2]int // outstanding: local, remote
}

func newProber(timeout time.Duration, statfs func(string, *unix.Statfs_t) error) *prober {
	return &prober{
		statfs: statfs, timeout: timeout,
		done: make(chan *probe, 2*maxStuck), out: map[probeKey]*probe{},
	}
}

// left is the prober of a collector that was closed while calls of it were
// outstanding. Its successor goes on with it: were they forgotten at a reload,
// each reload would leave another maxStuck threads in the kernel.
var left atomic.Pointer[prober]

// takeProber returns the prober that was left, or a new one.
func takeProber(timeout time.Duration, statfs func(string, *unix.Statfs_t) error) *prober {
	p := left.Swap(nil)
	if p == nil {
		return newProber(timeout, statfs)
	}
	p.timeout, p.statfs = timeout, statfs
	return p
}

// leave hands the prober on if there is anything to remember.
func (p *prober) leave() {
	p.giveUp()
	if p.collectLate(); len(p.out) > 0 {
		left.Store(p)
	}
}

// ask asks all targets, at most once each, and sets their outcomes. It
// returns after the timeout at the latest, and well before ctx's deadline, so
// that what answered is still written. When ctx is cancelled it returns its
// error, and the outcomes are unusable.
func (p *prober) ask(ctx context.Context, targets []*target) error {
	p.collectLate()
	wait := p.timeout
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(end)*3/4)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	waiting := 0
	queue := [2][]*target{}
	for _, t := range targets {
		t.outcome, t.err = unasked, nil
		queue[class(t.remote)] = append(queue[class(t.remote)], t)
	}
	for {
		for c := range queue {
			for len(queue[c]) > 0 && (p.busy[c] < maxStuck || p.isOut(queue[c][0])) {
				waiting += p.start(queue[c][0])
				queue[c] = queue[c][1:]
			}
		}
		if waiting == 0 {
			return nil
		}
		select {
		case pr := <-p.done:
			waiting -= p.settle(pr)
		case <-timer.C:
			p.giveUp()
			return nil
		case <-ctx.Done():
			p.giveUp()
			return ctx.Err()
		}
	}
}

func class(remote bool) int {
	if remote {
		return 1
	}
	return 0
}

func (t *target) key() probeKey { return probeKey{t.id, t.path} }

func (p *prober) isOut(t *target) bool { return p.out[t.key()] != nil }

// start begins a probe of t and returns how many answers there are now to be
// waited for: none when an earlier probe of t is still outstanding.
func (p *prober) start(t *target) int {
	if p.isOut(t) {
		t.outcome = stuck
		return 0
	}
	pr := &probe{key: t.key(), remote: t.remote, asker: t}
	p.out[pr.key] = pr
	p.busy[class(t.remote)]++
	statfs := p.statfs
	go func() {
		for {
			pr.err = statfs(pr.key.path, &pr.st)
			if !errors.Is(pr.err, unix.EINTR) {
				break
			}
		}
		p.done <- pr
	}()
	return 1
}

// settle takes a probe back and returns how many askers got their answer.
func (p *prober) settle(pr *probe) int {
	delete(p.out, pr.key)
	p.busy[class(pr.remote)]--
	t := pr.asker
	if t == nil {
		return 0 // too late: the answer is of an earlier sweep
	}
	t.outcome, t.st, t.err = answered, pr.st, pr.err
	return 1
}

// collectLate takes back the probes that returned since the last sweep: their
// filesystems answer again and will be asked anew.
func (p *prober) collectLate() {
	for {
		select {
		case pr := <-p.done:
			p.settle(pr)
		default:
			return
		}
	}
}

// giveUp leaves the outstanding probes behind.
func (p *prober) giveUp() {
	for _, pr := range p.out {
		if pr.asker != nil {
			pr.asker.outcome = stuck
			pr.asker = nil
		}
	}
}
