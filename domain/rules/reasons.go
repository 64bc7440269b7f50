package rules

import (
	"fmt"
	"strings"

	"waybill/domain"
)

// Reasons are the codes that a reviewer can give, in the order in which they are offered. They point wherever the reviewer does.
var Reasons = []Rule{
	reason("duplicate", "重复提交", "duplicate of another submission"),
	reason("image_inappropriate", "图片不合规", "image is not acceptable"),
	reason("image_unclear", "图片不清晰", "image is not legible"),
	reason("incomplete", "信息不完整", "information is incomplete"),
	reason("inconsistent", "信息与证照不一致", "information does not match the licence"),
	reason("misleading", "夸大或误导性宣传", "misleading claim"),
	reason("text_inappropriate", "文字内容不合规", "text is not acceptable"),
	reason("unqualified", "资质不符合要求", "qualification is missing"),
	reason("wrong_destination", "目的地信息有误", "destination is wrong"),
	reason(domain.ReasonOther, "其他原因", "other; see the note"),
}

func reason(code, zh, en string) Rule {
	return Rule{Code: code, Kind: Reason, Text: domain.Text{ZH: zh, EN: en}}
}

// TextOfReason is the sentence of a reason code, a reviewer's or Waybill's own; blank for an unknown one.
func TextOfReason(code string) domain.Text {
	if code == domain.ReasonProviderClosed {
		return domain.Text{ZH: "服务商已关闭，未经审核而结束", EN: "the provider was closed, so this ended without a decision"}
	}
	for _, r := range Reasons {
		if r.Code == code {
			return r.Text
		}
	}
	return domain.Text{}
}

// isReason reports whether a reviewer can give the code.
func isReason(code string) bool {
	return code != domain.ReasonProviderClosed && TextOfReason(code) != domain.Text{}
}

// CleanReasons cleans the reasons of a rejection or a revocation and refuses none, too many, unknown codes, a bare domain.ReasonOther,
// and fields that are not in content, which is what was reviewed.
func CleanReasons(reasons []domain.Reason, content any) ([]domain.Reason, error) {
	var f domain.Fields
	if len(reasons) == 0 {
		f.Add("/reasons", "required", "请填写原因", "at least one reason is required")
	}
	if len(reasons) > domain.MaxReasons {
		f.Add("/reasons", "too_many", fmt.Sprintf("原因不能超过%d条", domain.MaxReasons), fmt.Sprintf("at most %d reasons", domain.MaxReasons))
		return nil, f.Err()
	}
	clean := make([]domain.Reason, len(reasons))
	for i, r := range reasons {
		at := fmt.Sprintf("/reasons/%d", i)
		if !isReason(r.Code) {
			f.Add(at+"/code", "unknown_code", "未知的原因代码", "not a known reason code")
		}
		f.Optional(at+"/field", &r.Field, 100, domain.Text{ZH: "字段", EN: "field"})
		switch {
		case r.Field == "":
		case !strings.HasPrefix(r.Field, "/"):
			f.Add(at+"/field", "bad_pointer", "字段指针须以 / 开头", "must be a JSON pointer, such as /name")
		case !pointsInto(content, r.Field):
			f.Add(at+"/field", "unknown_field", "被审核的内容中没有该字段", "is not a field of what was reviewed")
		}
		note := domain.Text{ZH: "说明", EN: "note"}
		if r.Code == domain.ReasonOther {
			f.Required(at+"/note", &r.Note, domain.MaxReasonNote, note)
		} else {
			f.Optional(at+"/note", &r.Note, domain.MaxReasonNote, note)
		}
		clean[i] = r
	}
	return clean, f.Err()
}
