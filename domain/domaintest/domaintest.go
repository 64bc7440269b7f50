// Package domaintest is the world that all tests share: an enterprise, its application, and a product.
package domaintest

import (
	"strings"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// Enterprise is what Haiyiban would assert of the provider in most tests.
var Enterprise = account.Enterprise{Name: "三亚海丰国际物流有限公司", USCC: "91350100M000100Y43", LegalRepresentative: "符海生"}

// ID is a UUID that stands for a name.
func ID(name string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(name)) }

// Image is an image reference of one hexadecimal digit, 64 times.
func Image(digit string) domain.ImageRef {
	return domain.ImageRef("sha256:" + strings.Repeat(digit, 64))
}

// Profile is Enterprise's application, without a mistake.
func Profile(introduction string) provider.Profile {
	return provider.Profile{
		Type: provider.Logistics, Name: Enterprise.Name, USCC: Enterprise.USCC, LegalRepresentative: Enterprise.LegalRepresentative,
		Licence: Image("1"), Logo: Image("2"), Contact: "陈琳", Address: "海南省三亚市吉阳区迎宾路1号", Phone: "0898-88270001",
		Introduction: introduction,
	}
}

// Content is a product's content, without a mistake.
func Content(name string) product.Content {
	return product.Content{
		Name: name, Brief: "每周两班，含清关", Tags: []string{"海运", "清关"}, Mode: product.Sea,
		Destination: product.Destination{Country: "新加坡", City: "新加坡", Latitude: 1.29, Longitude: 103.85, CRS: "WGS-84"},
		Cover:       Image("a"), Details: []domain.ImageRef{Image("b"), Image("c")},
	}
}
