package webhook

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waybill/domain"
)

// Ports that a receiver may listen on, by scheme, unless it is on a network of Rules.Private.
var (
	securePorts = []uint16{443, 8443}
	plainPorts  = []uint16{80, 8080}
)

// hostName is a name as DNS has it, in lower case. Some names have an underscore.
var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// maxHostName is how long DNS has one at most.
const maxHostName = 253

// Rules are what an installation allows of targets. The zero value allows https to public hosts alone.
type Rules struct {
	// Plain allows http.
	Plain bool
	// Private are networks that are not public, and allowed all the same, on any port.
	Private []netip.Prefix
	// Types are the stored names of the events that there are.
	Types []string
}

// Ports are those that are allowed of public hosts.
func (r Rules) Ports() []uint16 {
	if r.Plain {
		return slices.Concat(securePorts, plainPorts)
	}
	return securePorts
}

// clean brings a target to the form in which it is kept.
func (r Rules) clean(t Target) (Target, error) {
	var f domain.Fields
	t.URL = domain.CleanText(t.URL)
	r.checkURL(&f, t.URL)
	kept := []string{}
	for i, name := range t.Types {
		if !slices.Contains(r.Types, name) {
			f.Add(fmt.Sprintf("/types/%d", i), "unknown_event", "没有这种事件", "there is no such type of event")
		}
		kept = append(kept, name)
	}
	slices.Sort(kept)
	t.Types = slices.Compact(kept)
	t.Label = domain.CleanText(t.Label)
	if t.Label != "" {
		f.Line("/label", &t.Label, MaxLabel, domain.Text{ZH: "名称", EN: "label"})
	}
	return t, f.Err()
}

// checkURL notes one mistake at most. None of them repeats the URL, which may hold what it should not.
func (r Rules) checkURL(f *domain.Fields, text string) {
	add := func(code, zh, en string) { f.Add("/url", code, zh, en) }
	u, err := url.Parse(text)
	switch {
	case text == "":
		add("required", "请输入回调地址", "the URL is required")
	case len(text) > MaxURL:
		add("too_long", fmt.Sprintf("地址不能超过%d个字节", MaxURL), fmt.Sprintf("the URL must have at most %d bytes", MaxURL))
	case strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }):
		add("not_ascii", "地址只能含可见的 ASCII 字符", "the URL must be of visible ASCII characters")
	case err != nil || u.Opaque != "":
		add("malformed", "地址格式不正确", "it is no URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !r.Plain):
		add("scheme", "地址须以 https:// 开头", "the URL must begin with https://")
	case u.User != nil:
		add("user_info", "地址不能含用户名或密码", "the URL must not hold a user or a password")
	case u.RawQuery != "" || u.ForceQuery:
		add("query", "地址不能含查询参数", "the URL must not have a query")
	case u.Fragment != "" || strings.Contains(text, "#"):
		add("fragment", "地址不能含片段", "the URL must not have a fragment")
	case !r.allowsHost(u.Hostname()):
		add("host", "须为公网主机名", "it must name a public host")
	case !r.allowsPort(u):
		add("port", "不支持该端口", "this port is not allowed")
	}
}

// allowsHost refuses at once what can be told from the text. What a name leads to is looked at whenever a connection is made.
func (r Rules) allowsHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return slices.ContainsFunc(r.Private, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	last := name[strings.LastIndex(name, ".")+1:]
	if _, err := strconv.ParseUint(last, 0, 64); err == nil {
		return false // an address in a form that some resolvers read, as 127.1 or 0x7f.1
	}
	if !hostName.MatchString(name) || len(name) > maxHostName {
		return false // what is looked up would be another name, or none: an IDNA mapping makes digits of wide ones
	}
	return len(r.Private) > 0 || strings.Contains(name, ".") && last != "localhost"
}

func (r Rules) allowsPort(u *url.URL) bool {
	if strings.HasSuffix(u.Host, ":") {
		return false
	}
	if u.Port() == "" {
		return true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return false
	}
	if len(r.Private) > 0 {
		return true
	}
	if u.Scheme == "https" {
		return slices.Contains(securePorts, uint16(port))
	}
	return slices.Contains(plainPorts, uint16(port))
}

func (t Target) equal(o Target) bool {
	return t.URL == o.URL && t.Label == o.Label && slices.Equal(t.Types, o.Types)
}
