package buyer

import (
	"strings"
	"testing"

	"rsc.io/qr"
)

// What is drawn is read back module by module and compared with the code.
func TestQRCodeIsDrawnWholeWithItsBorder(t *testing.T) {
	const address = "0x1111111111111111111111111111111111111111111111111111111111111111"
	var out strings.Builder
	drawQR(&out, address)
	code, err := qr.Encode(address, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if want := (code.Size + 2*quiet + 1) / 2; len(lines) != want {
		t.Fatalf("%d lines, want %d", len(lines), want)
	}
	for i, line := range lines {
		for j, r := range []rune(line) {
			upper, lower := r == '█' || r == '▀', r == '█' || r == '▄'
			x, y := j-quiet, 2*i-quiet
			if upper == code.Black(x, y) {
				t.Fatalf("module %d,%d is drawn wrong", x, y)
			}
			if y+1 < code.Size+quiet && lower == code.Black(x, y+1) {
				t.Fatalf("module %d,%d is drawn wrong", x, y+1)
			}
		}
	}
}

func TestTextThatIsTooLongIsNotDrawn(t *testing.T) {
	var out strings.Builder
	drawQR(&out, strings.Repeat("x", 5000))
	if out.Len() != 0 {
		t.Error("something was drawn")
	}
}
