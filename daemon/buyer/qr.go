package buyer

import (
	"fmt"
	"io"
	"strings"

	"rsc.io/qr"
)

// quiet is the width of the light border that a QR code needs, in modules (ISO/IEC 18004: four).
const quiet = 4

// drawQR draws text as a QR code of half blocks, light on the terminal's dark ground or the other way round: readers take
// both. A text that is too long for one is not drawn; it stands above in letters.
func drawQR(w io.Writer, text string) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return
	}
	light := func(x, y int) bool { return !code.Black(x, y) } // beyond its edge everything is light
	var out strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			upper, lower := light(x, y), light(x, y+1) && y+1 < code.Size+quiet
			switch {
			case upper && lower:
				out.WriteRune('█')
			case upper:
				out.WriteRune('▀')
			case lower:
				out.WriteRune('▄')
			default:
				out.WriteByte(' ')
			}
		}
		out.WriteByte('\n')
	}
	fmt.Fprint(w, out.String())
}
