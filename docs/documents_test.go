// Package docs holds the documents, and the files that they bring along for operators, to the program.
package docs

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"waybill/cmd/config"

	"go.yaml.in/yaml/v3"
)

// filesBelow lists the files below a folder of the checkout, by their path from its top, but for what git ignores.
func filesBelow(t testing.TB, folder string, suffixes ...string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(repository+folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, repository))
		switch {
		case entry.IsDir() && (name == ".git" || name == "var" || name == "bin"):
			return fs.SkipDir
		case entry.IsDir():
		case len(suffixes) == 0 || slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) }):
			found = append(found, name)
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no files below %q: %v", folder, err)
	}
	return found
}

func documents(t testing.TB) []string {
	t.Helper()
	return append(filesBelow(t, "docs", ".md"), "README.md")
}

var (
	fence    = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	mdLink   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	unsluggy = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// deadLinks are the local links of a document that lead nowhere. read answers a page, and whether there is one.
func deadLinks(name, text string, read func(string) (string, bool)) (dead []string) {
	for _, link := range mdLink.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		target, anchor, _ := strings.Cut(link[1], "#")
		if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
			continue
		}
		page := text
		if target != "" {
			var there bool
			if page, there = read(filepath.ToSlash(filepath.Join(filepath.Dir(name), target))); !there {
				dead = append(dead, link[1])
				continue
			}
		}
		if anchor != "" && !slices.Contains(slugs(page), anchor) {
			dead = append(dead, link[1])
		}
	}
	return dead
}

// slugs are the anchors of a page's headings, as hosts of Markdown make them.
func slugs(page string) (all []string) {
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		slug := unsluggy.ReplaceAllString(strings.ToLower(strings.TrimSpace(h[1])), "")
		all = append(all, strings.ReplaceAll(slug, " ", "-"))
	}
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	read := func(name string) (string, bool) {
		info, err := os.Stat(repository + name)
		if err != nil || info.IsDir() {
			return "", err == nil
		}
		return readFile(t, name), true
	}
	links := 0
	for _, name := range documents(t) {
		text := readFile(t, name)
		links += len(mdLink.FindAllString(text, -1))
		for _, dead := range deadLinks(name, text, read) {
			t.Errorf("%s: %s leads nowhere", name, dead)
		}
	}
	if links < 20 {
		t.Errorf("only %d links found", links)
	}
	broken := "# A b\n[x](deploy.md) [x](nowhere.md) [x](#a-b) [x](#c)\n```\n[x](code.md)\n```\n"
	if dead := deadLinks("docs/x.md", broken, read); !slices.Equal(dead, []string{"nowhere.md", "#c"}) {
		t.Errorf("dead links: %q", dead)
	}
}

var (
	setting  = regexp.MustCompile(`\b(?:WAYBILL_[A-Z_]*[A-Z]|DATABASE_URL)\b`)
	constant = regexp.MustCompile(`"((?:WAYBILL_[A-Z_]*[A-Z])|DATABASE_URL)"`)
)

// TestVariablesOfTheDocumentsExist holds every variable that a document or a file for operators names to the program.
func TestVariablesOfTheDocumentsExist(t *testing.T) {
	t.Parallel()
	configured := map[string]bool{}
	if _, err := config.Load(func(name string) string { configured[name] = true; return "" }); err != nil {
		t.Fatal(err)
	}
	read := maps.Clone(configured) // by the configuration, by tests and by embedded
	for _, name := range filesBelow(t, "", ".go") {
		for _, match := range constant.FindAllStringSubmatch(readFile(t, name), -1) {
			read[match[1]] = true
		}
	}
	unknown := func(known map[string]bool, text string) (found []string) {
		for _, name := range setting.FindAllString(text, -1) {
			if !known[name] {
				found = append(found, name)
			}
		}
		return found
	}
	for _, name := range documents(t) {
		if found := unknown(read, readFile(t, name)); found != nil {
			t.Errorf("%s: nothing reads %v", name, found)
		}
	}
	for _, name := range append(filesBelow(t, "docs/deploy"), "docker-compose.yml", ".env.example", "Dockerfile") {
		text := strings.ReplaceAll(readFile(t, name), "WAYBILL_PORT", "") // Compose's own: the port outside
		text = strings.ReplaceAll(text, "WAYBILL_PASSWORD", "")           // users.sh's
		if found := unknown(configured, text); found != nil {
			t.Errorf("%s: the configuration knows no %v", name, found)
		}
	}
	if found := unknown(configured, "WAYBILL_ADDRS=x"); len(found) != 1 {
		t.Error("a misspelt variable is not noticed")
	}
}

