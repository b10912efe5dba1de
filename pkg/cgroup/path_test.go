package cgroup

import (
	"strings"
	"testing"
	"unicode/utf8"

	"sysops-agent/pkg/metric"
)

var (
	id = strings.Repeat("0123456789abcdef", 4)
	// manager is the group of a user's service manager.
	manager = "/user.slice/user-1000.slice/user@1000.service"

	id2 = strings.Repeat("fedcba9876543210", 4)
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		want Info
	}{
		"root":                 {"/", Info{}},
		"empty":                {"", Info{}},
		"plain group":          {"/mine/yours", Info{}},
		"service":              {"/system.slice/nginx.service", Info{Unit: "nginx.service", Leaf: true}},
		"inside a service":     {"/system.slice/nginx.service/worker", Info{Unit: "nginx.service"}},
		"slice only":           {"/system.slice", Info{Unit: "system.slice"}},
		"innermost slice":      {"/user.slice/user-1000.slice", Info{Unit: "user-1000.slice"}},
		"session":              {"/user.slice/user-1000.slice/session-3.scope", Info{Unit: "session-3.scope", Leaf: true}},
		"user manager":         {"/user.slice/user-1000.slice/user@1000.service/init.scope", Info{Unit: "user@1000.service/init.scope", Leaf: true}},
		"slice of a user":      {"/user.slice/user-1000.slice/user@1000.service/app.slice", Info{Unit: "user@1000.service"}},
		"user unit":            {"/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service", Info{Unit: "user@1000.service/sync.service", Leaf: true}},
		"a user's nginx":       {manager + "/app.slice/nginx.service", Info{Unit: "user@1000.service/nginx.service", Leaf: true}},
		"a user's slice":       {manager + "/system.slice", Info{Unit: "user@1000.service"}},
		"a user's docker":      {manager + "/docker-" + id + ".scope", Info{Unit: "user@1000.service/docker-" + id + ".scope", Leaf: true}},
		"a user's bare docker": {manager + "/docker/" + id, Info{Unit: "user@1000.service"}},
		"a user's kubepods":    {manager + "/kubepods/pod1/" + id, Info{Unit: "user@1000.service"}},
		"a user as root":       {manager + "/user@0.service/nginx.service", Info{Unit: "user@1000.service/nginx.service", Leaf: true}},
		"a long way up":        {manager + "/a.service/" + strings.Repeat("x", 300) + ".service", Info{Unit: clean("user@1000.service/" + strings.Repeat("x", 300) + ".service"), Leaf: true}},
		"a container's user":   {"/docker/" + id + manager + "/docker/" + id2, Info{Unit: "user@1000.service", Container: id, Runtime: Docker}},
		"escaped":              {`/system.slice/system-getty.slice/getty@tty\x2d1.service`, Info{Unit: "getty@tty-1.service", Leaf: true}},
		"escaped slash":        {`/system.slice/srv\x2fdata.mount`, Info{Unit: "srv/data.mount", Leaf: true}},
		"half an escape":       {`/a\x2.service`, Info{Unit: `a\x2.service`, Leaf: true}},
		"no escape":            {`/a\xzz.service`, Info{Unit: `a\xzz.service`, Leaf: true}},
		"control character":    {"/a\x1b[2Jb.service", Info{Unit: "a\ufffd[2Jb.service", Leaf: true}},
		"escaped newline":      {`/a\x0ab.service`, Info{Unit: "a\ufffdb.service", Leaf: true}},
		"invalid UTF-8":        {"/\xff.service", Info{Unit: "\ufffd.service", Leaf: true}},
		"only a suffix":        {"/.service/.slice/.scope", Info{}},
		"docker":               {"/docker/" + id, Info{Container: id, Runtime: Docker, Leaf: true}},
		"docker inside":        {"/docker/" + id + "/init", Info{Container: id, Runtime: Docker}},
		"docker systemd":       {"/system.slice/docker-" + id + ".scope", Info{Unit: "docker-" + id + ".scope", Container: id, Runtime: Docker, Leaf: true}},
		"docker's own unit":    {"/system.slice/docker-compose.service", Info{Unit: "docker-compose.service", Leaf: true}},
		"systemd in docker":    {"/docker/" + id + "/system.slice/cron.service", Info{Unit: "cron.service", Container: id, Runtime: Docker, Leaf: true}},
		"docker in docker":     {"/docker/" + id + "/docker/" + id2, Info{Container: id2, Runtime: Docker, Leaf: true}},
		"kubernetes systemd":   {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice/cri-containerd-" + id + ".scope", Info{Unit: "cri-containerd-" + id + ".scope", Container: id, Runtime: Containerd, Leaf: true}},
		"kubernetes cgroupfs":  {"/kubepods/besteffort/pod12-34/" + id, Info{Container: id, Runtime: Kubernetes, Leaf: true}},
		"kubernetes crio":      {"/kubepods.slice/kubepods-pod1.slice/crio-" + id + ".scope/container", Info{Unit: "crio-" + id + ".scope", Container: id, Runtime: CRIO}},
		"crio's monitor":       {"/kubepods.slice/crio-conmon-" + id + ".scope", Info{Unit: "crio-conmon-" + id + ".scope", Leaf: true}},
		"runc mixed form":      {"/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" + id, Info{Unit: "containerd.service", Container: id, Runtime: Containerd, Leaf: true}},
		"colons of a stranger": {"/a:b:" + id, Info{Container: id, Leaf: true}},
		"podman":               {"/machine.slice/libpod-" + id + ".scope", Info{Unit: "libpod-" + id + ".scope", Container: id, Runtime: Podman, Leaf: true}},
		"podman rootless":      {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id + ".scope/container", Info{Unit: "user@1000.service/libpod-" + id + ".scope"}},
		"podman cgroupfs":      {"/libpod_parent/" + id, Info{Container: id, Runtime: Podman, Leaf: true}},
		"podman's monitor":     {"/machine.slice/libpod-conmon-" + id + ".scope", Info{Unit: "libpod-conmon-" + id + ".scope", Leaf: true}},
		"lxc":                  {"/lxc/web", Info{Container: "web", Runtime: LXC, Leaf: true}},
		"lxc 4":                {"/lxc.payload.web/system.slice/cron.service", Info{Unit: "cron.service", Container: "web", Runtime: LXC, Leaf: true}},
		"lxc 4's monitor":      {"/lxc.monitor.web", Info{}},
		"nspawn":               {`/machine.slice/systemd-nspawn@my\x2dbox.service/payload`, Info{Unit: "systemd-nspawn@my-box.service", Container: "my-box", Runtime: Nspawn}},
		"bare id":              {"/ecs/task/" + id, Info{Container: id, Leaf: true}},
		"id too short":         {"/jobs/858d47cc647f76376fefccae837c9dd4", Info{}},
		"id in capitals":       {"/docker/" + strings.ToUpper(id), Info{}},
		"double slashes":       {"//system.slice//cron.service//", Info{Unit: "cron.service", Leaf: true}},
		"relative":             {"system.slice/cron.service", Info{Unit: "cron.service", Leaf: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Parse(c.path); got != c.want {
				t.Errorf("%s\n got %+v\nwant %+v", c.path, got, c.want)
			}
		})
	}
}

func TestLongNamesAreCut(t *testing.T) {
	a := Parse("/" + strings.Repeat("a", 4000) + "1.service").Unit
	b := Parse("/" + strings.Repeat("a", 4000) + "2.service").Unit
	if len(a) > metric.MaxLabelValue || a == b {
		t.Errorf("two long names become %d bytes, the same: %v", len(a), a == b)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"/", "/docker/" + id, `/a\x2d.service`, "/lxc/\xff", "/kubepods/x:y:" + id, "/\x00\n/.scope"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		in := Parse(path)
		for _, s := range []string{in.Unit, in.Container, in.Runtime} {
			if again, changed := metric.LabelValue(s); changed || !utf8.ValidString(s) {
				t.Errorf("%q comes out of %q, clean would be %q", s, path, again)
			}
		}
		if in.Leaf && in.Unit == "" && in.Container == "" {
			t.Errorf("%q is the group of nobody", path)
		}
	})
}
