// Command calendar makes the table of domain/workdays from the package that has the rest days and make-up days of mainland China.
// `make generate` fetches that and runs it: the same package makes the same bytes.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"waybill/cmd/npm"
)

// edition names the table. What differs from a table that was released gets another name, such as 2026b: stored due times name it.
const edition = "2026"

// source has all years in one file (MIT).
var source = npm.Package{
	Archive: "chinese-days-1.5.7.tgz",
	SHA256:  "87fac6624b9f58084c0c05dac7cac86711beef2c05a86284bff880e4fe92f6c0",
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: calendar FOLDER-OF-PACKAGE FOLDER-OF-TABLE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "calendar:", err)
		os.Exit(1)
	}
}

// run reads the package in one folder and amendments.tsv in the other, where it writes calendar.tsv and the package's licence.
func run(packages, folder string) error {
	raw, err := source.Read(packages, "package/dist/chinese-days.json")
	if err != nil {
		return err
	}
	licence, err := source.Read(packages, "package/LICENSE")
	if err != nil {
		return err
	}
	amendments, err := os.ReadFile(filepath.Join(folder, "amendments.tsv")) //nolint:gosec // the developer says where it is
	if err != nil {
		return err
	}
	days, err := read(raw)
	if err != nil {
		return err
	}
	if err := amend(days, amendments); err != nil {
		return fmt.Errorf("amendments.tsv: %w", err)
	}
	table, err := write(days)
	if err != nil {
		return err
	}
	fmt.Printf("calendar %s: %d days, %d bytes\n", edition, len(days), len(table))
	for name, content := range map[string][]byte{"calendar.tsv": table, "LICENSE.chinese-days": licence} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil { //nolint:gosec // it is a source file
			return err
		}
	}
	return nil
}
