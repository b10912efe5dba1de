package reading

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
)

// A metric's three names each lead to it alone.
func TestNamesAreUniqueAcrossReadings(t *testing.T) {
	seen := map[string]string{}
	for _, s := range All() {
		for i := range s.Fields {
			f := &s.Fields[i]
			for _, n := range []string{f.Name, f.Page} {
				if other, dup := seen[n]; dup {
					t.Errorf("%s is a name of %s and of %s", n, other, s.Name)
				}
				seen[n] = s.Name
			}
		}
	}
	if len(seen) < 200 {
		t.Fatalf("only %d names: the list is not what it should be", len(seen))
	}
}

// Every struct of this package with a reading tag is in All, so that none is
// collected and then forgotten by page and tables.
func TestAllListsEveryReading(t *testing.T) {
	listed := map[string]bool{}
	for _, s := range All() {
		listed[s.Name] = true
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			if name := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("reading"); name != "" {
				found++
				if !listed[name] {
					t.Errorf("%s: reading %q is not in All", f.Name(), name)
				}
			}
			return true
		})
	}
	if found != len(listed) {
		t.Errorf("%d readings declared, %d listed", found, len(listed))
	}
}
