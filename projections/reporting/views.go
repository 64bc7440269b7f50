package reporting

import (
	"fmt"
	"strings"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// view is one of the promise. What it shows of a table is named column by column, so that nothing comes to be shown by itself.
type view struct {
	name    string
	about   domain.Text
	columns []column
	from    string
	// some says that it does not show all rows of its table: no function of the reader's sees the others before they are left out.
	some bool
}

type column struct {
	name  string
	value string // in SQL
	about domain.Text
}

func col(name, value, zh, en string) column { return column{name, value, domain.Text{ZH: zh, EN: en}} }

// viewsDDL makes the views in their order, with a comment in both languages on each and on each column.
func viewsDDL() string {
	var b strings.Builder
	for _, v := range views() {
		fmt.Fprintf(&b, "CREATE VIEW %s WITH (security_barrier = %t) AS SELECT\n", v.name, v.some)
		for i, c := range v.columns {
			separator := ","
			if i == len(v.columns)-1 {
				separator = ""
			}
			fmt.Fprintf(&b, "\t%s AS %s%s\n", c.value, c.name, separator)
		}
		fmt.Fprintf(&b, "FROM %s;\nCOMMENT ON VIEW %s IS %s;\n", v.from, v.name, comment(v.about))
		for _, c := range v.columns {
			fmt.Fprintf(&b, "COMMENT ON COLUMN %s.%s IS %s;\n", v.name, c.name, comment(c.about))
		}
	}
	return b.String()
}

func of(name, zh, en string, columns []column, from string) view {
	return view{name: name, about: domain.Text{ZH: zh, EN: en}, columns: columns, from: from}
}

// partly is the view when it does not show all rows of its table.
func (v view) partly() view {
	v.some = true
	return v
}

func comment(t domain.Text) string { return literal(t.ZH + " / " + t.EN) }

// literal is a text in SQL. Those here are ours.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// minutes are whole ones, rounded up, from one instant to another.
func minutes(from, to string) string {
	return notNegative(from, to, "extract(epoch FROM "+to+" - "+from+")")
}

// workingMinutes are those of minutes that lie in working days. The rows of calendar_days are those of the two instants.
func workingMinutes(from, fromDay, to, toDay string) string {
	in := func(instant, day string) string {
		return fmt.Sprintf("CASE WHEN %[2]s.working THEN extract(epoch FROM %[1]s - %[2]s.starts_at) ELSE 0 END", instant, day)
	}
	return notNegative(from, to, fmt.Sprintf("(%s.working_before - %s.working_before) * 86400 + %s - %s",
		toDay, fromDay, in(to, toDay), in(from, fromDay)))
}

// notNegative is a number of seconds as minutes, rounded up: none where to is before from, since the clocks of two nodes may differ, and
// null where one of them is.
func notNegative(from, to, seconds string) string {
	return "CASE WHEN " + to + " < " + from + " THEN 0 ELSE ceil((" + seconds + ") / 60)::bigint END"
}

// joinDay joins the row of a day.
func joinDay(alias, day string) string {
	return "\n\tLEFT JOIN calendar_days " + alias + " ON " + alias + ".day = " + day
}

// byKind is one of two values, by the kind of a case.
func byKind(c, ofProduct, ofApplication string) string {
	return "CASE " + c + ".kind WHEN " + literal(product.Category) + " THEN " + ofProduct + " ELSE " + ofApplication + " END"
}

// values are rows of a view that has no table: a code, with its text in both languages.
func values(name string, rows ...[3]string) string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = fmt.Sprintf("(%s, %s, %s)", literal(r[0]), literal(r[1]), literal(r[2]))
	}
	return "(VALUES " + strings.Join(lines, ", ") + ") " + name + " (code, zh, en)"
}

func reasonRows() (rows [][3]string) {
	for _, r := range rules.Reasons {
		rows = append(rows, [3]string{r.Code, r.Text.ZH, r.Text.EN})
	}
	closed := rules.TextOfReason(domain.ReasonProviderClosed)
	return append(rows, [3]string{domain.ReasonProviderClosed, closed.ZH, closed.EN})
}

