//go:build !arm && !386

package stardust

import (
	"context"
	"sync"
	"sync/atomic"
)

// atOnce is how many questions a node is asked at the same time: enough to hide the way there and back, few enough for a
// public node.
const atOnce = 8

// inParallel calls do with 0 to n-1, atOnce at a time. It returns how many of them went well from the first on, and why
// the next one did not. After a failure no further one is begun.
func inParallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) (good int, err error) {
	errs := make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	var group sync.WaitGroup
	for range min(n, atOnce) {
		group.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = do(ctx, i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	group.Wait()
	// They are begun in sequence, so everything before the first failure has been done.
	for i, err := range errs {
		if err != nil {
			return i, err
		}
	}
	return n, nil
}
