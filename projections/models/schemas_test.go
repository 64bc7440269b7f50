package models_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"waybill/projections/models"
)

// TestTablesOfASchemaStayTheSame: a database that has a schema keeps its tables, so other tables need another schema. What each
// schema has is in a file of its name, which is made once and never edited; an earlier version's file goes with its code.
func TestTablesOfASchemaStayTheSame(t *testing.T) {
	for _, m := range models.All {
		file, tables := "testdata/"+m.Schema+".sql", m.DDL+"\n"+m.Indexes+"\n"
		want, err := os.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := os.WriteFile(file, []byte(tables), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Errorf("%s is new: its tables are now in %s, to be committed", m.Schema, file)
		case err != nil:
			t.Error(err)
		case string(want) != tables:
			t.Errorf("the tables of %s have changed: give it the next version (docs/new-read-model.md), or take the change back", m.Schema)
		}
	}
}
