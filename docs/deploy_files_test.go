package docs

import (
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"waybill/adapters/postgres/pgtest"
)

// lines are a file's lines that say something: no comments, nothing empty.
func lines(text string) (said []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
			said = append(said, line)
		}
	}
	return said
}

var placeholder = regexp.MustCompile(`<[a-z-]+>`)

// TestNodeEnvironment has the program read the environment file of a node.
func TestNodeEnvironment(t *testing.T) {
	t.Parallel()
	text := readFile(t, "docs/deploy/waybill/waybill.env")
	env := map[string]string{}
	for _, line := range lines(text) {
		key, value, ok := strings.Cut(line, "=")
		if !ok || env[key] != "" || strings.ContainsAny(value, " \"'\\$") {
			t.Errorf("not a line of an environment file, or twice: %s", line)
		}
		for _, password := range inURL.FindAllStringSubmatch(value, -1) {
			if !placeholder.MatchString(password[1]) {
				t.Errorf("%s has a password in it", key)
			}
		}
		env[key] = value
	}
	// The files that it names are on the nodes; here any authority does.
	authority := certificates(t) + "/ca.crt"
	for key, value := range env {
		value = strings.NewReplacer("/etc/waybill/ca.crt", authority, "/etc/waybill/esdb-ca.crt", authority).Replace(value)
		env[key] = placeholder.ReplaceAllString(value, "secret")
	}
	if mistakes := environmentMistakes(env); len(mistakes) > 0 {
		t.Error(mistakes)
	}
	env["WAYBILL_EVENTSTORE"] = strings.Replace(env["WAYBILL_EVENTSTORE"], "defaultDeadline=10000", "defaultDeadline=10s", 1)
	env["WAYBILL_READ_DATABASE_URL"] = strings.Replace(env["WAYBILL_READ_DATABASE_URL"], "postgres2.waybill.internal", "a,b", 1)
	env["WAYBILL_NODES"] = "3"
	if mistakes := strings.Join(environmentMistakes(env), "\n"); !strings.Contains(mistakes, "WAYBILL_NODES") ||
		!strings.Contains(mistakes, "defaultDeadline") || !strings.Contains(mistakes, "a single host") {
		t.Errorf("mistakes are not noticed: %s", mistakes)
	}
}

// TestUnit reads the systemd unit, and holds its patience to the program's.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit, section := map[string]string{}, ""
	for _, line := range lines(readFile(t, "docs/deploy/waybill/waybill.service")) {
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || section == "" {
			t.Errorf("neither a section nor a setting: %s", line)
		}
		unit[section+"."+key] = value
	}
	for key, want := range map[string]string{
		"Service.ExecStart": "/usr/local/bin/waybill serve", "Service.EnvironmentFile": "/etc/waybill/waybill.env",
		"Service.DynamicUser": "yes", "Service.NoNewPrivileges": "yes", "Install.WantedBy": "multi-user.target",
	} {
		if unit[key] != want {
			t.Errorf("%s=%s, want %s", key, unit[key], want)
		}
	}
	_, after, _ := strings.Cut(readFile(t, "docs/deploy/waybill/waybill.env"), "WAYBILL_STOP_TIMEOUT=")
	own, err := time.ParseDuration(strings.TrimSpace(strings.SplitN(after, "\n", 2)[0]))
	stop, err2 := strconv.Atoi(unit["Service.TimeoutStopSec"])
	if err != nil || err2 != nil || time.Duration(stop)*time.Second <= own {
		t.Errorf("systemd kills after %d s, Waybill takes %v", stop, own)
	}
}

var pgLine = regexp.MustCompile(`^([a-z_.]+) = ('[^']*'|[A-Za-z0-9]+)(\s+#.*)?$`)

// pgSettings are the settings of one of PostgreSQL's configuration files.
func pgSettings(t *testing.T, name string) map[string]string {
	t.Helper()
	settings := map[string]string{}
	for _, line := range lines(readFile(t, name)) {
		m := pgLine.FindStringSubmatch(line)
		if m == nil || settings[m[1]] != "" {
			t.Errorf("%s: not a setting, or twice: %s", name, line)
			continue
		}
		settings[m[1]] = strings.Trim(m[2], "'")
	}
	return settings
}

