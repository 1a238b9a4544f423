package daemon

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/wattgate/wattgate"

// program is one package of the product, read from its source on every operating system at once: test files are left
// out, build tags are not.
type program struct {
	files   map[string]*ast.File // by path below the root
	imports map[string]bool
}

// readModule parses every package, by its directory below the module's root.
func readModule(t *testing.T) (set *token.FileSet, packages map[string]*program) {
	t.Helper()
	set, packages = token.NewFileSet(), map[string]*program{}
	root := ".."
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(below))
		p := packages[dir]
		if p == nil {
			p = &program{files: map[string]*ast.File{}, imports: map[string]bool{}}
			packages[dir] = p
		}
		p.files[filepath.ToSlash(below)] = file
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			p.imports[imported] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 15 {
		t.Fatalf("only %d packages found: %v", len(packages), slices.Sorted(maps.Keys(packages)))
	}
	return set, packages
}

// needs is everything that a package imports, directly or through others of the module, each with the way to it.
func needs(packages map[string]*program, from string) map[string]string {
	ways := map[string]string{}
	var visit func(dir, way string)
	visit = func(dir, way string) {
		p := packages[dir]
		if p == nil {
			return
		}
		for _, imported := range slices.Sorted(maps.Keys(p.imports)) {
			if ways[imported] != "" {
				continue
			}
			ways[imported] = way + " → " + strings.TrimPrefix(imported, module+"/")
			if below, ours := strings.CutPrefix(imported, module+"/"); ours {
				visit(below, ways[imported])
			}
		}
	}
	visit(from, from)
	return ways
}

func within(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }

// importRules are the walls of the house. Each package below from, and what it imports, keeps away from the roots in not.
var importRules = []struct {
	from string
	not  []string
	why  string
}{
	{"devices", []string{"billing", "acl", "daemon"}, "devices is an island: what a plug says has nothing to do with who pays for it or reads it"},
	{"billing", []string{"devices", "acl", "daemon"}, "billing is an island: money is decided without a look at plugs or at a broker"},
	{"acl", []string{"devices", "billing", "daemon"}, "acl is an island: it proves a policy and does not know why it is one"},
	{"daemon/buyer", []string{"devices", "acl", "daemon"}, "the buyer's side runs on machines that are no gateway, and trusts nothing but a signature"},
	{"daemon/control", []string{"devices", "billing", "acl", "daemon"}, "the control socket decides who may call, never what a call does"},
	{"daemon/serve", []string{"devices", "billing", "acl", "daemon"}, "serving HTTP has nothing to do with what is served"},
	{"daemon/supervise", []string{"devices", "billing", "acl", "daemon"}, "the supervisor keeps processes running, whatever they are"},
	{"daemon/journal", []string{"devices", "billing", "acl", "daemon"}, "log lines look the same whoever writes them"},
	{"daemon/config", []string{"devices", "billing", "acl", "daemon"}, "a configuration can be checked without a gateway"},
	{"daemon/snap", []string{"devices", "billing", "acl", "daemon"}, "what a snap is does not depend on what runs in it; hooks start without a gateway"},
	{"daemon/front", []string{"devices", "billing", "acl", "daemon"}, "the web front passes on what others answer; it must run without a gateway"},
	{"daemon/page", []string{"devices", "billing", "acl", "daemon"}, "the page is files"},
	{"daemon/readings", []string{"devices", "acl", "daemon"}, "readings keeps numbers and names; what they mean is the bridge's business"},
	{"daemon/broker", []string{"devices", "billing"}, "the broker's process becomes Mosquitto: it must start without plugs and without books"},
}

// islands may not even lean on the bridge's leaves.
var islands = map[string]bool{"devices": true, "billing": true, "acl": true}

func TestImportRules(t *testing.T) {
	_, packages := readModule(t)
	for _, rule := range importRules {
		found := false
		for dir := range packages {
			if !within(dir, rule.from) {
				continue
			}
			found = true
			for imported, way := range needs(packages, dir) {
				below, ours := strings.CutPrefix(imported, module+"/")
				// daemon/serve is a leaf: it knows HTTP and nothing of us.
				if !ours || within(below, rule.from) || below == "daemon/serve" && !islands[rule.from] {
					continue
				}
				for _, root := range rule.not {
					if within(below, root) {
						t.Errorf("%s\n\tbecause %s", way, rule.why)
					}
				}
			}
		}
		if !found {
			t.Errorf("there is no package %s any more: take its rule away", rule.from)
		}
	}
}

