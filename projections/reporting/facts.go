package reporting

import (
	"fmt"
	"strings"
)

// Texts of columns that several facts have.
var (
	subjectColumns = func(c string) []column {
		return []column{
			col("kind", c+".kind", "种类：provider（服务商申请）或 product（产品）", "provider (an application) or product"),
			col("subject_id", c+".id", "服务商或产品的编号", "id of the provider or product"),
			col("provider_id", c+".provider_id", "服务商编号，见 providers", "the provider, see providers"),
		}
	}
	revisionColumn = func(value string) column {
		return col("content_revision", value, "内容版本（从 1 起）", "revision of the content, from 1")
	}
	modeColumn = func(r string) column {
		return col("mode", "nullif("+r+".mode, '')", "产品的运输方式，见 modes；申请为空",
			"transport mode of the product, see modes; null of an application")
	}
	placeColumn = func(r string) column {
		return col("place_id", r+".place", "产品的目的地，见 places；该内容未曾通过审核的为空",
			"destination of the product, see places; null unless that content was ever approved")
	}
)

func facts() []view {
	return []view{submissions(), decisions(), decisionReasons(), revocations(), revocationReasons(), listings(), bookings(), daily()}
}

// due is the moment at which a revision is due that waits since a day.
func due(c, day string) string { return byKind(c, day+".product_due_at", day+".application_due_at") }

func submissions() view {
	columns := append(subjectColumns("c"),
		revisionColumn("r.content_revision"),
		col("round", "r.round", "轮次：上次通过以来被拒绝的次数加一", "round: the rejections since the last approval when it was submitted, and one"),
		col("submitted_at", "r.submitted_at", "提交的时间", "when it was submitted"),
		col("submitted_day", "r.submitted_day", "提交的日期，见 days", "the day of that, see days"),
		col("waiting_from", "r.waiting_from", "开始等待决定的时间：提交，或其通过被撤销",
			"since when it awaits its decision: it was submitted, or its approval was revoked"),
		col("opened_at", "r.opened_at", "本事项开始的时间：上次通过后的首次提交，或撤销",
			"when the matter was opened: the first submission after the last approval, or a revocation"),
		col("due_at", due("c", "w"), "应在此刻之前作出决定（按现行工作日历）", "the moment by which the decision was promised, by the calendar as it is"),
		col("due_estimated", byKind("c", "w.product_due_estimated", "w.application_due_estimated"),
			"期限是否为估计（日历尚不含所涉年份）", "whether that is an estimate, because the calendar does not know the year"),
		col("outcome", "r.outcome", "结果：pending、approved、rejected、superseded（被新版本取代）、ended（随服务商关闭而结束）、deleted（随产品删除而结束）",
			"pending, approved, rejected, superseded (by a later revision), ended (with its provider) or deleted (with its product)"),
		col("ended_at", "r.ended_at", "得出该结果的时间；待审核为空", "when that came about; null while it is pending"),
		col("ended_day", "r.ended_day", "得出该结果的日期，见 days", "the day of that, see days"),
		col("breached", "r.outcome IN ('approved', 'rejected', 'ended') AND r.ended_at >= "+due("c", "w"),
			"是否逾期作出决定", "whether it was decided at or after the moment at which it was due"),
		col("waiting_minutes", minutes("r.waiting_from", "r.ended_at"), "从开始等待到有结果的分钟数；待审核为空",
			"minutes from waiting_from to ended_at, rounded up; null while it is pending"),
		col("working_minutes", workingMinutes("r.waiting_from", "w", "r.ended_at", "e"), "其中属于工作日的分钟数（每个工作日按24小时计）",
			"those of them that lie in working days, of which each has 24 hours, rounded up"),
		col("revocations", "r.revocations", "其通过被撤销的次数", "how many times its approval was revoked"),
		modeColumn("r"), placeColumn("r"),
	)
	return of(
		"submissions",
		"事实：每次提交的内容版本", "fact: each revision that was submitted",
		columns,
		"revisions r JOIN cases c ON c.id = r.subject_id"+joinDay("w", "r.waiting_day")+joinDay("e", "r.ended_day"),
	)
}