// TestPostgresSettings holds every name to a real server, and the replica to what a standby needs of its primary.
func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "", nil)
	// Some names are shown to superusers only.
	pgtest.AsAdmin(t, pool, `CREATE TABLE settings AS SELECT lower(name) AS name FROM pg_settings WHERE context <> 'internal';
		GRANT SELECT ON settings TO PUBLIC`)
	rows, err := pool.Query(t.Context(), `SELECT name FROM settings`)
	if err != nil {
		t.Fatal(err)
	}
	known, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	primary, replica := pgSettings(t, "docs/deploy/postgres/primary.conf"), pgSettings(t, "docs/deploy/postgres/replica.conf")
	unknown := func(settings map[string]string) (found []string) {
		for name := range settings {
			if !slices.Contains(known, name) {
				found = append(found, name)
			}
		}
		return found
	}
	if found := append(unknown(primary), unknown(replica)...); found != nil {
		t.Errorf("PostgreSQL knows no %v", found)
	}
	if unknown(map[string]string{"wal_levels": "replica"}) == nil {
		t.Error("a misspelt setting is not noticed")
	}
	for _, name := range []string{"max_connections", "max_wal_senders"} {
		of, err := strconv.Atoi(primary[name])
		standby, err2 := strconv.Atoi(replica[name])
		if err != nil || err2 != nil || standby < of {
			t.Errorf("%s: %d on the standby, %d on the primary", name, standby, of)
		}
	}
	for name, want := range map[string]string{"ssl": "on", "archive_mode": "on", "wal_level": "replica", "password_encryption": "scram-sha-256"} {
		if primary[name] != want {
			t.Errorf("primary: %s=%s", name, primary[name])
		}
	}
	for name, want := range map[string]string{"ssl": "on", "hot_standby": "on", "hot_standby_feedback": "on"} {
		if replica[name] != want {
			t.Errorf("replica: %s=%s", name, replica[name])
		}
	}
	if !strings.Contains(replica["primary_conninfo"], "sslmode=verify-full") || strings.Contains(replica["primary_conninfo"], "password=") {
		t.Errorf("primary_conninfo: %s", replica["primary_conninfo"])
	}
	if slot := replica["primary_slot_name"]; slot == "" || !strings.Contains(readFile(t, "docs/deploy/postgres/roles.sql"), "'"+slot+"'") {
		t.Errorf("roles.sql makes no slot %q", slot)
	}
}

func TestPostgresAccess(t *testing.T) {
	t.Parallel()
	mistakes := func(text string) (found []string) {
		for _, line := range lines(text) {
			field := strings.Fields(line)
			switch {
			case field[0] == "local" && len(field) == 4 && field[3] == "peer":
			case field[0] == "hostssl" && len(field) == 5 && field[4] == "scram-sha-256" && field[1] != "all" && field[2] != "all":
				if prefix, err := netip.ParsePrefix(field[3]); err != nil || !prefix.IsSingleIP() || !prefix.Addr().IsPrivate() {
					found = append(found, line)
				}
			default:
				found = append(found, line)
			}
		}
		return found
	}
	text := readFile(t, "docs/deploy/postgres/pg_hba.conf")
	if found := mistakes(text); found != nil {
		t.Errorf("too wide, or no rule: %q", found)
	}
	for _, bad := range []string{"host waybill waybill 10.20.0.31/32 scram-sha-256", "hostssl all all 0.0.0.0/0 md5", "hostssl waybill waybill 10.20.0.0/16 scram-sha-256"} {
		if mistakes(bad) == nil {
			t.Errorf("not noticed: %s", bad)
		}
	}
}

// eventStoreOptions are the options of EventStoreDB 24.10 that we use, under the names that later versions know too.
var eventStoreOptions = []string{
	"Db", "Index", "Log", "ClusterSize", "DiscoverViaDns", "GossipSeed", "NodeIp", "NodePort", "NodeHostAdvertiseAs", "ReplicationIp",
	"ReplicationPort", "ReplicationHostAdvertiseAs", "CertificateFile", "CertificatePrivateKeyFile", "TrustedRootCertificatesPath",
	"RunProjections", "EnableAtomPubOverHttp", "PrepareTimeoutMs", "CommitTimeoutMs",
}

