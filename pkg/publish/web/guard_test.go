package web

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/config"
)

func TestHosts(t *testing.T) {
	r := newRig(t)
	r.cfg.Listen, r.cfg.AllowedHosts = "metrics.internal:9100", []string{"Agent.Example.COM"}
	known := r.build().knownHosts()
	for host, want := range map[string]bool{
		"": true, "localhost": true, "LOCALHOST:9100": true, "localhost.": true, "127.0.0.1": true, "127.0.0.1:9100": true,
		"127.8.9.10:1": true, "[::1]:9100": true, "[::1]": true, "::1": true, "10.1.2.3:9100": true, "[fe80::1%25eth0]:9100": false, "[::%.evil.example]": false,
		"metrics.internal:9100": true, "web01": true, "WEB01:9100": true, "agent.example.com": true, "agent.example.com.:80": true,
		"evil.example": false, "evil.example:9100": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false,
		"web01.evil.example": false, "127.0.0.1@evil.example": false, "0x7f.1": false, "localhost:9100:9100": false, "localhost:80.evil.example": false, " localhost": false, "\x00": false,
	} {
		if got := hostAllowed(host, known); got != want {
			t.Errorf("Host %q: %v", host, got)
		}
	}
}

func TestRebindingIsRefused(t *testing.T) {
	r := newRig(t).start()
	for _, path := range []string{"/", "/metrics", "/healthz", "/api/v1/status", "/nowhere"} {
		status, body, _ := r.get(path, "Host", "evil.example")
		if status != http.StatusMisdirectedRequest {
			t.Errorf("%s: %d", path, status)
		}
		wantError(t, body, "publish.allowed_hosts")
	}
	if got := r.raw("unix", "GET /healthz HTTP/1.1\r\nHost: whatever\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("the socket cares about Host: %s", got)
	}
	if n := r.Traffic().RefusedRequests; n != 5 {
		t.Errorf("%d refused", n)
	}
}

func TestToken(t *testing.T) {
	r := newRig(t)
	r.cfg.BearerToken = config.NewSecret("hunter2")
	r.start()
	tests := []struct {
		path, header string
		want         int
	}{
		{"/metrics", "", 401},
		{"/metrics", "Bearer hunter2", 200},
		{"/metrics", "bearer  hunter2 ", 200},
		{"/metrics", "Bearer hunter", 401},
		{"/metrics", "Bearer hunter22", 401},
		{"/metrics", "Basic hunter2", 401},
		{"/metrics", "hunter2", 401},
		{"/metrics", "Bearer", 401},
		{"/", "", 401},
		{"/api/v1/status", "", 401},
		{"/nowhere", "", 401},
		{"/healthz", "", 200},
		{"/-/ready", "", 200},
	}
	for _, tt := range tests {
		status, body, h := r.get(tt.path, "Authorization", tt.header)
		if status != tt.want || (h.Get("WWW-Authenticate") == "Bearer") != (tt.want == 401) {
			t.Errorf("%s with %q: %d", tt.path, tt.header, status)
		}
		if strings.Contains(body, "hunter") {
			t.Errorf("the answer tells the token: %s", body)
		}
	}
	if got := r.raw("unix", getAgent); !strings.HasPrefix(got, "HTTP/1.1 200") || strings.Contains(got, "hunter2") {
		t.Errorf("socket: %s", got)
	}
}

func TestNothingIsWritable(t *testing.T) {
	r := newRig(t).start()
	for name, tt := range map[string]struct {
		method string
		header http.Header
		want   int
	}{
		"plain":         {"POST", nil, 405},
		"delete":        {"DELETE", nil, 405},
		"options":       {"OPTIONS", nil, 405},
		"cross origin":  {"POST", http.Header{"Origin": {"https://evil.example"}}, 403},
		"null origin":   {"POST", http.Header{"Origin": {"null"}}, 403},
		"cross site":    {"PUT", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		"same origin":   {"POST", http.Header{"Sec-Fetch-Site": {"same-origin"}}, 405},
		"get from away": {"GET", http.Header{"Origin": {"https://evil.example"}}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, "http://"+r.Addr()+"/api/v1/status", nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.header != nil {
				req.Header = tt.header
			}
			status, body, h := r.do(req)
			if status != tt.want || h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%d, %v", status, h)
			}
			if tt.want != 200 {
				wantError(t, body)
			}
		})
	}
}

func TestSecurityHeaders(t *testing.T) {
	r := newRig(t).start()
	for _, path := range []string{"/", "/metrics", "/healthz", "/api/v1/status", "/api/v1/query?x=y", "/nowhere"} {
		_, _, h := r.get(path)
		for name, want := range map[string]string{
			"Server": "sysops-agent", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: Content-Security-Policy is %q", path, h.Get("Content-Security-Policy"))
		}
	}
}

func TestPanicCostsItsRequestOnly(t *testing.T) {
	r := newRig(t)
	late := false
	r.deps.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if late {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		panic("oh no: secret")
	})
	r.start()
	var log bytes.Buffer
	r.log = zerolog.New(&log)
	status, body, _ := r.get("/metrics")
	if status != 500 || strings.Contains(body, "secret") {
		t.Errorf("%d %s", status, body)
	}
	wantError(t, body, "bug")
	if !strings.Contains(log.String(), "oh no") || !strings.Contains(log.String(), "guard_test.go") {
		t.Errorf("the log says %s", log.String())
	}
	late = true
	got := r.raw("tcp", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if !strings.Contains(got, "half") || strings.HasSuffix(got, "0\r\n\r\n") || strings.Contains(got, "error") {
		t.Errorf("half an answer ends as if it were whole: %q", got)
	}
	if status, _, _ := r.get("/healthz"); status != 200 || r.Traffic().Panics != 2 {
		t.Errorf("afterwards: %d, %+v", status, r.Traffic())
	}
}

func TestPprofOnlyWhenAsked(t *testing.T) {
	for _, on := range []bool{false, true} {
		r := newRig(t)
		r.cfg.Pprof = on
		r.build()
		for path, want := range map[string]bool{"/debug/pprof/": on, "/debug/pprof/heap": on, "/debug/pprof/cmdline": false} {
			rec := httptest.NewRecorder()
			r.tcp.srv.Handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
			if (rec.Code == 200) != want {
				t.Errorf("asked for: %v, %s: %d", on, path, rec.Code)
			}
		}
	}
}

func FuzzHost(f *testing.F) {
	f.Add("localhost:9100")
	f.Add("[::1")
	known := map[string]bool{"localhost": true}
	f.Fuzz(func(t *testing.T, host string) {
		if hostAllowed(host+".evil.example", known) {
			t.Errorf("%q.evil.example is allowed", host)
		}
		hostAllowed(host, known)
	})
}
