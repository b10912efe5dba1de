package cpu

import "slices"

// group sums the ticks of CPUs that belong together: sockets, or NUMA nodes.
type group struct {
	ids  []int   // of the members with an online CPU, ascending
	of   []int   // index in ids, by index of the core; unknown: none
	sums []ticks // by index in ids
}

// arrange sorts the cores into their groups.
func (g *group) arrange(cores []core, t *Topology, id func(*LogicalCPU) int) {
	*g = group{of: make([]int, len(cores))}
	for i := range cores {
		g.of[i] = unknown
		if l := t.cpu(cores[i].id); l != nil {
			g.of[i] = id(l)
		}
		if g.of[i] != unknown {
			g.ids = append(g.ids, g.of[i])
		}
	}
	slices.Sort(g.ids)
	g.ids = slices.Compact(g.ids)
	g.sums = make([]ticks, len(g.ids))
	for i, id := range g.of {
		if id != unknown {
			g.of[i], _ = slices.BinarySearch(g.ids, id)
		}
	}
}

// reset begins a sweep.
func (g *group) reset() { clear(g.sums) }

// add adds the ticks of the core of that index.
func (g *group) add(core int, d *ticks) {
	if i := g.of[core]; i != unknown {
		g.sums[i].add(d)
	}
}
