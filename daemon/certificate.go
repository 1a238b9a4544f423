package daemon

import (
	"context"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/wattgate/wattgate/acl"
	"github.com/wattgate/wattgate/daemon/broker"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/tlscert"
)

// renewCertificate is how often a self-made certificate is looked at; it is renewed a month before its end.
const renewCertificate = time.Hour

// CertificateHosts are the names a self-made certificate is for: those by which buyers and the house reach the gateway.
func CertificateHosts(c config.Config) []string {
	hosts := []string{"localhost", "127.0.0.1"}
	if c.Public.Host != "" {
		hosts = append([]string{c.Public.Host}, hosts...)
	}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name, name+".local")
	}
	return hosts
}

// certificate is the one the TLS listeners show; the zero value while there is none that holds. The broker makes the first.
func (g *Gateway) certificate() tlscert.Certificate {
	if g.config().Broker.TLSListen == "" {
		return tlscert.Certificate{}
	}
	c, err := tlscert.Read(g.o.Dirs.TLS(), time.Now())
	switch {
	case err == nil:
		if g.state.clear("certificate") {
			g.log.Info("certificate is good again", "sha256", c.SHA256)
		}
		return c
	case errors.Is(err, fs.ErrNotExist):
		return tlscert.Certificate{}
	}
	if g.state.report("certificate", problem{"certificate", err.Error()}) {
		g.log.Error("certificate is no good", "error", err)
	}
	return tlscert.Certificate{}
}

// keepCertificate renews a self-made certificate until ctx ends. Nobody is disconnected: Mosquitto shows the new one to
// those who connect from then on, and the offer names its fingerprint.
func (g *Gateway) keepCertificate(ctx context.Context) {
	tick := time.NewTicker(renewCertificate)
	defer tick.Stop()
	for {
		// Also one that has ended: a machine without a clock of its own may have made it in 1970.
		if old, _ := tlscert.Read(g.o.Dirs.TLS(), time.Now()); old.SelfMade {
			c, made, err := tlscert.Ensure(g.o.Dirs.TLS(), CertificateHosts(g.config()), time.Now(), acl.ReplaceFile)
			switch {
			case err != nil:
				g.log.Error("cannot renew the certificate", "error", err)
			case made:
				g.log.Info("certificate renewed", "sha256", c.SHA256, "until", c.NotAfter.UTC().Format(time.DateOnly))
				g.Nudge()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ownerTLS tells about the certificate.
func (g *Gateway) ownerTLS(context.Context, []byte) (any, error) {
	c, err := tlscert.Read(g.o.Dirs.TLS(), time.Now())
	if err != nil {
		return nil, err
	}
	return tlsRow(c), nil
}

func tlsRow(c tlscert.Certificate) control.TLS {
	return control.TLS{SHA256: c.SHA256, NotAfter: c.NotAfter.UTC(), SelfMade: c.SelfMade}
}

// ownerSetTLS installs the owner's certificate. A TLS listener that runs shows it from the next connection on, and drops
// nobody. Only a listener that was off for want of a good certificate, and a change of the kind of key, take a fresh start
// of the broker.
func (g *Gateway) ownerSetTLS(_ context.Context, body []byte) (any, error) {
	var req control.SetTLS
	if err := control.Decode(body, &req); err != nil {
		return nil, err
	}
	if block, _ := pem.Decode([]byte(req.Bundle)); block == nil {
		return nil, errors.New("cannot use the certificate: this is no PEM (cat fullchain.pem privkey.pem | wattgate tls set)")
	}
	before := g.certificate()
	c, err := tlscert.Set(g.o.Dirs.TLS(), []byte(req.Bundle), time.Now(), acl.ReplaceFile)
	if err != nil {
		return nil, err
	}
	g.log.Info("certificate set by the owner", "sha256", c.SHA256, "until", c.NotAfter.UTC().Format(time.DateOnly))
	// Mosquitto's TLS library keeps one certificate for each kind of key: beside a new RSA one it would go on showing the
	// old ECDSA one to whoever prefers that.
	if before.SHA256 != "" && before.Key != c.Key {
		g.restartBroker("the new certificate has another kind of key")
	}
	for _, l := range g.brokerListeners() {
		if l.Name == broker.KeyTLS && l.Problem != "" {
			g.restartBroker("the certificate for TLS is good now")
		}
	}
	g.Nudge()
	return tlsRow(c), nil
}

// restartBroker has reconcile end the broker, so that its supervisor starts it afresh.
func (g *Gateway) restartBroker(why string) {
	g.broken.Store(&why)
	g.Nudge()
}

// tlsEndpoint completes the endpoints of an offer with what is known of TLS. The fingerprint is told without a name, too:
// it is what buyers trust, by whatever address they came.
func (g *Gateway) tlsEndpoint(c config.Config) (url, sha256 string) {
	cert := g.certificate()
	if cert.SHA256 == "" {
		return "", ""
	}
	return endpoint("mqtts://", c.Broker.TLSListen, c.Public.Host), cert.SHA256
}
