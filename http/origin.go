package http

import (
	nethttp "net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds how many proxies a forwarded address is followed through.
const maxHops = 16

// origin is where a request came from, as far as those who passed it on can be believed.
type origin struct {
	// client is who sent it to the first proxy that is trusted, or to us; invalid when that is no address, as over a socket.
	client netip.Addr
	// trusted says that a trusted proxy handed it to us.
	trusted bool
}

// originOf follows X-Forwarded-For back from the peer for as long as it is a trusted proxy that says it. What stands before
// that, anybody may have written.
func (w *Web) originOf(r *nethttp.Request) origin {
	o := origin{client: addressOf(r.RemoteAddr)}
	o.trusted = w.trusts(o.client)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops) && w.trusts(o.client); i-- {
		before := addressOf(strings.TrimSpace(hops[i]))
		if !before.IsValid() {
			break
		}
		o.client = before
	}
	return o
}

func (w *Web) trusts(a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(w.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// addressOf reads an address with or without a port; invalid when it is neither.
func addressOf(s string) netip.Addr {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		both, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}
		}
		a = both.Addr()
	}
	return a.Unmap().WithZone("")
}
