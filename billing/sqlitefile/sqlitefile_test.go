package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

var steps = []Migration{
	{SQL: `CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT NOT NULL) STRICT;`, ReadableBy: 1},
	{SQL: `ALTER TABLE a ADD COLUMN z TEXT; CREATE INDEX a_z ON a(z);`, ReadableBy: 1},
	{SQL: `CREATE TABLE b (x INTEGER PRIMARY KEY) STRICT;`, ReadableBy: 3},
}

func mustOpen(t *testing.T, path string, list []Migration) *sql.DB {
	t.Helper()
	db, err := Open(context.Background(), path, list)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t *testing.T, db *sql.DB, q string) {
	t.Helper()
	if _, err := db.Exec(q); err != nil {
		t.Fatal(err)
	}
}

func schemaOf(t *testing.T, db *sql.DB) string {
	t.Helper()
	var all string
	err := db.QueryRow(`SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name)`).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOpenSetsWhatMoneyNeeds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd name?#%.db")
	db := mustOpen(t, path, steps)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		var got string
		if err := db.QueryRow(`PRAGMA ` + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
	}
	mustExec(t, db, `INSERT INTO a (y) VALUES ('q')`)
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(name), info.Mode().Perm())
		}
	}
}

func TestSchemaIsTheSameFreshOrStepwise(t *testing.T) {
	fresh := mustOpen(t, filepath.Join(t.TempDir(), "f.db"), steps)
	path := filepath.Join(t.TempDir(), "s.db")
	for n := 1; n < len(steps); n++ {
		db := mustOpen(t, path, steps[:n])
		db.Close()
	}
	if got, want := schemaOf(t, mustOpen(t, path, steps)), schemaOf(t, fresh); got != want {
		t.Errorf("stepwise:\n%s\nfresh:\n%s", got, want)
	}
}

func TestBackupBeforeEachMigrationKeepsTwo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.db")
	list := append(append([]Migration{}, steps...), Migration{SQL: `CREATE TABLE c (x INTEGER) STRICT`, ReadableBy: 1})
	for n := 1; n <= len(list); n++ {
		db := mustOpen(t, path, list[:n])
		if n == 1 {
			if got := backupVersions(path); len(got) != 0 {
				t.Errorf("a fresh file was backed up: %v", got)
			}
			mustExec(t, db, `INSERT INTO a (y) VALUES ('kept')`)
		}
		db.Close()
	}
	got := backupVersions(path)
	if len(got) != 2 || got[0] != 2 || got[1] != 3 {
		t.Fatalf("backups of versions %v, want [2 3]", got)
	}
	restored := mustOpen(t, backupName(path, 2), list[:2])
	var y string
	if err := restored.QueryRow(`SELECT y FROM a`).Scan(&y); err != nil || y != "kept" {
		t.Errorf("backup holds %q, %v", y, err)
	}
	if info, _ := os.Stat(backupName(path, 3)); info.Mode().Perm() != 0o600 {
		t.Errorf("backup has mode %o", info.Mode().Perm())
	}
}

func TestOneStepBackWorksAndTwoAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.db")
	mustOpen(t, path, steps[:2]).Close()
	older := mustOpen(t, path, steps[:1])
	mustExec(t, older, `INSERT INTO a (y) VALUES ('old program')`)
	older.Close()
	mustOpen(t, path, steps).Close()
	_, err := Open(context.Background(), path, steps[:2])
	if !errors.Is(err, ErrNewer) {
		t.Fatalf("err = %v, want ErrNewer", err)
	}
	if !strings.Contains(err.Error(), "install that release again") || !strings.Contains(err.Error(), ".v2.bak") {
		t.Errorf("no remedy in: %v", err)
	}
}

func TestFailedMigrationLeavesTheOldVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.db")
	mustOpen(t, path, steps[:1]).Close()
	bad := []Migration{steps[0], {SQL: `ALTER TABLE a ADD COLUMN q TEXT; CREATE NONSENSE`, ReadableBy: 1}}
	if _, err := Open(context.Background(), path, bad); err == nil {
		t.Fatal("a broken migration was accepted")
	}
	if got := schemaOf(t, mustOpen(t, path, steps[:1])); strings.Contains(got, "q TEXT") {
		t.Errorf("half a migration stayed: %s", got)
	}
}

