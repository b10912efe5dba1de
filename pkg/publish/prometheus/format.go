package prometheus

import (
	"strconv"
	"strings"
)

// Format is a form of the page.
type Format uint8

// The formats.
const (
	Text        Format = iota // Prometheus text format 0.0.4
	OpenMetrics               // OpenMetrics text format 1.0.0
)

// ContentType is the value of the Content-Type header.
func (f Format) ContentType() string {
	if f == OpenMetrics {
		return "application/openmetrics-text; version=1.0.0; charset=utf-8"
	}
	return "text/plain; version=0.0.4; charset=utf-8"
}

// negotiate chooses the format that an Accept header likes best; of equals the
// one named first. Where it accepts neither, the text format is the answer: a
// page in a second-best form is of more use than a refusal.
func negotiate(accept string) Format {
	best, bestQ := Text, 0.0
	for e := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(e, ";")
		f, ok := formatOf(strings.ToLower(strings.TrimSpace(name)), param(params, "version"))
		if q := quality(params); ok && q > bestQ {
			best, bestQ = f, q
		}
	}
	return best
}

func formatOf(media, version string) (Format, bool) {
	switch media {
	case "application/openmetrics-text":
		return OpenMetrics, version == "" || version == "1.0.0"
	case "text/plain":
		return Text, version == "" || version == "0.0.4"
	case "text/*", "*/*":
		return Text, true
	}
	return Text, false
}

// gzipAccepted reports whether an Accept-Encoding header allows gzip.
func gzipAccepted(encodings string) bool {
	for e := range strings.SplitSeq(encodings, ",") {
		name, params, _ := strings.Cut(e, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return quality(params) > 0
		}
	}
	return false
}

// quality returns the q parameter: 1 when there is none, 0 (not acceptable)
// when it is not a number from 0 to 1.
func quality(params string) float64 {
	v := param(params, "q")
	if v == "" {
		return 1
	}
	q, err := strconv.ParseFloat(v, 64)
	if err != nil || !(q >= 0 && q <= 1) { //nolint:staticcheck // refuses NaN too
		return 0
	}
	return q
}

// param returns a parameter of a header element, without quotes; "" when it
// is not there.
func param(params, name string) string {
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}
