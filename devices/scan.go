package devices

import (
	"context"
	"log/slog"
)

// Scan looks for plugs with one burst of searches, as cfg says, and reads each
// that counts once. It takes two to some seconds. What was found is returned also with an error, if
// only a part of the network could be searched.
func Scan(ctx context.Context, cfg Config, log *slog.Logger) ([]Plug, error) {
	f := New(Options{Config: cfg, Log: log})
	err := f.look(ctx)
	if cfg.Discover && err == nil && ctx.Err() == nil {
		err = f.look(ctx) // datagrams get lost
	}
	f.mu.Lock()
	expected := f.expected()
	f.mu.Unlock()
	each(ctx, expected, func(p *plug) { f.read(ctx, p) })
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return f.Plugs(), err
}
