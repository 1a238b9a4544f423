package buyer

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestIdentityIsMadeOnceByTwoAtATime(t *testing.T) {
	for range 20 {
		f := home(t)
		var wg sync.WaitGroup
		keys := make([]string, 8)
		for i := range keys {
			wg.Go(func() {
				key, err := f.identity("")
				if err != nil {
					t.Error(err)
				}
				keys[i] = string(key)
			})
		}
		wg.Wait()
		for _, k := range keys {
			if k != keys[0] {
				t.Fatal("several keys were handed out, one is on disk")
			}
		}
	}
}

func TestNullInFilesIsNoPanic(t *testing.T) {
	f := home(t)
	if err := os.WriteFile(filepath.Join(f.dir, "known.json"), []byte("null"), 0o600); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if p := recover(); p != nil {
				t.Error("remember:", p)
			}
		}()
		_ = f.remember("mqtt://a:1883", someFingerprint)
	}()
	if err := os.WriteFile(f.bookPath(someFingerprint), []byte(`{"accounts":null}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := f.readBook(someFingerprint)
	if err == nil && b.Accounts == nil {
		t.Error("readBook gives a nil map, takeReceipt writes to it")
	}
}

func TestIdentityThatOthersMayReadIsRefused(t *testing.T) {
	f := home(t)
	if _, err := f.identity(""); err != nil {
		t.Fatal(err)
	}
	os.Chmod(filepath.Join(f.dir, "identity.key"), 0o644)
	if _, err := f.identity(""); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("%v", err)
	}
}

func TestTargetsThatShouldBeRefused(t *testing.T) {
	for _, raw := range []string{"mqtt://gw:99999", "mqtt://gw:0", "mqtt://::", "mqtt://[fe80::1%25eth0]"} {
		if got, err := ParseTarget(raw); err == nil {
			t.Errorf("%s: %+v", raw, got)
		}
	}
}
