package acl_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/acl/acltest"
)

// Every kind of listener that RenderConf writes is one that Mosquitto opens, on its address alone.
func TestMosquittoOpensEveryListener(t *testing.T) {
	binary := acltest.Binary(t)
	dir, err := os.MkdirTemp("", "wg")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := selfSigned(t, dir)
	plain, secure, web := freePort(t), freePort(t), freePort(t)
	conf, err := acl.RenderConf(acl.Conf{Dir: dir, User: me.Username, Listeners: []acl.Listener{
		{Address: "127.0.0.1", Port: plain, MaxConnections: 10},
		{Address: "127.0.0.1", Port: secure, MaxConnections: 10, CertFile: certFile, KeyFile: keyFile},
		{Address: "127.0.0.1", Port: web, MaxConnections: 10, Protocol: acl.WebSockets},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := acl.Prepare(dir, conf); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-c", filepath.Join(dir, "mosquitto.conf"))
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	for _, url := range []string{
		"unix://" + filepath.Join(dir, "broker.sock"),
		"tcp://127.0.0.1:" + strconv.Itoa(plain),
		"ssl://127.0.0.1:" + strconv.Itoa(secure),
		"ws://127.0.0.1:" + strconv.Itoa(web) + "/mqtt",
	} {
		acltest.Eventually(t, "a login at "+url, 5*time.Second, func() bool {
			c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID(rand.Text()).SetConnectTimeout(time.Second).
				SetTLSConfig(&tls.Config{InsecureSkipVerify: true}).SetAutoReconnect(false)) // the certificate was made above
			defer c.Disconnect(0)
			token := c.Connect()
			return token.WaitTimeout(2*time.Second) && token.Error() == nil
		})
	}
	// What is for loopback is nowhere else: only then may somebody else have the same port of another address.
	for _, port := range []int{plain, secure, web} {
		neighbour, err := net.Listen("tcp", "127.0.0.2:"+strconv.Itoa(port))
		if err != nil {
			t.Errorf("the listener on 127.0.0.1:%d is on other addresses, too: %v", port, err)
			continue
		}
		neighbour.Close()
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func selfSigned(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", der)
}
