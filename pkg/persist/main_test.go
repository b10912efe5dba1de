package persist

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The property test writes thousands of rows each time: fewer times than
// rapid's default, unless the flag says otherwise.
func TestMain(m *testing.M) {
	_ = flag.Set("rapid.checks", "30")
	flag.Parse()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { os.Exit(code) }))
}
