package docs

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"waybill/cmd/config"

	"go.yaml.in/yaml/v3"
)

// repository is the way to the top of the checkout from this folder.
const repository = "../"

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(repository + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type composeFile struct {
	Services map[string]composeService
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
}

type composeService struct {
	Image       string
	Build       string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Networks    []string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
	MemLimit    string   `yaml:"mem_limit"`
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	Restart     string
	Grace       string `yaml:"stop_grace_period"`
	Privileged  bool
	NetworkMode string `yaml:"network_mode"`
}

var (
	pinnedImage   = regexp.MustCompile(`^[a-z0-9/.-]+:(v?[0-9]+(\.[0-9]+)*([.-][a-z0-9]+)*|local)$`)
	requiredValue = regexp.MustCompile(`^\$\{[A-Z_]+:\?[^}]+\}$`)
	// inURL finds the password of a URL.
	inURL = regexp.MustCompile(`://[^:/@\s]+:((?:\$\{[^}]*\}|<[^>]*>|[^@\s])*)@`)
)

// composeMistakes are the rules that a service must keep, and which it does not.
func composeMistakes(text string) []string {
	var (
		f     composeFile
		found []string
	)
	if err := yaml.Unmarshal([]byte(text), &f); err != nil {
		return []string{err.Error()}
	}
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(f.Services)) {
		s := f.Services[name]
		rule := func(kept bool, what string, args ...any) {
			if !kept {
				found = append(found, name+": "+fmt.Sprintf(what, args...))
			}
		}
		rule(pinnedImage.MatchString(s.Image), "image %q is not pinned", s.Image)
		rule(len(s.Healthcheck.Test) > 1, "no health check")
		rule(s.ReadOnly, "writes to its own image")
		rule(slices.Equal(s.CapDrop, []string{"ALL"}), "keeps capabilities")
		rule(slices.Contains(s.SecurityOpt, "no-new-privileges:true"), "may gain privileges")
		rule(!s.Privileged && s.NetworkMode == "", "runs outside of its container")
		rule(s.MemLimit != "" && s.Restart == "unless-stopped" && s.Grace != "", "no memory limit, restart or stop grace period")
		for _, port := range s.Ports {
			rule(strings.HasPrefix(port, "127.0.0.1:"), "port %s is published beyond this machine", port)
		}
		for _, volume := range s.Volumes {
			volume, _, _ = strings.Cut(volume, ":")
			if file, ok := strings.CutPrefix(volume, "./"); ok {
				_, err := os.Stat(repository + file)
				rule(err == nil, "file %s is not there", file)
				continue
			}
			_, declared := f.Volumes[volume]
			rule(declared, "volume %q is not declared", volume)
			used[volume] = true
		}
		for key, value := range s.Environment {
			if strings.Contains(key, "PASSWORD") {
				rule(requiredValue.MatchString(value), "%s is not a required variable", key)
			}
			for _, password := range inURL.FindAllStringSubmatch(value, -1) {
				rule(requiredValue.MatchString(password[1]), "%s has a password in it", key)
			}
			if key == "EVENTSTORE_INSECURE" {
				rule(len(s.Ports) == 0, "an insecure server is published")
				for _, network := range s.Networks {
					rule(f.Networks[network].Internal, "an insecure server is in network %s, which is not internal", network)
				}
				rule(len(s.Networks) > 0, "an insecure server is in the default network")
			}
		}
		for on, how := range s.DependsOn {
			_, there := f.Services[on]
			rule(there && how.Condition == "service_healthy", "does not wait until %s is healthy", on)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Volumes)) {
		if !used[name] {
			found = append(found, "volume "+name+" is not used")
		}
	}
	for _, name := range []string{"eventstoredb", "postgres"} {
		if _, waits := f.Services["waybill"].DependsOn[name]; !waits || len(f.Services[name].Volumes) == 0 {
			found = append(found, name+": no volume, or waybill does not wait for it")
		}
	}
	return found
}

