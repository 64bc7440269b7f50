// Package canned keeps the texts that reviewers pick for a reason instead of typing them.
package canned

import "waybill/domain"

// Category names the one stream of the texts.
const Category = "canned"

// Set records which texts a reason's code has from now on, in their order; none takes them all away.
type Set struct {
	Code  string        `json:"code"`
	Texts []domain.Text `json:"texts"`
}

// EventType is the stored name.
func (Set) EventType() string { return "canned-texts-set.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{Set{}.EventType(): domain.JSON[Set]}