func TestEventStoreNode(t *testing.T) {
	t.Parallel()
	decoder := yaml.NewDecoder(strings.NewReader(readFile(t, "docs/deploy/eventstoredb/eventstore.conf")))
	var node map[string]any
	if err := decoder.Decode(&node); err != nil {
		t.Fatal(err)
	}
	for option := range node {
		if !slices.Contains(eventStoreOptions, option) { // Insecure, and names that were given up, are not among them
			t.Errorf("option %s", option)
		}
	}
	self, _ := node["NodeHostAdvertiseAs"].(string)
	seeds, _ := node["GossipSeed"].(string)
	if node["ClusterSize"] != 3 || len(strings.Split(seeds, ",")) != 2 || self == "" || strings.Contains(seeds, self) {
		t.Errorf("%v nodes, %s gossips with %s", node["ClusterSize"], self, seeds)
	}
	for _, option := range []string{"CertificateFile", "CertificatePrivateKeyFile", "TrustedRootCertificatesPath"} {
		if path, _ := node[option].(string); !strings.HasPrefix(path, "/etc/eventstore/certs") {
			t.Errorf("%s: %v", option, node[option])
		}
	}
	env := readFile(t, "docs/deploy/waybill/waybill.env")
	for _, host := range append(strings.Split(seeds, ","), self+":2113") {
		if !strings.Contains(env, host) {
			t.Errorf("waybill.env does not name %s", host)
		}
	}
}

// haproxyMistakes reads the balancer's configuration as far as it can be without HAProxy.
func haproxyMistakes(text, specification string) (found []string) {
	sections, servers, section := map[string]bool{}, map[string][]string{}, ""
	patient, leads := map[string]time.Duration{}, map[string]string{} // how long a section waits for a node; where a path leads
	var used []string
	for _, line := range lines(text) {
		word := strings.Fields(line)
		switch word[0] {
		case "global", "defaults", "frontend", "backend":
			section = strings.Join(word, " ")
			sections[section] = true
		case "server":
			servers[section] = append(servers[section], strings.Join(word[1:3], " "))
			if word[len(word)-1] != "check" {
				found = append(found, line+": not checked")
			}
		case "use_backend", "default_backend":
			used = append(used, "backend "+word[1])
			if at := slices.Index(word, "path"); at > 0 {
				leads[word[at+1]] = "backend " + word[1]
			}
		case "option":
			if word[1] == "httpchk" && !strings.Contains(specification, "\n  "+word[3]+":") {
				found = append(found, line+": no such route")
			}
		case "timeout":
			wait, err := time.ParseDuration(word[2])
			if err != nil || word[1] == "server" && wait <= 30*time.Second {
				found = append(found, line+": shorter than Waybill's own")
			}
			if word[1] == "server" {
				patient[section] = wait
			}
		}
	}
	for _, name := range used {
		if !sections[name] || len(servers[name]) == 0 || !slices.Equal(servers[name], servers[used[0]]) {
			found = append(found, name+": not there, or with other servers")
		}
	}
	// What has a time of its own may be silent for long before its first byte.
	for _, operation := range strings.Split(specification, "\n  /")[1:] {
		path, _, _ := strings.Cut(operation, ":")
		if strings.Contains(operation, "\n      x-timeout:") && patient[leads["/"+path]] < 10*time.Minute {
			found = append(found, "/"+path+": not waited for")
		}
	}
	if len(used) < 2 {
		found = append(found, "no backends")
	}
	return found
}

func TestBalancer(t *testing.T) {
	t.Parallel()
	text, specification := readFile(t, "docs/deploy/haproxy/haproxy.cfg"), readFile(t, "http/api/openapi.yaml")
	for _, mistake := range haproxyMistakes(text, specification) {
		t.Error(mistake)
	}
	if strings.Contains(text, "del-header") || strings.Contains(text, "cache") && strings.Contains(text, "cache-use") {
		t.Error("it takes headers away, or caches")
	}
	for want, change := range map[string][2]string{
		"no such route": {"/readyz\n    http-check", "/ready\n    http-check"},
		"other servers": {"10.20.0.33:8080", "10.20.0.34:8080"},
		"not there":     {"default_backend living", "default_backend dead"},
		"not checked":   {":8080 check", ":8080"},
		"shorter":       {"timeout server 40s", "timeout server 4s"},
		"not waited":    {"timeout server 30m", "timeout server 60s"},
	} {
		broken := strings.Replace(text, change[0], change[1], 1)
		if found := strings.Join(haproxyMistakes(broken, specification), "\n"); broken == text || !strings.Contains(found, want) {
			t.Errorf("%s: not noticed; found %q", want, found)
		}
	}
}

// TestScriptsAreExecutable belongs to TestScriptsParse, which runs a shell.
func TestScriptsAreExecutable(t *testing.T) {
	t.Parallel()
	for _, name := range filesBelow(t, "docs/deploy", ".sh") {
		info, err := os.Stat(repository + name)
		if err != nil || info.Mode().Perm()&0o111 == 0 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}