func TestComposeKeepsTheRules(t *testing.T) {
	t.Parallel()
	text := readFile(t, "docker-compose.yml")
	for _, mistake := range composeMistakes(text) {
		t.Error(mistake)
	}
	for name, change := range map[string][2]string{
		"health check": {"test: [CMD, curl, ", "tests: [CMD, curl, "},
		"pinned":       {"eventstore/eventstore:24.10", "eventstore/eventstore:latest"},
		"published":    {"- 127.0.0.1:${POSTGRES_PORT", "- ${POSTGRES_PORT"},
		"required":     {"POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?set it in .env (see .env.example)}", "POSTGRES_PASSWORD: sesame"},
		"password in":  {"waybill:${DATABASE_PASSWORD:?set it in .env (see .env.example)}@", "waybill:${DATABASE_PASSWORD:-sesame}@"},
		"internal":     {"internal: true", "internal: false"},
		"insecure":     {"networks: [log]\n", "networks: [log]\n    ports: [127.0.0.1:2113:2113]\n"},
		"not declared": {"- postgres:/var", "- pgdata:/var"},
		"is not there": {"postgres/role.sh:", "postgres/roles.sh:"},
		"not used":     {"  eventstoredb-logs:\n", "  eventstoredb-logs:\n  other:\n"},
		"healthy":      {"condition: service_healthy", "condition: service_started"},
		"own image":    {"read_only: true", "read_only: false"},
		"capabilities": {"cap_drop: [ALL]", "cap_drop: [NET_RAW]"},
		"privileges":   {"security_opt: [no-new-privileges:true]", "security_opt: []"},
		"memory limit": {"mem_limit: 2g", "mem_limits: 2g"},
		"wait for it":  {"      eventstoredb:\n        condition: service_healthy\n", ""},
	} {
		broken := strings.Replace(text, change[0], change[1], 1)
		if found := strings.Join(composeMistakes(broken), "\n"); broken == text || !strings.Contains(found, name) {
			t.Errorf("%s: not noticed; found %q", name, found)
		}
	}
}

var variable = regexp.MustCompile(`\$\{([A-Z_]+)[^}]*\}`)

// TestComposeEnvironment reads what Compose gives to Waybill as Waybill does, and holds .env.example to what is asked for.
func TestComposeEnvironment(t *testing.T) {
	t.Parallel()
	text, example := readFile(t, "docker-compose.yml"), readFile(t, ".env.example")
	var f composeFile
	if err := yaml.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for key, value := range f.Services["waybill"].Environment {
		env[key] = variable.ReplaceAllString(value, "secret")
	}
	if mistakes := environmentMistakes(env); len(mistakes) > 0 {
		t.Error(mistakes)
	}
	named := map[string]bool{}
	for _, line := range strings.Split(strings.ReplaceAll(example, "\n#", "\n"), "\n") {
		if key, value, ok := strings.Cut(line, "="); ok && !strings.Contains(key, " ") {
			named[key] = true
			if strings.Contains(key, "PASSWORD") && value != "" {
				t.Errorf(".env.example gives %s a value", key)
			}
		}
	}
	for _, used := range variable.FindAllStringSubmatch(text, -1) {
		if !named[used[1]] {
			t.Errorf("%s is not in .env.example", used[1])
		}
	}
	for file, line := range map[string]string{".gitignore": "/.env", ".dockerignore": ".env"} {
		if !slices.Contains(strings.Split(readFile(t, file), "\n"), line) {
			t.Errorf("%s does not have %s", file, line)
		}
	}
}

// TestComposeOverride checks the file for a start without EventStoreDB: it changes what is there, and needs nothing of it.
func TestComposeOverride(t *testing.T) {
	t.Parallel()
	var base composeFile
	if err := yaml.Unmarshal([]byte(readFile(t, "docker-compose.yml")), &base); err != nil {
		t.Fatal(err)
	}
	var over struct{ Services map[string]yaml.Node }
	if err := yaml.Unmarshal([]byte(readFile(t, "docs/deploy/compose-postgres.yaml")), &over); err != nil {
		t.Fatal(err)
	}
	for name := range over.Services {
		if _, ok := base.Services[name]; !ok {
			t.Errorf("service %s is not in docker-compose.yml", name)
		}
	}
	var waybill composeService
	node := over.Services["waybill"]
	if err := node.Decode(&waybill); err != nil {
		t.Fatal(err)
	}
	eventStore := over.Services["eventstoredb"]
	if _, waits := waybill.DependsOn["eventstoredb"]; waits || eventStore.Tag != "!reset" || waybill.Environment["WAYBILL_EVENTSTORE"] != "postgres" {
		t.Errorf("it still needs EventStoreDB: %+v", waybill)
	}
}

// environmentMistakes are what loadConfig says of an environment, and the variables that it does not know.
func environmentMistakes(env map[string]string) (found []string) {
	known := map[string]bool{}
	_, err := config.Load(func(name string) string {
		known[name] = true
		return env[name]
	})
	if err != nil {
		found = append(found, err.Error())
	}
	for name := range env {
		if !known[name] {
			found = append(found, name+" is no variable of Waybill's")
		}
	}
	return found
}
