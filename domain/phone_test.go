package domain_test

import (
	"testing"

	"waybill/domain"
	"waybill/domain/decidertest"
)

func TestPhone(t *testing.T) {
	for phone, want := range map[string]string{
		"13800138000": "", "138 0013 8000": "", "+8613800138000": "", "+86 138-0013-8000": "", " 19912345678 ": "", "１３８００１３８０００": "",
		"0898-88270001": "", "(0898)88270001": "", "010 12345678": "", "021-1234567-801": "", "+86 0898-88270001": "",
		"400-820-8820": "", "4008208820": "", "400 8888 888": "", "800-820-8820": "",
		"": " required", "12800138000": " bad_phone", "1380013800": " bad_phone", "138001380000": " bad_phone", "88270001": " bad_phone",
		"0898": " bad_phone", "(0898-88270001": " bad_phone", "400-820-88201": " bad_phone", "微信 13800138000": " bad_phone",
		"13800138000;13900139000": " too_long", "1380013\n8000": " line_break", "+1 650 253 0000": " bad_phone",
	} {
		var f domain.Fields
		value := phone
		f.Phone("", &value, domain.Text{ZH: "联系电话", EN: "phone"})
		if got := decidertest.Mistakes(f.Err()); got != want {
			t.Errorf("%q: got %q, want %q", phone, got, want)
		}
	}
}
