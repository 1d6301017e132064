package tls

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how old a look at the certificate's files may be.
const lookEvery = 10 * time.Second

// Load reads the files and returns what a server needs. Later handshakes read the
// certificate again if its files changed; one that can't be read is logged, and
// the old one stays.
func (c Config) Load(logger *slog.Logger, now func() time.Time) (*tls.Config, error) {
	k := &keeper{config: c, log: logger, now: now}
	if err := k.load(); err != nil {
		return nil, err
	}
	k.looked = now()
	config := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		ClientAuth:     c.ClientAuth,
		GetCertificate: k.certificate,
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("authority of clients: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("authority of clients: %s has no certificate in PEM format", c.CA)
		}
	}
	return config, nil
}

// keeper keeps a certificate as its files have it.
type keeper struct {
	config Config
	log    *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	current *tls.Certificate // guarded by mu, as all below
	stamps  [2]stamp
	looked  time.Time
}

// stamp tells one state of a file from another.
type stamp struct {
	changed time.Time
	size    int64
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// load reads the files. mu is held, or nobody else knows k.
func (k *keeper) load() error {
	stamps := [2]stamp{stampOf(k.config.Cert), stampOf(k.config.Key)}
	if k.current != nil && stamps == k.stamps {
		return nil
	}
	k.stamps = stamps // whatever is wrong with them is told once
	certificate, err := tls.LoadX509KeyPair(k.config.Cert, k.config.Key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", k.config.Cert, k.config.Key, err)
	}
	k.current = &certificate
	return nil
}

// certificate implements tls.Config.GetCertificate.
func (k *keeper) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.now(); now.Sub(k.looked) >= lookEvery {
		k.looked = now
		if err := k.load(); err != nil {
			k.log.Error("the old certificate stays", "err", err)
		}
	}
	return k.current, nil
}
