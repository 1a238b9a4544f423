package webserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/front/fronttest"
)

// site is a running web server: the recipe once plain, once with TLS.
type site struct{ plain, secure string } // host:port

// start runs the recipe before the front at backend. Only addresses are replaced in it, and the certificate added.
func (r recipe) start(t *testing.T, backend string) site {
	t.Helper()
	s := site{fronttest.FreeAddress(t), fronttest.FreeAddress(t)}
	dir := t.TempDir()
	cert := filepath.Join(dir, "cert.pem")
	writeCertificate(t, cert)
	text := strings.ReplaceAll(r.text, r.settings.Web.Listen, backend)
	var process *fronttest.Process
	switch r.server {
	case "nginx":
		binary := fronttest.Program(t, "nginx", "webserver", "nginx")
		conf := write(t, dir, nginxConf(dir, replace(t, text, "listen 80;", fmt.Sprintf(
			"listen %s; listen %s ssl; ssl_certificate %s; ssl_certificate_key %s;", s.plain, s.secure, cert, cert))))
		process = fronttest.Start(t, binary, "-p", dir, "-c", conf, "-e", "stderr")
	case "apache":
		binary := fronttest.Program(t, "apache2", "webserver", "apache2-bin")
		plain := replace(t, text, "<VirtualHost *:80>", "<VirtualHost "+s.plain+">")
		secure := replace(t, text, "<VirtualHost *:80>", "<VirtualHost "+s.secure+">\n    SSLEngine on\n    SSLCertificateFile "+cert)
		conf := write(t, dir, apacheConf(dir, append([]string{"ssl"}, r.modules...), s)+plain+secure)
		process = fronttest.Start(t, binary, "-f", conf, "-DFOREGROUND")
	}
	process.AwaitListener(t, s.plain)
	process.AwaitListener(t, s.secure)
	return s
}

func nginxConf(dir, sites string) string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // the test's directory is nobody else's
	}
	return user + "daemon off;\nmaster_process on;\nworker_processes 1;\npid " + dir + "/pid;\nevents {}\nhttp {\n" +
		"access_log off;\nclient_body_temp_path " + dir + "/body;\nproxy_temp_path " + dir + "/proxy;\nfastcgi_temp_path " + dir +
		"/fastcgi;\nuwsgi_temp_path " + dir + "/uwsgi;\nscgi_temp_path " + dir + "/scgi;\n" + sites + "}\n"
}

func apacheConf(dir string, modules []string, s site) string {
	var text strings.Builder
	fmt.Fprintf(&text, "ServerRoot %q\nDefaultRuntimeDir %q\nPidFile %q\nErrorLog /dev/stderr\nServerName localhost\nMutex sem\n", dir, dir, dir+"/pid")
	if os.Getuid() == 0 {
		text.WriteString("User www-data\nGroup www-data\n")
	}
	for _, m := range append([]string{"mpm_event", "authz_core"}, modules...) {
		fmt.Fprintf(&text, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	// One process: eight of them would take longer to start than all that is asked of them here.
	fmt.Fprintf(&text, "StartServers 1\nMinSpareThreads 1\nMaxSpareThreads 50\nListen %s\nListen %s\n", s.plain, s.secure)
	return text.String()
}

func replace(t *testing.T, text, from, to string) string {
	t.Helper()
	if strings.Count(text, from) != 1 {
		t.Fatalf("%q is not once in\n%s", from, text)
	}
	return strings.Replace(text, from, to, 1)
}

func write(t *testing.T, dir, text string) string {
	t.Helper()
	name := filepath.Join(dir, "conf")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// writeCertificate makes a certificate and its key, both in one file.
func writeCertificate(t *testing.T, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
