package config

import (
	"net"
	"net/netip"
	"strings"
)

// Surface is how requests reach a node, and whom it believes.
type Surface struct {
	// AdminAddr is host:port of health by name, metrics and profiles; AdminAddrGiven is false when it is the standard one.
	AdminAddr      string
	AdminAddrGiven bool
	// TrustedProxies are those whose X-Request-Id and X-Forwarded-For are believed.
	TrustedProxies []netip.Prefix
	// TLSCert and TLSKey are PEM files; both empty for plain HTTP.
	TLSCert, TLSKey string
	// MaxWaiting bounds the reads that wait for a position at once.
	MaxWaiting int
	// MaxReaders bounds those who follow the feed at once.
	MaxReaders int
}

func (e *environment) surface() Surface {
	s := Surface{
		AdminAddr:      e.address("WAYBILL_ADMIN_ADDR", "127.0.0.1:8081"),
		AdminAddrGiven: e.getenv("WAYBILL_ADMIN_ADDR") != "",
		TLSCert:        e.getenv("WAYBILL_TLS_CERT"),
		TLSKey:         e.getenv("WAYBILL_TLS_KEY"),
		MaxWaiting:     e.number("WAYBILL_READ_WAITERS", 256, 1, 100_000),
		MaxReaders:     e.number("WAYBILL_FEED_READERS", 2000, 1, 100_000),
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		missing := "WAYBILL_TLS_KEY"
		if s.TLSCert == "" {
			missing = "WAYBILL_TLS_CERT"
		}
		e.mistake(missing, "", "a PEM file: certificate and key are given together")
	}
	if s.AdminAddrGiven && s.AdminAddr == e.getenv("WAYBILL_ADDR") && !strings.HasSuffix(s.AdminAddr, ":0") {
		e.mistake("WAYBILL_ADMIN_ADDR", s.AdminAddr, "another address than WAYBILL_ADDR's: one is for everybody, one for operators")
	}
	s.TrustedProxies = e.networks("WAYBILL_TRUSTED_PROXIES")
	return s
}

func (e *environment) address(name, standard string) string {
	address := e.text(name, standard)
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port) // a number up to 65535, or the name of a service
	}
	if err != nil {
		e.mistake(name, address, `host:port, such as "`+standard+`" or ":`+standard[strings.LastIndex(standard, ":")+1:]+`"`)
	}
	return address
}
