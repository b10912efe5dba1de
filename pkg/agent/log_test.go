package agent

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestARepeatedMessageIsWrittenFiveTimesAMinuteAndCounted(t *testing.T) {
	now := time.Unix(1000, 0)
	var out bytes.Buffer
	log := zerolog.New(&out).Hook(&limiter{now: func() time.Time { return now }})
	for i := range 1000 {
		log.Warn().Int("i", i).Msg("disk is slow")
	}
	log.Error().Msg("something else")
	if n := strings.Count(out.String(), "\n"); n != logBurst+1 {
		t.Fatalf("%d lines, want %d:\n%s", n, logBurst+1, &out)
	}
	now = now.Add(logWindow)
	out.Reset()
	log.Warn().Msg("disk is slow")
	if !strings.Contains(out.String(), `"repeats_left_out":995`) {
		t.Fatalf("the count is missing: %s", &out)
	}
}

func TestManyDifferentMessagesDoNotGrowTheLimiter(t *testing.T) {
	l := &limiter{now: time.Now}
	log := zerolog.New(&bytes.Buffer{}).Hook(l)
	for i := range 10 * logRemembered {
		log.Warn().Msg(fmt.Sprint("message ", i))
	}
	if len(l.seen) > logRemembered {
		t.Fatalf("%d messages remembered", len(l.seen))
	}
}

func TestTheLogFileIsOpenedAnewAfterARotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	l := &logFile{path: path}
	if err := l.reopen(); err != nil {
		t.Fatal(err)
	}
	defer l.close()
	fmt.Fprintln(l, "before")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(l, "meanwhile")
	if err := l.reopen(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(l, "after")
	old, _ := os.ReadFile(path + ".1")
	now, _ := os.ReadFile(path)
	if string(old) != "before\nmeanwhile\n" || string(now) != "after\n" {
		t.Fatalf("old %q, now %q", old, now)
	}
}