func TestDamagedFilesAreRefusedWithTheRemedy(t *testing.T) {
	scribble := func(t *testing.T, path string) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 4096; i < len(raw); i++ {
			raw[i] = byte(i * 7)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, spoil := range map[string]func(*testing.T, string){
		"pages overwritten": scribble,
		"no database": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("hello ", 200)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.db")
			mustOpen(t, path, steps[:1]).Close()
			db := mustOpen(t, path, steps[:2])
			mustExec(t, db, `INSERT INTO a (y) VALUES ('`+strings.Repeat("x", 9000)+`')`)
			db.Close()
			spoil(t, path)
			_, err := Open(context.Background(), path, steps[:2])
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("err = %v, want ErrCorrupt", err)
			}
			if !strings.Contains(err.Error(), "copy "+backupName(path, 1)) {
				t.Errorf("does not say how to restore: %v", err)
			}
		})
	}
}

func TestForeignDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, `CREATE TABLE theirs (x)`)
	db.Close()
	if _, err := Open(context.Background(), path, steps); !errors.Is(err, ErrForeign) {
		t.Fatalf("err = %v, want ErrForeign", err)
	}
}

func TestPlacesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "plain")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"missing directory": filepath.Join(dir, "none", "w.db"),
		"a directory":       locked,
		"below a file":      filepath.Join(file, "w.db"),
	}
	if os.Getuid() != 0 { // root may write anywhere
		cases["read-only directory"] = filepath.Join(locked, "w.db")
	}
	for name, path := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Open(context.Background(), path, steps)
			if !errors.Is(err, ErrUnreadable) {
				t.Fatalf("err = %v, want ErrUnreadable", err)
			}
			if !strings.Contains(err.Error(), path) {
				t.Errorf("the path is not named: %v", err)
			}
		})
	}
}

func TestFullDiskIsSaid(t *testing.T) {
	db := mustOpen(t, filepath.Join(t.TempDir(), "w.db"), steps)
	mustExec(t, db, `PRAGMA max_page_count = 20`)
	_, err := db.Exec(`INSERT INTO a (y) VALUES (hex(randomblob(200000)))`)
	if !errors.Is(Classify(err), ErrFull) {
		t.Errorf("err = %v, want ErrFull", err)
	}
	if full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0); err == nil {
		defer full.Close()
		_, err := full.Write([]byte("x"))
		if !errors.Is(Classify(err), ErrFull) {
			t.Errorf("err = %v, want ErrFull", err)
		}
	}
	if Classify(nil) != nil {
		t.Error("nil became an error")
	}
}

func TestLoadInsistsOnNumbersAndReaders(t *testing.T) {
	good := "-- readable-by: 1\nSELECT 1;"
	cases := map[string]struct {
		files fstest.MapFS
		ok    bool
	}{
		"two":           {fstest.MapFS{"m/0001_a.sql": {Data: []byte(good)}, "m/0002_b.sql": {Data: []byte("-- readable-by: 2\n")}}, true},
		"gap":           {fstest.MapFS{"m/0001_a.sql": {Data: []byte(good)}, "m/0003_b.sql": {Data: []byte(good)}}, false},
		"no reader":     {fstest.MapFS{"m/0001_a.sql": {Data: []byte("SELECT 1;")}}, false},
		"future reader": {fstest.MapFS{"m/0001_a.sql": {Data: []byte("-- readable-by: 2\n")}}, false},
		"stray file":    {fstest.MapFS{"m/notes.txt": {Data: []byte(good)}}, false},
	}
	for name, c := range cases {
		list, err := Load(c.files, "m")
		if (err == nil) != c.ok {
			t.Errorf("%s: %d migrations, err %v", name, len(list), err)
		}
	}
}
