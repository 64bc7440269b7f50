package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/media"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// mostForRules is the target of a full product, in microseconds.
const mostForRules = 50

// rules measures how long the decider takes for a submission, in one goroutine: cleaning, every rule of the book, every image's policy.
func (b *bench) rules(context.Context) error {
	b.progress("rules of a product")
	rows := [][]string{{"product", "median of one decision"}}
	for _, c := range []struct {
		name    string
		content product.Content
		most    float64
	}{
		{"typical", typicalContent(), 0},
		{"full: every text at its limit, 50 tags of 50 characters, 10 detail images", fullContent(), mostForRules},
	} {
		took, err := b.decide(c.content)
		if err != nil {
			return err
		}
		cell := fmt.Sprintf("%.1f µs", took)
		if c.most > 0 {
			cell = b.report.most("rules of a full product", took, c.most, "%.1f µs")
		}
		rows = append(rows, []string{c.name, cell})
	}
	b.report.table("Rules of a product", rows)
	return nil
}

// decide is the median of many decisions on the same submission, in microseconds.
func (b *bench) decide(content product.Content) (float64, error) {
	facts := product.Facts{Images: media.Facts{}, Policies: media.Standard(), Place: place.Fact{ID: 1}}
	for _, r := range content.References() {
		facts.Images[r] = facts.Policies[r.Purpose].Fitting(r.Digest)
	}
	command := product.Submit{ProviderID: uuid.New(), Provider: provider.StandingActive, Content: content, Facts: facts}
	took := make([]float64, b.size.decisions)
	for i := range took {
		began := time.Now()
		if _, err := product.Decide(product.State{}, command); err != nil {
			return 0, fmt.Errorf("rules of a product: %w", err)
		}
		took[i] = float64(time.Since(began).Nanoseconds()) / 1000
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// fullContent is a product at every limit of the rule book.
func fullContent() product.Content {
	long := func(n int) string { return strings.Repeat("三亚海运专线每周两班", n/10+1)[:3*n] }
	c := typicalContent()
	c.Name, c.Brief, c.Destination.Country, c.Destination.City = long(30), long(60), long(30), long(30)
	c.Tags, c.Details = make([]string, 50), make([]domain.ImageRef, 10)
	for i := range c.Tags {
		c.Tags[i] = fmt.Sprintf("%02d", i) + long(48)
	}
	for i := range c.Details {
		c.Details[i] = domain.ImageRef(fmt.Sprintf("sha256:%064x", i))
	}
	return c
}
