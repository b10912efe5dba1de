package prometheus

import "testing"

func TestNegotiate(t *testing.T) {
	tests := []struct {
		name, accept string
		want         Format
	}{
		{"nothing said", "", Text},
		{"a browser", "text/html,application/xhtml+xml,*/*;q=0.8", Text},
		{"Prometheus 2", "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", OpenMetrics},
		{"Prometheus 3", "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", OpenMetrics},
		{"text liked better", "application/openmetrics-text;q=0.5, text/plain;version=0.0.4;q=0.9", Text},
		{"no version, capitals, blanks", " Application/OpenMetrics-Text ; charset=utf-8 ", OpenMetrics},
		{"quoted version", `application/openmetrics-text; version="1.0.0"`, OpenMetrics},
		{"only an old OpenMetrics", "application/openmetrics-text;version=0.0.1", Text},
		{"equal: the first", "application/openmetrics-text,text/plain", OpenMetrics},
		{"equal: the first, other way", "text/plain,application/openmetrics-text", Text},
		{"refused by q=0", "application/openmetrics-text;q=0", Text},
		{"nonsense q", "application/openmetrics-text;q=NaN", Text},
		{"q out of range", "application/openmetrics-text;q=7", Text},
		{"nothing we have", "image/png", Text},
		{"garbage", ";;;,,,=;q==,", Text},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := negotiate(tt.accept); got != tt.want {
				t.Errorf("%q gives %q", tt.accept, got.ContentType())
			}
		})
	}
}

func TestGzipAccepted(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "deflate, GZIP;q=0.1": true, "gzip;q=0": false, "gzip;q=0.0": false,
		"identity": false, "xgzip": false, "br;q=1, gzip": true, "gzip;q=x": false,
	} {
		if got := gzipAccepted(header); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3")
	f.Add(";=\";q=,")
	f.Fuzz(func(t *testing.T, accept string) {
		if got := negotiate(accept); got > OpenMetrics {
			t.Errorf("format %d", got)
		}
		gzipAccepted(accept)
	})
}