func TestOnlyTheProgramImportsTheCommandLine(t *testing.T) {
	_, packages := readModule(t)
	for dir, p := range packages {
		if p.imports[module+"/daemon/cli"] && !within(dir, "daemon/cmd") {
			t.Errorf("%s imports daemon/cli: words and flags are the outermost layer, nothing may lean on them", dir)
		}
	}
}

// A key that can spend is a buyer's: nothing that a gateway runs may know how to use one.
func TestOnlyTheBuyersSideHoldsAWallet(t *testing.T) {
	_, packages := readModule(t)
	const wallet = module + "/billing/stardust/wallet"
	found := false
	for dir, p := range packages {
		if !p.imports[wallet] {
			continue
		}
		if found = found || dir == "daemon/buyer"; dir != "daemon/buyer" && !strings.HasSuffix(dir, "test") && !within(dir, "billing/stardust/stardusttest") {
			t.Errorf("%s imports the wallet", dir)
		}
	}
	if _, leads := needs(packages, "daemon")[wallet]; leads || !found {
		t.Error("the gateway knows the wallet, or the buyer does not")
	}
}

// The simulated plugs are part of the product (demo, simulate); no other fake is.
func TestFakesStayOutOfTheProduct(t *testing.T) {
	_, packages := readModule(t)
	for imported, way := range needs(packages, "daemon/cmd/wattgate") {
		below, ours := strings.CutPrefix(imported, module+"/")
		if ours && strings.HasSuffix(path.Base(below), "test") && below != "devices/devicestest" {
			t.Errorf("%s: a fake in the product is a way in", way)
		}
		if imported == "testing" {
			t.Errorf("%s: it brings its flags along", way)
		}
		if imported == "C" {
			t.Errorf("%s: the product is built without cgo", way)
		}
	}
}

func TestPackagesHaveNamesAndContracts(t *testing.T) {
	_, packages := readModule(t)
	for dir, p := range packages {
		if slices.Contains([]string{"util", "utils", "common", "types", "helper", "helpers", "misc", "shared"}, path.Base(dir)) {
			t.Errorf("%s: a package is named after what it is for", dir)
		}
		documented := false
		for _, f := range p.files {
			documented = documented || f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != ""
		}
		if !documented {
			t.Errorf("%s has no package comment: nobody knows what it promises", dir)
		}
	}
}

func TestNothingHappensBeforeMain(t *testing.T) {
	set, packages := readModule(t)
	for _, p := range packages {
		for _, f := range p.files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: init runs before anybody asked for it", set.Position(fn.Pos()))
				}
			}
		}
	}
}

// Bounds of what fits in a head, in lines.
const (
	maxFile = 400
	maxFunc = 60
	maxMain = 40
)

func TestFilesAndFunctionsFitInAHead(t *testing.T) {
	set, packages := readModule(t)
	lines := func(n ast.Node) int { return set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1 }
	for _, p := range packages {
		for name, f := range p.files {
			limit := maxFile
			if within(name, "daemon/cmd") && path.Base(name) == "main.go" {
				limit = maxMain
			}
			if n := set.File(f.Pos()).LineCount(); n > limit+1 { // the line count includes the end of the last line
				t.Errorf("%s has %d lines, at most %d", name, n, limit)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				n := lines(fn)
				if rows := table(fn); rows != nil {
					n -= lines(rows)
				}
				if n > maxFunc {
					t.Errorf("%s: %s has %d lines, at most %d", set.Position(fn.Pos()), fn.Name.Name, n, maxFunc)
				}
			}
		}
	}
}

// table is the literal that a function returns at its end, nil if it returns none: data in rows, which reads well at any
// length.
func table(fn *ast.FuncDecl) ast.Node {
	if fn.Body == nil || len(fn.Body.List) == 0 {
		return nil
	}
	ret, ok := fn.Body.List[len(fn.Body.List)-1].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return nil
	}
	if literal, ok := ret.Results[0].(*ast.CompositeLit); ok {
		return literal
	}
	return nil
}

// The rules above are worth as much as the walk that feeds them: it must see a wall that is broken.
func TestWalkSeesABrokenWall(t *testing.T) {
	packages := map[string]*program{
		"acl":      {imports: map[string]bool{module + "/acl/deep": true}},
		"acl/deep": {imports: map[string]bool{module + "/billing": true, "net/http": true}},
		"billing":  {imports: map[string]bool{"modernc.org/sqlite": true}},
	}
	got := needs(packages, "acl")
	want := map[string]string{
		module + "/acl/deep": "acl → acl/deep",
		module + "/billing":  "acl → acl/deep → billing",
		"net/http":           "acl → acl/deep → net/http",
		"modernc.org/sqlite": "acl → acl/deep → billing → modernc.org/sqlite",
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