// TestEveryFileSaysHowFarItWasRun holds the table at the end of deploy.md to the files.
func TestEveryFileSaysHowFarItWasRun(t *testing.T) {
	t.Parallel()
	_, table, ok := strings.Cut(readFile(t, "docs/deploy.md"), "\n## What was run\n")
	if !ok {
		t.Fatal("deploy.md does not say what was run")
	}
	for _, name := range filesBelow(t, "docs/deploy") {
		if !strings.Contains(table, "("+strings.TrimPrefix(name, "docs/")+")") {
			t.Errorf("%s is not in the table", name)
		}
	}
}

type alertFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For string
			Labels           map[string]string
			Annotations      map[string]string
		}
	}
}

var (
	exported = regexp.MustCompile(`(?s)(?:Name:|NewDesc\()\s*"(waybill_[a-z_]+)"`)
	inExpr   = regexp.MustCompile(`\bwaybill_[a-z_]+`)
	derived  = regexp.MustCompile(`_(bucket|count|sum)$`)
)

// alertMistakes are what is wrong with a file of alert rules, and the names of its alerts.
func alertMistakes(text string, metrics map[string]bool, runbook string) (found []string, alerts int) {
	var f alertFile
	if err := yaml.Unmarshal([]byte(text), &f); err != nil {
		return []string{err.Error()}, 0
	}
	for _, group := range f.Groups {
		for _, rule := range group.Rules {
			alerts++
			for _, metric := range inExpr.FindAllString(rule.Expr, -1) {
				if !metrics[metric] && !metrics[derived.ReplaceAllString(metric, "")] {
					found = append(found, rule.Alert+": no metric "+metric)
				}
			}
			if strings.Count(rule.Expr, "(") != strings.Count(rule.Expr, ")") || rule.Expr == "" {
				found = append(found, rule.Alert+": expression")
			}
			if severity := rule.Labels["severity"]; severity != "warning" && severity != "critical" {
				found = append(found, rule.Alert+": severity")
			}
			if rule.Annotations["summary"] == "" {
				found = append(found, rule.Alert+": summary")
			}
			if !strings.Contains(runbook, "| "+rule.Alert+" |") {
				found = append(found, rule.Alert+": not in the runbook")
			}
		}
	}
	return found, alerts
}

func TestAlertsUseMetricsThatExist(t *testing.T) {
	t.Parallel()
	metrics := map[string]bool{}
	for _, name := range filesBelow(t, "", ".go") {
		for _, match := range exported.FindAllStringSubmatch(readFile(t, name), -1) {
			metrics[match[1]] = true
		}
	}
	text, runbook := readFile(t, "docs/deploy/prometheus/waybill.rules.yaml"), readFile(t, "docs/deploy.md")
	found, alerts := alertMistakes(text, metrics, runbook)
	for _, mistake := range found {
		t.Error(mistake)
	}
	if rows := strings.Count(runbook, "\n| Waybill") - strings.Count(runbook, "\n| Waybill |"); alerts < 10 || rows < alerts {
		t.Errorf("%d alerts, %d rows of the runbook", alerts, rows)
	}
	// What wakes people up is explained where they read what it means.
	figures := readFile(t, "docs/operating.md") + readFile(t, "docs/webhooks.md")
	for _, metric := range inExpr.FindAllString(text, -1) {
		if metric = derived.ReplaceAllString(metric, ""); metrics[metric] && !strings.Contains(figures, "`"+metric) {
			t.Errorf("no document for operators explains %s", metric)
		}
	}
	for want, change := range map[string][2]string{
		"no metric":          {"waybill_replica_up", "waybill_replica_down"},
		"severity":           {"severity: critical", "severity: sometimes"},
		"summary":            {"annotations: {summary", "annotations: {text"},
		"not in the runbook": {"alert: WaybillSlow", "alert: WaybillSnail"},
		"expression":         {"rate(waybill_append_failures_total[5m])", "rate(waybill_append_failures_total[5m]"},
	} {
		broken, _ := alertMistakes(strings.Replace(text, change[0], change[1], 1), metrics, runbook)
		if !strings.Contains(strings.Join(broken, "\n"), want) {
			t.Errorf("%s: not noticed", want)
		}
	}
	for _, name := range filesBelow(t, "docs/deploy", ".sql") {
		for _, role := range regexp.MustCompile(`ROLE (waybill_[a-z]+)`).FindAllStringSubmatch(readFile(t, name), -1) {
			metrics[role[1]] = true // roles of the database have such names, too
		}
	}
	// What the documents tell people to look at.
	for _, name := range documents(t) {
		for _, metric := range regexp.MustCompile("`(waybill_[a-z_]+)`").FindAllStringSubmatch(readFile(t, name), -1) {
			if !metrics[metric[1]] && !metrics[derived.ReplaceAllString(metric[1], "")] {
				t.Errorf("%s: no metric %s", name, metric[1])
			}
		}
	}
}
