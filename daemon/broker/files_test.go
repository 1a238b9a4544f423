package broker

import "testing"

func TestConnectionsFitTheOpenFiles(t *testing.T) {
	for _, perListener := range []int{1, 10, 200, 1000, 10000} {
		if got := perListenerOf(filesFor(perListener)); got != perListener {
			t.Errorf("the files for %d connections a listener allow %d", perListener, got)
		}
	}
	if got := perListenerOf(1024); got != 320 {
		t.Errorf("1,024 open files allow %d connections a listener", got)
	}
	if got := perListenerOf(0); got != 1 {
		t.Errorf("a listener takes at least one connection, not %d", got)
	}
}