func decisions() view {
	columns := append([]column{
		col("decision_id", "x.id", "决定（即其事件）的编号", "id of the decision, which is its event's"),
	}, subjectColumns("c")...)
	columns = append(
		columns,
		revisionColumn("x.content_revision"),
		col("round", "r.round", "所决定的提交的轮次，见 submissions", "round of what was decided, see submissions"),
		col("outcome", "x.outcome", "approved（通过）或 rejected（拒绝）", "approved or rejected"),
		col("reviewer_id", "x.reviewer", "审核人员，见 reviewers", "the reviewer, see reviewers"),
		col("first_approver_id", "x.first_approver", "两人审核时的第一人；否则为空",
			"the first of two reviewers, where two have to approve; null otherwise"),
		col("first_approved_at", "x.first_approved_at", "两人审核时第一人通过的时间", "when the first of two approved"),
		col("decided_at", "x.decided_at", "决定的时间", "when it was decided"),
		col("decided_day", "x.decided_day", "决定的日期，见 days", "the day of that, see days"),
		col("due_at", due("c", "w"), "应在此刻之前作出决定（按现行工作日历）", "the moment by which it was promised, by the calendar as it is"),
		col("breached", "x.decided_at >= "+due("c", "w"), "是否逾期", "whether it was decided at or after that moment"),
		col("minutes_since_revision", minutes("x.waiting_from", "x.decided_at"), "自该版本提交（或其通过被撤销）起的分钟数",
			"minutes since that revision was submitted, or its approval revoked, rounded up"),
		col("working_minutes_since_revision", workingMinutes("x.waiting_from", "w", "x.decided_at", "e"), "其中属于工作日的分钟数",
			"those of them that lie in working days, rounded up"),
		col("minutes_since_first", minutes("x.opened_at", "x.decided_at"), "自上次通过后的首次提交（或撤销）起的分钟数",
			"minutes since the first submission after the last approval, or since a revocation, rounded up"),
		col("working_minutes_since_first", workingMinutes("x.opened_at", "o", "x.decided_at", "e"), "其中属于工作日的分钟数",
			"those of them that lie in working days, rounded up"),
		modeColumn("r"), placeColumn("r"),
	)
	return of(
		"decisions",
		"事实：审核人员的每次通过或拒绝（不含两人审核的首次通过、撤销、随一方结束者）",
		"fact: each approval or rejection by a reviewer; not the first of two approvals, no revocations, nothing that ended with its party",
		columns,
		"rulings x JOIN cases c ON c.id = x.subject_id JOIN revisions r USING (subject_id, content_revision)"+
			joinDay("w", "x.waiting_day")+joinDay("o", "x.opened_day")+joinDay("e", "x.decided_day"),
	)
}

func decisionReasons() view {
	return of(
		"decision_reasons",
		"桥表：每次拒绝的原因，每个代码一行", "bridge: the reasons of each rejection, one row for each code",
		[]column{
			col("decision_id", "g.event", "决定，见 decisions", "the decision, see decisions"),
			col("reason", "g.reason", "原因代码，见 reasons", "code of the reason, see reasons"),
		},
		"given_reasons g JOIN rulings x ON x.id = g.event",
	)
}

func revocations() view {
	columns := append([]column{
		col("revocation_id", "x.id", "撤销（即其事件）的编号", "id of the revocation, which is its event's"),
	}, subjectColumns("c")...)
	return of(
		"revocations",
		"事实：每次撤销通过", "fact: each revocation of an approval",
		append(columns,
			revisionColumn("x.content_revision"),
			col("revoked_by", "x.by_account", "撤销者的账号编号", "id of the account that revoked it"),
			col("revoked_at", "x.revoked_at", "撤销的时间", "when it was revoked"),
			col("revoked_day", "x.revoked_day", "撤销的日期，见 days", "the day of that, see days"),
		), "overturns x JOIN cases c ON c.id = x.subject_id",
	)
}

func revocationReasons() view {
	return of(
		"revocation_reasons",
		"桥表：每次撤销的原因，每个代码一行", "bridge: the reasons of each revocation, one row for each code",
		[]column{
			col("revocation_id", "g.event", "撤销，见 revocations", "the revocation, see revocations"),
			col("reason", "g.reason", "原因代码，见 reasons", "code of the reason, see reasons"),
		},
		"given_reasons g JOIN overturns x ON x.id = g.event",
	)
}

func listings() view {
	return of(
		"listings",
		"事实：产品公开展示的每一段时间（版本或置顶变化即另起一段）",
		"fact: each stretch of time in which the public saw a product; another revision, or a pin, begins another",
		[]column{
			col("product_id", "s.product_id", "产品，见 products", "the product, see products"),
			col("number", "s.number", "该产品的第几段（从 1 起）", "which stretch of that product it is, from 1"),
			col("provider_id", "c.provider_id", "服务商，见 providers", "the provider, see providers"),
			revisionColumn("s.content_revision"),
			col("pinned", "s.pinned", "是否置顶", "whether it was pinned"),
			col("from_at", "s.from_at", "开始的时间", "when it began"),
			col("from_day", "s.from_day", "开始的日期，见 days", "the day of that, see days"),
			col("to_at", "s.to_at", "结束的时间；仍在展示为空", "when it ended; null while it goes on"),
			col("to_day", "s.to_day", "结束的日期，见 days；仍在展示为空", "the day of that, see days; null while it goes on"),
			modeColumn("r"), placeColumn("r"),
		},
		"stretches s JOIN cases c ON c.id = s.product_id"+
			" JOIN revisions r ON r.subject_id = s.product_id AND r.content_revision = s.content_revision",
	)
}

