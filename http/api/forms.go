package api

import (
	nethttp "net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/media"
	"waybill/domain/rules"
)

// GetApplicationForm serves the form of a provider type, or the one before a type is chosen (R14, Q26).
func (s *server) GetApplicationForm(c echo.Context, params GetApplicationFormParams) error {
	if params.Type == "" {
		return s.showForm(c, &rules.Unselected)
	}
	form, known := rules.Application(domain.CleanText(params.Type))
	if !known {
		return wrongParameter("type", "unknown_type", "未知的服务商类型", "not a type of provider")
	}
	return s.showForm(c, form)
}

// GetProductForm serves the form of a product (R24).
func (s *server) GetProductForm(c echo.Context, _ GetProductFormParams) error {
	return s.showForm(c, &rules.Product)
}

func (s *server) showForm(c echo.Context, f *rules.Form) error {
	form := Form{Form: FormForm(f.Name), Type: f.Type, Label: textOf(f.Label), Rules: rules.Version}
	for i := range f.Fields {
		form.Fields = append(form.Fields, fieldOf(&f.Fields[i], s.Commands.Policies()))
	}
	raw, err := encode(form)
	if err != nil {
		return err
	}
	return tagged(c, tagOf(raw), echo.MIMEApplicationJSON, raw)
}

// fieldOf is a field with all that a client needs to draw it, count in it, and say what is wrong with it.
func fieldOf(f *rules.Field, policies media.Policies) Field {
	field := Field{
		Pointer: f.Pointer, Label: textOf(f.Label), Kind: FieldKind(f.Kind), Required: f.Required(), UpperCase: f.Upper,
		Counter: int32of(f.Counter), CertifiedCounter: int32of(f.CertifiedCounter), MaxItems: int32of(f.MaxItems()),
		Options:  convert(f.Choices(), func(o rules.Option) Option { return Option{Value: o.Value, Label: textOf(o.Label)} }),
		Messages: convert(f.All(), messageOf),
	}
	if f.Purpose == "" {
		return field
	}
	policy := policies[f.Purpose]
	field.Image = ImagePolicy{
		Purpose: ImagePolicyPurpose(f.Purpose), MaxBytes: policy.MaxBytes, Width: pixelsOf(policy.Width), Height: pixelsOf(policy.Height),
		Formats: convert(policy.Formats, func(f media.Format) string { return string(f) }),
	}
	for _, found := range rules.Messages(policy) {
		field.Messages = append(field.Messages, Message{Code: found.Code, Pointer: f.Each(), Soft: found.Soft, Text: textOf(found.Text)})
	}
	return field
}

func pixelsOf(p media.Pixels) Pixels { return Pixels{Pixels: int32of(p.Want), Exact: p.Exact} }

func messageOf(r rules.Rule) Message {
	return Message{Code: r.Code, Pointer: r.Pointer, Test: string(r.Test), Limit: int64(r.Limit), Soft: r.Soft, Text: textOf(r.Text)}
}

// ListProviderTypes serves the forms of the provider types in brief (Q26).
func (s *server) ListProviderTypes(c echo.Context) error {
	return answer(c, nethttp.StatusOK, ProviderTypes{Items: convert(rules.Applications, func(f rules.Form) ProviderType {
		return ProviderType{Type: f.Type, Label: textOf(f.Label), Fields: convert(f.Fields, formFieldOf)}
	})})
}

func formFieldOf(f rules.Field) FormField {
	kinds := map[rules.FieldKind]FormFieldKind{rules.Textarea: FormFieldKindMultiline}
	kind, ok := kinds[f.Kind]
	if !ok {
		kind = FormFieldKind(f.Kind)
	}
	most := f.Counter
	if f.Upper {
		kind, most = FormFieldKindUscc, f.Limit(rules.Length)
	}
	return FormField{Name: strings.TrimPrefix(f.Pointer, "/"), Label: textOf(f.Label), Kind: kind, Max: int32of(most)}
}

// ListReviewReasons serves the codes a rejection can give, as the rule book offers them.
func (s *server) ListReviewReasons(c echo.Context) error {
	return answer(c, nethttp.StatusOK, ReviewReasons{Items: convert(rules.Reasons, func(r rules.Rule) ReviewReason {
		return ReviewReason{Code: r.Code, Text: textOf(r.Text), NoteRequired: r.Code == domain.ReasonOther}
	})})
}

// findingsOf are findings with their sentences.
func (s *server) findingsOf(v rules.Verdict) []Finding {
	return convert(v.Findings, func(f rules.Finding) Finding {
		return Finding{Code: f.Code, Field: f.Field, Text: textOf(f.Text(s.Commands.Policies()))}
	})
}

func imagesOf(v rules.Verdict) []MeasuredImage {
	return convert(v.Images, func(i media.Image) MeasuredImage {
		return MeasuredImage{
			Digest: ImageRef(i.Digest), Format: string(i.Format), Width: int32of(i.Width), Height: int32of(i.Height), Bytes: i.Bytes,
		}
	})
}
