// Package officetest opens CSV and Excel files in LibreOffice, a program that is not ours, and tells what it sees in each cell.
package officetest

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Variable names LibreOffice's program; `make test-office` sets it.
const Variable = "WAYBILL_TEST_OFFICE"

// Cell is what is in a cell.
type Cell struct {
	// Type is string, float, date, boolean, or empty for an empty cell.
	Type string
	// Text is the text of a string, and the value of anything else: a date as 2026-11-26 or 2026-11-26T10:00:00.123.
	Text string
	// Formula is not empty in a cell that computes something.
	Formula string
}

// Require skips the test where there is no LibreOffice.
func Require(t testing.TB) {
	t.Helper()
	if os.Getenv(Variable) == "" {
		t.Skip(Variable + " names no program; make test-office finds LibreOffice, or installs it")
	}
}

// OpenExcel opens a workbook of one sheet.
func OpenExcel(t testing.TB, content []byte) [][]Cell {
	t.Helper()
	return open(t, "table.xlsx", content, "")
}

// OpenCSV opens a file as a person does who says that its columns are texts.
func OpenCSV(t testing.TB, content []byte, columns int) [][]Cell {
	t.Helper()
	texts := make([]string, columns)
	for i := range texts {
		texts[i] = strconv.Itoa(i+1) + "/2"
	}
	return open(t, "table.csv", content, "CSV:44,34,76,1,"+strings.Join(texts, "/")+",0,false,false")
}

// OpenCSVPlainly opens a file as a double click does: what looks like a number or a date is taken for one.
func OpenCSVPlainly(t testing.TB, content []byte) [][]Cell {
	t.Helper()
	return open(t, "table.csv", content, "CSV:44,34,76,1,,1033,false,true")
}

// patience bounds a conversion, which takes about a second; the first makes a profile.
const patience = 2 * time.Minute

// open has LibreOffice convert a file to its own format, as one XML file, and reads that.
func open(t testing.TB, name string, content []byte, filter string) [][]Cell {
	t.Helper()
	folder := t.TempDir()
	file := filepath.Join(folder, name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args := []string{"-env:UserInstallation=file://" + profile(t), "--headless", "--norestore", "--convert-to", "fods", "--outdir", folder}
	if filter != "" {
		args = append(args, "--infilter="+filter)
	}
	office := exec.CommandContext(ctx, os.Getenv(Variable), append(args, file)...)
	said, err := office.CombinedOutput()
	if err != nil {
		t.Fatalf("LibreOffice: %v\n%s", err, said)
	}
	converted, err := os.Open(strings.TrimSuffix(file, filepath.Ext(name)) + ".fods")
	if err != nil {
		t.Fatalf("LibreOffice converted nothing: %v\n%s", err, said)
	}
	defer converted.Close()
	rows, err := read(converted)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// profile is a folder for LibreOffice's settings, of the test's own: nothing of whoever runs it is touched.
func profile(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "profile")
}

// read reads the first sheet, without the empty cells and rows at its ends.
func read(r io.Reader) (rows [][]Cell, err error) {
	d := xml.NewDecoder(r)
	var row []Cell
	var cell *Cell
	var repeated, paragraphs int
	inText := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the sheet does not end")
		}
		if err != nil {
			return nil, fmt.Errorf("what LibreOffice wrote: %w", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "table-row":
				row = nil
			case "table-cell", "covered-table-cell":
				cell, paragraphs = newCell(e), 0
				repeated = number(attribute(e, "number-columns-repeated"))
			case "p":
				if inText = cell != nil; inText && paragraphs > 0 {
					cell.add("\n")
				}
				paragraphs++
			case "s":
				if inText {
					cell.add(strings.Repeat(" ", number(attribute(e, "c"))))
				}
			case "tab":
				if inText {
					cell.add("\t")
				}
			case "line-break":
				if inText {
					cell.add("\n")
				}
			case "annotation":
				if err := d.Skip(); err != nil {
					return nil, err
				}
			}
		case xml.CharData:
			if inText {
				cell.add(string(e))
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "p":
				inText = false
			case "table-cell", "covered-table-cell":
				if cell.Type != "" || repeated < 1000 { // LibreOffice fills the sheet up with empty cells
					for range repeated {
						row = append(row, *cell)
					}
				}
				cell = nil
			case "table-row":
				rows = append(rows, trimmed(row))
			case "table":
				for len(rows) > 0 && len(rows[len(rows)-1]) == 0 {
					rows = rows[:len(rows)-1]
				}
				return rows, nil
			}
		}
	}
}

func newCell(e xml.StartElement) *Cell {
	c := &Cell{Type: attribute(e, "value-type"), Formula: attribute(e, "formula")}
	for _, name := range []string{"value", "date-value", "boolean-value", "time-value"} {
		if v := attribute(e, name); v != "" {
			c.Text = v
		}
	}
	return c
}

// add adds to the text of a string; what other cells show is not what is in them.
func (c *Cell) add(text string) {
	if c.Type == "string" {
		c.Text += text
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && strings.Contains(a.Name.Space, "opendocument") {
			return a.Value
		}
	}
	return ""
}

// number is how often something is there; once when nothing is said.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 1
	}
	return n
}

// trimmed is a row without the empty cells at its end.
func trimmed(row []Cell) []Cell {
	for len(row) > 0 && row[len(row)-1].Type == "" {
		row = row[:len(row)-1]
	}
	return row
}