func modeRows() [][3]string {
	return [][3]string{
		{string(product.Sea), "海运", "sea"},
		{string(product.Air), "空运", "air"},
		{string(product.Land), "陆运", "land"},
		{string(product.Rail), "铁路", "rail"},
	}
}

func typeRows() (rows [][3]string) {
	for _, o := range rules.ProviderTypes() {
		rows = append(rows, [3]string{o.Value, o.Label.ZH, o.Label.EN})
	}
	return rows
}

// views are the promise: dimensions first, then facts.
func views() []view {
	return append(dimensions(), facts()...)
}

func dimensions() []view {
	const d = "calendar_days d, progress p"
	return []view{
		of("about", "本模式各视图截至何时（一行）", "what the views are of (one row)", []column{
			col("version", literal(schema)+"::text", "视图所依据的表的版本", "version of the tables behind the views"),
			col("position", "c.position", "已处理到的日志位置", "position in the log up to which everything is in the views"),
			col("moved_at", "c.moved_at", "处理到该位置的时间", "when the views came to that position"),
			col("last_event_at", "p.at", "视图所含最后一个事件的时间；空库为空", "when the last event that the views show happened; null without any"),
			col("calendar", "coalesce(p.calendar, "+literal(string(workdays.Standard().Version()))+")", "工作日历的版本",
				"version of the calendar by which working time and due times are computed"),
		}, "projections.checkpoints c LEFT JOIN progress p ON p.one WHERE c.projection = "+literal(schema)).partly(),
		of("days", "日期维度：北京时间的每一天", "dimension: each day of Beijing time", []column{
			col("day", "d.day", "日期", "the day"),
			col("starts_at", "d.starts_at", "当天开始的时刻", "the instant at which it begins"),
			col("year", "extract(year FROM d.day)::integer", "年", "year"),
			col("quarter", "extract(quarter FROM d.day)::integer", "季度（1–4）", "quarter, 1 to 4"),
			col("month", "extract(month FROM d.day)::integer", "月（1–12）", "month, 1 to 12"),
			col("day_of_month", "extract(day FROM d.day)::integer", "日（1–31）", "day of the month, 1 to 31"),
			col("weekday", "extract(isodow FROM d.day)::integer", "星期（1 为星期一，7 为星期日）", "day of the week: 1 is Monday, 7 is Sunday"),
			col("iso_year", "extract(isoyear FROM d.day)::integer", "ISO 8601 周所属的年", "year of its ISO 8601 week"),
			col("iso_week", "extract(week FROM d.day)::integer", "ISO 8601 周（1–53）", "ISO 8601 week, 1 to 53"),
			col("working", "d.working", "是否为工作日", "whether it is a working day"),
			col("holiday_zh", "d.holiday_zh", "所属或调休所对应的节日（中文）；平日为空",
				"the holiday it is of or makes up for, in Chinese; empty on ordinary days"),
			col("holiday_en", "d.holiday_en", "所属或调休所对应的节日（英文）；平日为空",
				"the holiday it is of or makes up for, in English; empty on ordinary days"),
			col("calendar", "p.calendar", "工作日历的版本", "version of the calendar that says so"),
		}, d),
		of("providers", "服务商维度（不含任何个人信息）", "dimension: providers, without any personal data", []column{
			col("provider_id", "v.id", "服务商（即其账号）的编号", "id of the provider, which is its account's"),
			col("name", "CASE WHEN v.standing = "+literal(string(provider.StandingActive))+" AND v.live > 0 THEN v.live_name ELSE '' END",
				"公开展示的名称；未公开展示时为空", "the name under which the public sees it; empty while the public does not"),
			col("type", "v.provider_type", "服务商类型代码，见 provider_types", "code of its type, see provider_types"),
			col("standing", "v.standing", "状态：applicant、active、suspended、closed", "applicant, active, suspended or closed"),
			col("first_submitted_at", "v.first_submitted_at", "首次提交申请的时间", "when it applied first"),
			col("first_submitted_day", dayColumn("v.first_submitted_at"), "首次提交申请的日期", "the day of that"),
			col("first_decided_at", "v.first_decided_at", "申请首次有结论的时间", "when an application of it was decided first"),
			col("first_outcome", "v.first_outcome", "首次结论：approved、rejected、ended；尚无结论为空",
				"what came of that: approved, rejected or ended; empty before"),
			col("first_approved_at", "v.first_approved_at", "首次通过审核的时间", "when it was approved first"),
		}, "cases v WHERE v.kind = "+literal(provider.Category)).partly(),
		of("products", "产品维度（不含内容；删除后仍保留）", "dimension: products, without content; they stay when deleted", []column{
			col("product_id", "p.id", "产品编号", "id of the product"),
			col("provider_id", "p.provider_id", "服务商编号，见 providers", "its provider, see providers"),
			col("first_submitted_at", "p.first_submitted_at", "首次提交的时间", "when it was submitted first"),
			col("first_submitted_day", dayColumn("p.first_submitted_at"), "首次提交的日期", "the day of that"),
			col("first_decided_at", "p.first_decided_at", "首次有结论的时间", "when it was decided first"),
			col("first_outcome", "p.first_outcome", "首次结论：approved、rejected、ended；尚无结论为空",
				"what came of that: approved, rejected or ended; empty before"),
			col("first_approved_at", "p.first_approved_at", "首次通过审核的时间", "when it was approved first"),
			col("first_listed_at", "p.first_listed_at", "首次上架的时间", "when it was listed first"),
			col("public", "p.shown > 0", "目前是否公开展示", "whether the public sees it now"),
			col("pinned", "p.pinned", "目前是否置顶", "whether it is pinned now"),
			col("deleted_at", "p.deleted_at", "删除的时间；未删除为空", "when it was deleted; null while it is not"),
		}, "cases p WHERE p.kind = "+literal(product.Category)).partly(),
		of("reviewers", "审核人员维度（仅账号编号）", "dimension: reviewers, by the ids of their accounts alone", []column{
			col("reviewer_id", "s.id", "审核人员的账号编号", "id of the reviewer's account"),
			col("first_decision_at", "s.first_at", "首次作出决定的时间（含首次通过与撤销）",
				"when they decided first, first approvals and revocations included"),
			col("last_decision_at", "s.last_at", "最近作出决定的时间", "when they decided last"),
		}, "staff s"),
		of("reasons", "原因维度：拒绝与撤销的原因代码", "dimension: codes of reasons for rejections and revocations",
			coded("原因代码", "code of the reason"), values("r", reasonRows()...)),
		of("modes", "运输方式维度", "dimension: transport modes", coded("运输方式代码", "code of the mode"), values("r", modeRows()...)),
		of("provider_types", "服务商类型维度", "dimension: types of providers", coded("类型代码", "code of the type"), values("r", typeRows()...)),
		of("close_reasons", "预约关闭原因维度", "dimension: why bookings were closed", coded("原因代码", "code of the reason"), values("r",
			[3]string{string(booking.Withdrawn), "企业撤回", "withdrawn by the enterprise"},
			[3]string{string(booking.ProductDeleted), "产品已删除", "the product was deleted"},
			[3]string{string(booking.ProviderClosed), "服务商已关闭", "the provider was closed"},
			[3]string{string(booking.EnterpriseClosed), "企业账号已关闭", "the enterprise's account was closed"})),
		of("places", "目的地维度：审核通过的产品的目的地", "dimension: destinations of products that were approved", []column{
			col("place_id", "l.id", "目的地编号", "id of the destination"),
			col("country", "l.country", "国家或地区，按填写的名称（中文或英文）", "country, under the name that was given, Chinese or English"),
			col("city", "l.city", "城市、港口或铁路枢纽，按填写的名称；地名库中没有的为空",
				"city, port or rail hub, under the name that was given; empty where the gazetteer has none"),
			col("gazetteer_id", "nullif(l.gazetteer, 0)", "地名库条目编号；没有则为空", "the gazetteer's entry; null for none"),
		}, "destinations l"),
	}
}

func coded(zh, en string) []column {
	return []column{
		col("code", "r.code", zh, en),
		col("name_zh", "r.zh", "中文名称", "its name in Chinese"),
		col("name_en", "r.en", "英文名称", "its name in English"),
	}
}

// dayColumn is the day of Beijing in which an instant lies, as workdays.DayOf has it.
func dayColumn(instant string) string {
	return "(" + instant + " AT TIME ZONE interval '8 hours')::date"
}
