package devicestest

import (
	"math"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
)

// Figures of the simulated refrigerator. They are those of a common 150-litre
// appliance, rounded; nothing depends on their exact values.
const (
	shortestCycle = 12 * time.Minute // a cycle is 12 to 20 minutes, by seed
	compressorW   = 72.0             // 72 to 92 W, by seed
	inrushW       = 140.0            // on top, decaying within seconds
	standbyW      = 1.2
	lampW         = 14.0 // with the door open
	meterStep     = 5    // mW, the resolution seen on a real Insight
)

// Curve returns the power that a plug with this seed measures at t: a
// refrigerator's compressor cycling, its standby, its lamp, and some noise. It
// depends on nothing else, so an hour that has passed can be computed as well
// as the present.
func Curve(seed int64, t time.Time) driver.Milliwatts {
	period := shortestCycle + time.Duration(hash(seed, 1)*8)*time.Minute
	at := t.UnixNano() + int64(hash(seed, 2)*float64(period))
	cycle, since := at/int64(period), time.Duration(at%int64(period))
	running := time.Duration((0.35 + 0.15*hash(seed, 3+cycle)) * float64(period))

	w := standbyW
	if since < running {
		s := since.Seconds()
		w = compressorW + 20*hash(seed, 2) + inrushW*math.Exp(-s/1.5) + 9*math.Exp(-s/90)
	}
	// The door: about once in forty minutes, open for up to 25 s.
	if slot := t.Unix() / 300; hash(seed, slot) < 0.125 && t.Unix()%300 < 8+int64(17*hash(seed, -slot)) {
		w += lampW
	}
	w *= 1 + 0.012*(hash(seed, t.UnixNano()/int64(500*time.Millisecond))-0.5)
	return driver.Milliwatts(math.Round(w*1000/meterStep) * meterStep)
}

// hash maps seed and n to [0, 1), evenly and always alike (SplitMix64).
func hash(seed, n int64) float64 {
	x := uint64(seed)*0x9e3779b97f4a7c15 + uint64(n)*0xd1b54a32d192ed03
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}
