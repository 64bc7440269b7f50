package api

import (
	nethttp "net/http"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/canned"
	"waybill/domain/rules"
)

// ListReviewTexts lists the texts that reviewers pick for each reason.
func (s *server) ListReviewTexts(c echo.Context, _ ListReviewTextsParams) error {
	now, revision, err := s.Commands.ReviewTexts(c.Request().Context())
	if err != nil {
		return err
	}
	out := ReviewTexts{Items: convert(rules.Reasons, func(r rules.Rule) ReasonTexts { return textsOf(r.Code, now) })}
	if revision == nil { // there is nothing yet that If-Match could name
		return answer(c, nethttp.StatusOK, out)
	}
	return conditional(c, *revision, out)
}

// SetReviewTexts sets the texts of one reason.
func (s *server) SetReviewTexts(c echo.Context, code ReasonCode, _ SetReviewTextsParams) error {
	body, err := decode[CannedTexts](c)
	if err != nil {
		return err
	}
	if body.Texts == nil { // none takes all away, and has to be said
		var f domain.Fields
		f.Add("/texts", "required", "请列出常用语，全部去除时为空列表", "list the texts; an empty list takes all away")
		return f.Err()
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := s.Commands.SetReviewTexts(c.Request().Context(), req, canned.SetTexts{
		Code: code, Texts: convert(body.Texts, func(t CannedText) domain.Text { return domain.Text{ZH: t.Zh, EN: t.En} }),
	})
	if err != nil {
		return err
	}
	return written(c, nethttp.StatusOK, out, textsOf(code, out.State))
}

func textsOf(code string, s canned.State) ReasonTexts {
	return ReasonTexts{
		Code: code, Text: textOf(rules.TextOfReason(code)),
		Texts: convert(s.Texts[code], func(t domain.Text) CannedText { return CannedText{Zh: t.ZH, En: t.EN} }),
	}
}
