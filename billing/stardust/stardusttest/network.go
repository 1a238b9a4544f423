package stardusttest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/wattgate/wattgate/billing/stardust/node"
	"github.com/wattgate/wattgate/billing/stardust/wallet"
)

// Options of a network. The zero value is good.
type Options struct {
	// Dir keeps the network; one that was there before goes on. Empty is a temporary directory that Stop removes.
	Dir string
	// Name of a new network; empty is wattgate-private.
	Name string
	// Node is the address of the node's API; empty is a free port of the loopback interface.
	Node string
	// VByteCost is the storage deposit of a virtual byte in a new network, in units; 0 is 1, with which 500 units with a tag
	// are a valid payment and 400 are not.
	VByteCost int
	// Log gets what the build and the network say; nil discards it.
	Log io.Writer
}

// Network is a running network.
type Network struct {
	// URL of the node's API.
	URL string
	// Name and HRP of the network: what its addresses begin with.
	Name, HRP string
	// Dir keeps it; hornet.log is the node's.
	Dir string
	// Wallets have money, WalletFiles are their keys.
	Wallets     []*wallet.Wallet
	WalletFiles []string
	// Node asks it.
	Node *node.Client

	control   string
	temporary bool
	cmd       *exec.Cmd
	in        io.Closer
}

// startBudget is how long a network may take to its first milestone, on a busy machine.
const startBudget = time.Minute

// Start builds the program if need be, starts a network and waits for its first milestone. It ends with Stop, or when
// this process ends.
func Start(ctx context.Context, o Options) (*Network, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	program, err := Build(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	n := &Network{Dir: o.Dir}
	if o.Dir == "" {
		if n.Dir, err = os.MkdirTemp("", "wattgate-net"); err != nil {
			return nil, err
		}
		n.temporary = true
	}
	if err := n.start(program, o); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start the private network: %w", err), n.Stop())
	}
	return n, nil
}

func (n *Network) start(program string, o Options) error {
	args := []string{"up", "-eof", "-dir", n.Dir}
	if o.Name != "" {
		args = append(args, "-network", o.Name)
	}
	if o.Node != "" {
		args = append(args, "-rest", o.Node)
	}
	if o.VByteCost != 0 {
		args = append(args, "-vbyte", fmt.Sprint(o.VByteCost))
	}
	cmd := exec.Command(program, args...)
	cmd.Stderr = o.Log
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.cmd, n.in = cmd, in
	line := make(chan []byte, 1)
	go func() {
		first, _ := bufio.NewReader(out).ReadBytes('\n') // nothing, if it ends before
		line <- first
	}()
	select {
	case first := <-line:
		return n.ready(first)
	case <-time.After(startBudget):
		return fmt.Errorf("no milestone within %s (see %s)", startBudget, filepath.Join(n.Dir, "hornet.log"))
	}
}

// ready takes what the program says when payments can be made.
func (n *Network) ready(line []byte) (err error) {
	var said struct {
		Node, Control, Network, HRP string
		Wallets                     []string
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return fmt.Errorf("it ended (its log and %s say why)", filepath.Join(n.Dir, "hornet.log"))
	}
	n.URL, n.control, n.Name, n.HRP, n.WalletFiles = said.Node, said.Control, said.Network, said.HRP, said.Wallets
	for _, file := range said.Wallets {
		w, err := wallet.Load(file)
		if err != nil {
			return err
		}
		n.Wallets = append(n.Wallets, w)
	}
	n.Node, err = node.New(n.URL, nil)
	return err
}

// Stop ends the network and waits for it. It may be called again.
func (n *Network) Stop() error {
	var err error
	if n.cmd != nil {
		n.in.Close()
		err = n.cmd.Wait()
		n.cmd = nil
	}
	if n.temporary {
		err = errors.Join(err, os.RemoveAll(n.Dir))
	}
	return err
}

// Advance issues so many milestones at once. The ledger's clock is ahead by as many seconds from then on.
func (n *Network) Advance(ctx context.Context, milestones int) error {
	return n.tell(ctx, fmt.Sprintf("%s/advance?n=%d", n.control, milestones), nil)
}

// Pause stops the milestones, Resume lets them go on.
func (n *Network) Pause(ctx context.Context) error { return n.tell(ctx, n.control+"/pause", nil) }

// Resume lets milestones go on after Pause.
func (n *Network) Resume(ctx context.Context) error { return n.tell(ctx, n.control+"/resume", nil) }

// StopNode ends the node in order and leaves the rest running; StartNode starts it again at the same address.
func (n *Network) StopNode(ctx context.Context) error { return n.tell(ctx, n.control+"/stop", nil) }

// StartNode starts the node after StopNode and waits until it answers.
func (n *Network) StartNode(ctx context.Context) error { return n.tell(ctx, n.control+"/start", nil) }

// RestartNode stops and starts the node.
func (n *Network) RestartNode(ctx context.Context) error {
	if err := n.StopNode(ctx); err != nil {
		return err
	}
	return n.StartNode(ctx)
}

// Prune makes the node delete all history that it can, which leaves some twenty milestones, and returns the newest one
// deleted. It issues milestones until there is something to delete.
func (n *Network) Prune(ctx context.Context) (index uint32, err error) {
	if err := n.Advance(ctx, 40); err != nil {
		return 0, err
	}
	var answer struct{ Index uint32 }
	err = n.tell(ctx, n.URL+"/api/core/v2/control/database/prune", &answer)
	return answer.Index, err
}

// tell posts to url, for a pruning with the least depth that makes sense, and decodes the answer into v.
func (n *Network) tell(ctx context.Context, url string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"depth":1}`))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("cannot change the private network: %s: %.300s", res.Status, body)
	case v != nil:
		return json.Unmarshal(body, v)
	}
	return nil
}
