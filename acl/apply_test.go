package acl

import "testing"

func TestRevokesSeesEveryRightThatEnds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Policy)
		want   bool
	}{
		{"nothing", func(*Policy) {}, false},
		{"grant more", func(p *Policy) { p.Grants = append(p.Grants, fixedAccount("eve", 7)) }, false},
		{"free more", func(p *Policy) { p.Free = append(p.Free, "sensor/x") }, false},
		{"paid more", func(p *Policy) { p.Paid = append(p.Paid, "sensor/x") }, false},
		{"paid becomes free", func(p *Policy) { p.Free, p.Paid = append(p.Free, p.Paid[0]), p.Paid[1:] }, false},
		{"reads more", func(p *Policy) { p.Grants[1].Reads = []string{"sensor/x"} }, false},
		{"grant less", func(p *Policy) { p.Grants = p.Grants[1:] }, true},
		{"password changed", func(p *Policy) { p.Grants[0].Entry = fixedEntry(8) }, true},
		{"reads less", func(p *Policy) { p.Grants[0].Reads = p.Grants[0].Reads[1:] }, true},
		{"free less", func(p *Policy) { p.Free = p.Free[1:] }, true},
		{"free becomes paid", func(p *Policy) { p.Free, p.Paid = p.Free[1:], append(p.Paid, p.Free[0]) }, true},
		{"paid less", func(p *Policy) { p.Paid = p.Paid[1:] }, true},
		{"anybody may order no more", func(p *Policy) { p.Orders = nil }, true},
		{"replies no more", func(p *Policy) { p.PerClient = nil }, true},
	} {
		p := salePolicy()
		tc.change(&p)
		if got := revokes(salePolicy(), p); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
