package agent

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// layers is the house of ARCHITECTURE.md, lowest first: a package imports
// packages of its own row only where the row says so, else of lower rows.
// A name stands for the packages below it, too.
var layers = [][]string{
	{"metric", "event", "config", "state", "procfile"},
	{"reading"},
	{"guard", "cgroup", "proctable", "kmsg", "db"},
	{"store"},
	{"collect", "sensor", "inventory", "logs"},
	{"persist", "query"},
	{"overview", "analyze", "insight", "watchdog", "incident"},
	{"alert"},
	{"publish", "record"},
	{"agent"},
}

func layerOf(pkg string) (layer int, house string) {
	rel := strings.TrimPrefix(pkg, "sysops-agent/pkg/")
	house, _, _ = strings.Cut(rel, "/")
	for i, l := range layers {
		for _, name := range l {
			if name == house {
				return i, house
			}
		}
	}
	return -1, house
}

func TestAPackageImportsOnlyLowerLayers(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "sysops-agent/...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(p.ImportPath, "sysops-agent/pkg/") {
			continue
		}
		seen++
		from, house := layerOf(p.ImportPath)
		if from < 0 {
			t.Errorf("%s has no place in the layers of ARCHITECTURE.md", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, "sysops-agent/pkg/") {
				continue
			}
			to, other := layerOf(imp)
			if to > from || to == from && other != house {
				t.Errorf("%s (layer %d) imports %s (layer %d)", p.ImportPath, from, imp, to)
			}
		}
	}
	if seen < 15 {
		t.Fatalf("go list saw only %d packages", seen)
	}
}

// Another system is told in words what is wrong, not by missing symbols.
func TestAnotherSystemFailsToCompileWithASentence(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "build", "sysops-agent/pkg/metric")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOOS=freebsd", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "sysops_agent_supports_Linux_only") {
		t.Fatalf("%v\n%s", err, out)
	}
}
