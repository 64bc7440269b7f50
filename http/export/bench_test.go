package export_test

import (
	"io"
	"testing"

	"waybill/domain"
	"waybill/http/export"
	"waybill/http/tabular"
	"waybill/projections/history"
	"waybill/projections/modeltest"
)

const benchRows = 100_000

// BenchmarkExport writes a hundred thousand entries in each format, beside a bare COPY of the same columns in the same order.
func BenchmarkExport(b *testing.B) {
	pool := modeltest.Tables(b)
	if _, err := pool.Exec(b.Context(), `INSERT INTO history_v5.classes VALUES (1, 'product', 'product-revised.v1', 'provider');
		INSERT INTO history_v5.entries SELECT i, 1, 'product', md5('s' || i / 9)::uuid, i % 9, 'product-revised.v1', md5('e' || i)::uuid, md5('a' || i % 99)::uuid,
		'provider', now(), md5('c' || i)::uuid, md5('r' || i), md5('v' || i % 99)::uuid, 1,
		'[{"field":"/content/name","before":"三亚至曼谷冷链海运专线","after":"三亚至海防海运拼箱"},{"field":"/review","before":"approved","after":"pending"}]', false, null
		FROM generate_series(1, 100000) i`); err != nil {
		b.Fatal(err)
	}
	if _, err := pool.Exec(b.Context(), `VACUUM ANALYZE history_v5.entries`); err != nil {
		b.Fatal(err)
	}
	rate := func(b *testing.B) { b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "events/s") }
	b.Run("copy", func(b *testing.B) {
		for b.Loop() {
			conn, err := pool.Acquire(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			_, err = conn.Conn().PgConn().CopyTo(b.Context(), io.Discard, `COPY (SELECT position, revision, kind, type, role, request_id, subject_id, event_id, actor_id,
				correlation_id, provider_id, at, content_revision, changes, reasons, blanked FROM history_v5.entries ORDER BY position) TO STDOUT`)
			conn.Release()
			if err != nil {
				b.Fatal(err)
			}
		}
		rate(b)
	})
	for _, f := range []tabular.Format{tabular.JSONLines, tabular.CSV} {
		for name, filter := range map[string]history.Filter{"": {}, ", of a role": {Role: domain.RoleProvider, Kind: "product"}} {
			b.Run(string(f)+name, func(b *testing.B) {
				for b.Loop() {
					whole, err := history.Open(b.Context(), pool, filter, nil)
					if err != nil {
						b.Fatal(err)
					}
					file, err := export.Write(b.Context(), io.Discard, f, whole, nil)
					whole.Close()
					if err != nil || file.Rows != benchRows {
						b.Fatalf("%d rows, %v", file.Rows, err)
					}
				}
				rate(b)
			})
		}
	}
}
