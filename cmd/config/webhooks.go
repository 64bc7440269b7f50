package config

import (
	"net/netip"
	"strings"

	"waybill/domain/webhook"
)

// webhooks reads what is allowed of the addresses of webhooks.
func (e *environment) webhooks() webhook.Rules {
	return webhook.Rules{Plain: e.flag("WAYBILL_WEBHOOK_HTTP", false), Private: e.networks("WAYBILL_WEBHOOK_PRIVATE")}
}

// networks are addresses and networks, with commas.
func (e *environment) networks(name string) (all []netip.Prefix) {
	for _, one := range strings.Split(e.getenv(name), ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(one)
		if address, errAddress := netip.ParseAddr(one); err != nil && errAddress == nil && address.Zone() == "" {
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil || prefix.Addr().Is4In6() {
			e.mistake(name, one, `addresses and networks, such as "10.20.0.5, 10.30.0.0/24, fd00::/64"`)
			continue
		}
		all = append(all, prefix.Masked())
	}
	return all
}
