package devices

import "time"

// Bounds of the pause before a lost plug is asked again. Real firmware refuses
// connections for up to 17.5 minutes and heals by itself.
const (
	firstPause = 2 * time.Second
	lastPause  = time.Minute
)

// pause returns how long to leave a plug alone after n attempts in vain (n from
// 0): 2 s doubling to 60 s, times 0.8 to 1.2 as chance (0 to 1) has it, so that
// plugs lost together are not asked together.
func pause(n int, chance float64) time.Duration {
	d := firstPause << min(n, 5)
	return time.Duration(float64(min(d, lastPause)) * (0.8 + 0.4*chance))
}
