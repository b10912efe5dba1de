package prometheus

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"sysops-agent/pkg/metric"
)

var pageName = regexp.MustCompile(`^sysops_[a-z0-9_]+$`)

// CheckNames reports every reason why the readings could not be on one page
// together: names that collide with each other or with the page's own
// families, in either format, and names and labels that promtool refuses.
func CheckNames(schemas []*metric.Schema) error {
	var errs []error
	owner := map[string]string{} // name as it may appear on a page → who has it
	claim := func(f *family, who string) {
		for _, n := range f.claims() {
			if other, taken := owner[n]; taken {
				errs = append(errs, fmt.Errorf("the name %s on the page belongs to %s and to %s: give one of them another with a page tag", n, other, who))
				continue
			}
			owner[n] = who
		}
	}
	for _, f := range ownFamilies() {
		claim(&f, "the page itself")
	}
	for _, s := range schemas {
		for i := range s.Fields {
			f := familyOf(&s.Fields[i])
			who := fmt.Sprintf("metric %s of reading %s", s.Fields[i].Name, s.Name)
			claim(&f, who)
			if err := f.lint(); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", who, err))
			}
		}
		for i := range s.Labels {
			if n := s.Labels[i].Name; n == "le" || n == "quantile" {
				errs = append(errs, fmt.Errorf("label %s of reading %s means something else to Prometheus: rename it", n, s.Name))
			}
		}
	}
	return errors.Join(errs...)
}

// claims are the names that no other family may have: OpenMetrics reserves the
// family's own name and every sample name that its type could have.
func (f *family) claims() []string {
	switch f.kind {
	case counter:
		return []string{f.base(), f.name, f.base() + "_created"}
	case info:
		return []string{f.base(), f.name}
	default:
		return []string{f.name}
	}
}

func (f *family) lint() error {
	if !pageName.MatchString(f.name) {
		return fmt.Errorf("page name %q is not of the form sysops_a_b", f.name)
	}
	if f.kind == counter {
		return nil
	}
	for _, s := range []string{"_total", "_count", "_sum", "_bucket"} {
		if strings.HasSuffix(f.name, s) {
			return fmt.Errorf("page name %s ends in %s, which promtool allows for no gauge: give it another with a page tag", f.name, s)
		}
	}
	return nil
}
