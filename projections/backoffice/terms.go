package backoffice

import (
	"encoding/json"
	"fmt"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// What applications and products are found by beside their texts.
func termStanding(s provider.Standing) string { return "standing " + string(s) }
func termReview(r domain.Review) string       { return "review " + string(r) }
func termMode(m product.Mode) string          { return "mode " + string(m) }
func termListed(listed bool) string           { return fmt.Sprintf("listed %t", listed) }

func (p *productRow) terms() []string {
	var content struct {
		Mode product.Mode `json:"mode"`
	}
	_ = json.Unmarshal(p.Content, &content) // it was written by us
	return []string{termReview(p.Review), termMode(content.Mode), termListed(p.Listed)}
}
