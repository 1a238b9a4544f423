package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	iotago "github.com/iotaledger/iota.go/v3"
)

const (
	hrp = iotago.NetworkPrefix("tst")
	// supply is that of the former main network, in micros; what the wallets do not get belongs to nobody.
	supply = "2779530283277761"
	// walletBalance is what each wallet begins with, in micros.
	walletBalance = 1_000_000_000_000
	// keysNeeded sign each milestone.
	keysNeeded = 2
)

// genesis is what a network is born with; network.json keeps it.
type genesis struct {
	Network     string   `json:"network"`
	VByteCost   int      `json:"vbyte_cost"`
	Coordinator []string `json:"coordinator"` // Ed25519 private keys in hex
	Wallets     int      `json:"wallets"`
}

// paths are the files of a network in its directory.
type paths string

func (p paths) of(name string) string { return filepath.Join(string(p), name) }
func (p paths) wallet(i int) string   { return p.of(fmt.Sprintf("wallet-%d.key", i)) }

// load reads what an earlier run left in the directory; ok is false if it is to be a new network.
func load(p paths) (g genesis, ok bool, err error) {
	raw, err := os.ReadFile(p.of("network.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return g, false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &g)
	}
	if err != nil {
		return g, false, fmt.Errorf("cannot go on with this network: %w (remove its directory)", err)
	}
	return g, true, nil
}

// create makes keys, the first state and the first milestone. network.json is written last: without it nothing is there.
func create(p paths, g genesis) (genesis, error) {
	for range keysNeeded {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return g, err
		}
		g.Coordinator = append(g.Coordinator, hex.EncodeToString(key))
	}
	if err := writeJSON(p.of("protocol_parameters.json"), map[string]any{
		"version": 2, "networkName": g.Network, "bech32HRP": string(hrp), "minPoWScore": 0, "belowMaxDepth": 15,
		"rentStructure": map[string]any{"vByteCost": g.VByteCost, "vByteFactorData": 1, "vByteFactorKey": 10},
		"tokenSupply":   supply,
	}); err != nil {
		return g, err
	}
	if err := configure(p, g, "127.0.0.1:0", "127.0.0.1:0"); err != nil {
		return g, err
	}
	var funded []string
	for i := range g.Wallets {
		address, err := newWallet(p.wallet(i))
		if err != nil {
			return g, err
		}
		funded = append(funded, fmt.Sprintf("%s:%d", address, walletBalance))
	}
	nobody, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return g, err
	}
	if err := tool(nil, "snap-gen", "--protocolParametersPath="+p.of("protocol_parameters.json"), "--mintAddress="+addressOf(nobody),
		"--genesisAddresses="+strings.Join(funded, ","), "--outputPath="+p.of("full.bin")); err != nil {
		return g, err
	}
	if err := tool([]string{"COO_PRV_KEYS=" + strings.Join(g.Coordinator, ",")}, "bootstrap-private-tangle", "--configFile="+p.of("config.json"),
		"--snapshotPath="+p.of("full.bin"), "--databasePath="+p.of("db"), "--cooStatePath="+p.of(stateFile), "--databaseEngine=pebble"); err != nil {
		return g, err
	}
	return g, writeJSON(p.of("network.json"), g)
}

// newWallet writes a fresh key and returns its address.
func newWallet(path string) (string, error) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	return addressOf(public), os.WriteFile(path, []byte(hex.EncodeToString(key.Seed())+"\n"), 0o600)
}

func addressOf(public ed25519.PublicKey) string {
	a := iotago.Ed25519AddressFromPubKey(public)
	return a.Bech32(hrp)
}

// configure writes HORNET's configuration. Everything listens on the loopback interface and nothing looks for peers.
func configure(p paths, g genesis, rest, inx string) error {
	var ranges []map[string]any
	for _, k := range g.Coordinator {
		key, err := hex.DecodeString(k)
		if err != nil || len(key) != ed25519.PrivateKeySize {
			return errors.New("cannot read the coordinator's keys in network.json (remove the directory)")
		}
		ranges = append(ranges, map[string]any{"key": hex.EncodeToString(key[ed25519.SeedSize:]), "start": 0, "end": 0})
	}
	err := writeJSON(p.of("config.json"), map[string]any{
		"app":  map[string]any{"checkForUpdates": false, "stopGracePeriod": "20s"},
		"node": map[string]any{"alias": g.Network},
		"protocol": map[string]any{"targetNetworkName": g.Network, "milestonePublicKeyCount": keysNeeded, "publicKeyRanges": ranges,
			"baseToken": map[string]any{"name": "Play", "tickerSymbol": "PLAY", "unit": "PLAY", "subunit": "micros", "decimals": 6, "useMetricPrefix": false}},
		"db":        map[string]any{"engine": "pebble", "path": p.of("db")},
		"snapshots": map[string]any{"fullPath": p.of("full.bin"), "deltaPath": p.of("delta.bin"), "downloadURLs": []string{}},
		"p2p": map[string]any{"bindMultiAddresses": []string{"/ip4/127.0.0.1/tcp/0"}, "db": map[string]any{"path": p.of("p2p")},
			"identityPrivateKeyFilePath": p.of("identity.key"), "autopeering": map[string]any{"enabled": false}},
		"restAPI": map[string]any{"bindAddress": rest, "publicRoutes": []string{"/health", "/api/*"}, "protectedRoutes": []string{},
			"pow": map[string]any{"enabled": true}},
		"inx":        map[string]any{"enabled": true, "bindAddress": inx},
		"prometheus": map[string]any{"enabled": false},
		"profiling":  map[string]any{"enabled": false},
		"logger":     map[string]any{"outputPaths": []string{"stdout"}},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(p.of("peering.json"), []byte(`{"peers":[]}`), 0o600)
}

// tool runs one of HORNET's tools to its end.
func tool(env []string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, append([]string{"hornet", "tool"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot run HORNET's tool %s: %w\n%s", args[0], err, out)
	}
	return nil
}

func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	// Renamed, because the coordinator writes its state every second and may be killed in between.
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