func bookings() view {
	return of(
		"bookings",
		"事实：每次预约（不含联系方式与留言）", "fact: each booking inquiry, without contact and message",
		[]column{
			col("booking_id", "i.id", "预约编号", "id of the booking"),
			col("product_id", "i.product_id", "产品，见 products", "the product, see products"),
			revisionColumn("i.content_revision"),
			col("provider_id", "i.provider_id", "服务商，见 providers", "the provider, see providers"),
			col("enterprise_id", "i.enterprise_id", "询价企业的账号编号", "id of the account of the enterprise that asked"),
			col("requested_at", "i.requested_at", "提出的时间", "when it was requested"),
			col("requested_day", "i.requested_day", "提出的日期，见 days", "the day of that, see days"),
			col("replied_at", "i.replied_at", "首次回复的时间；未回复为空", "when it was replied to first; null before"),
			col("replied_day", "i.replied_day", "首次回复的日期，见 days", "the day of that, see days"),
			col("minutes_to_reply", minutes("i.requested_at", "i.replied_at"), "从提出到首次回复的分钟数", "minutes to the first reply, rounded up"),
			col("working_minutes_to_reply", workingMinutes("i.requested_at", "q", "i.replied_at", "e"), "其中属于工作日的分钟数",
				"those of them that lie in working days, rounded up"),
			col("closed_at", "i.closed_at", "关闭的时间；未关闭为空", "when it was closed; null before"),
			col("closed_day", "i.closed_day", "关闭的日期，见 days", "the day of that, see days"),
			col("close_reason", "nullif(i.close_reason, '')", "关闭原因，见 close_reasons", "why it was closed, see close_reasons"),
			modeColumn("r"), placeColumn("r"),
		},
		"inquiries i LEFT JOIN revisions r ON r.subject_id = i.product_id AND r.content_revision = i.content_revision"+
			joinDay("q", "i.requested_day")+joinDay("e", "i.replied_day"),
	)
}

// happened are what daily counts of a day: the name in day_counts, and its texts.
var happened = [][3]string{
	{"applications_submitted", "提交的服务商申请版本数", "revisions of applications that were submitted"},
	{"applications_approved", "通过的申请数", "applications that were approved"},
	{"applications_rejected", "拒绝的申请数（含未经审核而结束者）", "applications that were rejected, those that ended with their party included"},
	{"applications_ended", "其中未经审核而结束的申请数", "those of them that ended with their party"},
	{"applications_revoked", "被撤销通过的申请数", "applications whose approval was revoked"},
	{"products_submitted", "提交的产品版本数", "revisions of products that were submitted"},
	{"products_approved", "通过的产品数", "products that were approved"},
	{"products_rejected", "拒绝的产品数（含未经审核而结束者）", "products that were rejected, those whose review ended with their provider included"},
	{"products_ended", "其中未经审核而结束的产品数", "those of them whose review ended with their provider"},
	{"products_revoked", "被撤销通过的产品数", "products whose approval was revoked"},
	{"products_listed", "上架次数", "times a product was listed"},
	{"products_unlisted", "下架次数", "times a product was unlisted by its provider"},
	{"products_taken_down", "被运营人员下架的次数", "times a product was taken down by an operator"},
	{"products_deleted", "删除的产品数", "products that were deleted"},
	{"bookings_requested", "提出的预约数", "bookings that were requested"},
	{"bookings_replied", "首次回复的预约数", "bookings that were replied to for the first time"},
	{"bookings_closed", "关闭的预约数", "bookings that were closed"},
}

// atTheEnd are what there is at the end of a day.
var atTheEnd = [][3]string{
	{"applications_pending", "当天结束时待审核的申请数", "applications that await a decision at the end of the day"},
	{"products_pending", "当天结束时待审核的产品数", "products that await a decision at the end of the day"},
	{"products_public", "当天结束时公开展示的产品数", "products that the public sees at the end of the day"},
}

func daily() view {
	columns := []column{col("day", "t.day", "日期，见 days；自首个事件之日至最后一个事件之日",
		"the day, see days; from that of the first event to that of the last")}
	var sums strings.Builder
	for _, h := range happened {
		columns = append(columns, col(h[0], "t."+h[0], h[1], h[2]))
		fmt.Fprintf(&sums, ", coalesce(sum(n.n) FILTER (WHERE n.what = %s), 0)::bigint AS %s", literal(h[0]), h[0])
	}
	for _, h := range atTheEnd {
		columns = append(columns, col(h[0], "t."+h[0], h[1], h[2]))
		fmt.Fprintf(&sums, ", (sum(sum(n.n) FILTER (WHERE n.what = %s)) OVER (ORDER BY d.day))::bigint AS %s", literal(h[0]), h[0])
	}
	for i := range atTheEnd {
		at := len(columns) - len(atTheEnd) + i
		columns[at].value = "coalesce(" + columns[at].value + ", 0)"
	}
	return of(
		"daily",
		"事实：每天发生与当天结束时的数量", "fact: what happened in each day, and what there was at its end",
		columns,
		"(SELECT d.day"+sums.String()+`
	FROM (SELECT min(day) AS first FROM day_counts) f, progress p, calendar_days d LEFT JOIN day_counts n ON n.day = d.day
	WHERE d.day BETWEEN f.first AND `+dayColumn("p.at")+` GROUP BY d.day) t`,
	)
}
