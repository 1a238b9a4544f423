package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing/stardust/node"
)

// replay answers every question whose path has the key with the body.
func replay(t *testing.T, answers map[string][]byte) *node.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for part, body := range answers {
			if strings.HasSuffix(r.URL.Path, part) {
				w.Write(body)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	c, err := node.New(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func testdata(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func told(t *testing.T) (r recorded) {
	t.Helper()
	if err := json.Unmarshal(testdata(t, "recorded.json"), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func outputID(t *testing.T, r recorded, index int) iotago.OutputID {
	t.Helper()
	id, err := iotago.OutputIDFromHex(fmt.Sprintf("%s%02x00", r.Transaction, index))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestRecordedAnswersAreUnderstood(t *testing.T) {
	r := told(t)
	ctx := t.Context()
	c := replay(t, map[string][]byte{
		"/info": testdata(t, "info.json"), "/utxo-changes": testdata(t, "changes.json"), fmt.Sprintf("/by-index/%d", r.Milestone): testdata(t, "milestone.bin"),
		"0000": testdata(t, "output-basic.json"), "/blocks/" + r.Block: testdata(t, "block.bin"),
	})
	info, err := c.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if info.Name != "HORNET" || info.Protocol.NetworkName != "wattgate-private" || info.Protocol.Bech32HRP != "tst" || info.Decimals != 6 ||
		info.Protocol.RentStructure.VByteCost != 1 || info.Head.Index < r.Milestone || info.Head.At.Before(r.At) || info.Pruned != 0 {
		t.Errorf("info: %+v", info)
	}
	m, err := c.Milestone(ctx, r.Milestone)
	if err != nil || m.ID.ToHex() != r.MilestoneID || !m.At.Equal(r.At) || m.Index != r.Milestone || m.Previous == m.ID {
		t.Errorf("milestone: %+v, %v", m, err)
	}
	ids, err := c.Created(ctx, r.Milestone)
	if err != nil || len(ids) != 5 || ids[0] != outputID(t, r, 0) || ids[4] != outputID(t, r, 4) {
		t.Errorf("created: %v, %v", ids, err)
	}
	o, err := c.Output(ctx, outputID(t, r, 0))
	if err != nil || o.Output.Deposit() != 1234 || o.Booked != r.Milestone || !o.At.Equal(r.At) || o.Block.ToHex() != r.Block ||
		string(o.Output.FeatureSet().TagFeature().Tag) != "wg-abcdefghijklmnop" {
		t.Errorf("output: %+v, %v", o, err)
	}
	tx, err := c.Transaction(ctx, o.Block, &info.Protocol)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := tx.ID(); err != nil || id.ToHex() != r.Transaction {
		t.Errorf("transaction %s, %v", id.ToHex(), err)
	}
}

// player answers every question with the body it was given last.
type player struct {
	*node.Client
	body atomic.Value
}

func newPlayer(t *testing.T) *player {
	t.Helper()
	p := &player{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(p.body.Load().([]byte)) }))
	t.Cleanup(server.Close)
	var err error
	if p.Client, err = node.New(server.URL, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

// play is the client whose next answer is body.
func (p *player) play(body []byte) *node.Client {
	p.body.Store(body)
	return p.Client
}

// questions asks everything whose answer is JSON, by the recorded file.
func questions(t *testing.T) map[string]func(context.Context, *node.Client) error {
	r := told(t)
	out := map[string]func(context.Context, *node.Client) error{
		"info.json":    func(ctx context.Context, c *node.Client) error { _, err := c.Info(ctx); return err },
		"changes.json": func(ctx context.Context, c *node.Client) error { _, err := c.Created(ctx, r.Milestone); return err },
	}
	for i, name := range []string{"basic", "bound", "nft", "alias"} {
		out["output-"+name+".json"] = func(ctx context.Context, c *node.Client) error {
			_, err := c.Output(ctx, outputID(t, r, i))
			return err
		}
	}
	return out
}

// Whatever is missing, empty or of another kind in an answer, it is read or refused: nothing else happens.
func TestNoAnswerEndsTheGateway(t *testing.T) {
	tried, refused, p := 0, 0, newPlayer(t)
	for name, ask := range questions(t) {
		var whole any
		if err := json.Unmarshal(testdata(t, name), &whole); err != nil {
			t.Fatal(err)
		}
		for _, changed := range mutations(whole) {
			raw, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			err = ask(t.Context(), p.play(raw))
			tried++
			if err != nil {
				refused++
				if !errors.Is(err, node.ErrAnswer) {
					t.Errorf("%s: %s: %v", name, raw, err)
				}
			}
		}
	}
	if tried < 500 || refused < tried/4 {
		t.Errorf("%d answers tried, %d refused", tried, refused)
	}
}

// mutations are copies of a JSON value with one part of it replaced or taken away.
func mutations(v any) (out []any) {
	out = append(out, nil, "", "0x", "0xzz", -1.0, 1e30, map[string]any{}, []any{}, []any{nil}, true, strings.Repeat("f", 100))
	switch v := v.(type) {
	case map[string]any:
		for key, part := range v {
			for _, changed := range mutations(part) {
				whole := map[string]any{key: changed}
				for k, p := range v {
					if k != key {
						whole[k] = p
					}
				}
				out = append(out, whole)
			}
			less := map[string]any{}
			for k, p := range v {
				if k != key {
					less[k] = p
				}
			}
			out = append(out, less)
		}
	case []any:
		for i, part := range v {
			for _, changed := range mutations(part) {
				whole := append([]any(nil), v...)
				whole[i] = changed
				out = append(out, whole)
			}
		}
		if len(v) > 0 {
			out = append(out, append([]any{v[0]}, v...)) // twice
		}
	}
	return out
}

func TestBinaryAnswersAreReadWholeOrNotAtAll(t *testing.T) {
	r := told(t)
	info, err := replay(t, map[string][]byte{"/info": testdata(t, "info.json")}).Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := newPlayer(t)
	block, err := iotago.BlockIDFromHexString(r.Block)
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func(*node.Client) error{
		"milestone.bin": func(c *node.Client) error { _, err := c.Milestone(t.Context(), r.Milestone); return err },
		"block.bin": func(c *node.Client) error {
			_, err := c.Transaction(t.Context(), block, &info.Protocol)
			return err
		},
	} {
		whole := testdata(t, name)
		if err := ask(p.play(whole)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i := range whole {
			if err := ask(p.play(whole[:i])); !errors.Is(err, node.ErrAnswer) {
				t.Fatalf("%s cut to %d bytes: %v", name, i, err)
			}
		}
		if err := ask(p.play(append(bytes.Clone(whole), 0))); name == "milestone.bin" && !errors.Is(err, node.ErrAnswer) {
			t.Errorf("%s with a byte too many: %v", name, err)
		}
	}
	if _, err := p.play(testdata(t, "milestone.bin")).Milestone(t.Context(), r.Milestone+1); !errors.Is(err, node.ErrAnswer) {
		t.Errorf("another milestone was taken: %v", err)
	}
	other := outputID(t, r, 1)
	if _, err := p.play(testdata(t, "output-basic.json")).Output(t.Context(), other); !errors.Is(err, node.ErrAnswer) {
		t.Errorf("another output was taken: %v", err)
	}
}

func TestAnswersHaveBounds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/busy":
			w.Header().Set("Retry-After", "7")
			http.Error(w, strings.Repeat("no ", 1000), http.StatusTooManyRequests)
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/endless":
			for range 300 {
				w.Write(make([]byte, 1000))
			}
		case "/slow":
			<-r.Context().Done()
		default:
			w.Write([]byte(`{"a":1}`))
		}
	}))
	defer server.Close()
	c, err := node.New(server.URL+"/", &http.Client{Timeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ A int }
	if err := c.GetJSON(t.Context(), "/ok", 7, &v); err != nil || v.A != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := c.GetJSON(t.Context(), "/ok", 6, &v); !errors.Is(err, node.ErrAnswer) {
		t.Errorf("a byte too many: %v", err)
	}
	if err := c.GetJSON(t.Context(), "/endless", 200_000, &v); !errors.Is(err, node.ErrAnswer) {
		t.Errorf("endless: %v", err)
	}
	busy, ok := errors.AsType[*node.StatusError](c.GetJSON(t.Context(), "/busy", 100, &v))
	if !ok || busy.Status != 429 || busy.RetryAfter != 7*time.Second || len(busy.Message) > 200 {
		t.Errorf("busy: %+v", busy)
	}
	moved, ok := errors.AsType[*node.StatusError](c.GetJSON(t.Context(), "/moved", 100, &v))
	if !ok || moved.Status != http.StatusFound {
		t.Errorf("moved: %+v", moved)
	}
	began := time.Now()
	if err := c.GetJSON(t.Context(), "/slow", 100, &v); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("slow: %v", err)
	}
}

func TestURLsThatCannotBe(t *testing.T) {
	for _, u := range []string{"", "localhost:14265", "ftp://a", "http://", "http://a/?x=1", "http://a/#x", "http://a b"} {
		if _, err := node.New(u, nil); err == nil {
			t.Errorf("%q was accepted", u)
		}
	}
	if _, err := os.Stat("testdata/info.json"); errors.Is(err, fs.ErrNotExist) {
		t.Error("testdata is gone")
	}
}
