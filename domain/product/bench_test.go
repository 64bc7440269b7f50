package product_test

import (
	"fmt"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
)

// full is a product at every limit: 30, 60 and 50 × 50 characters, ten detail images.
func full() product.Content {
	c := content()
	long := func(n int) string { return strings.Repeat("三亚海运专线每周两班", n/10+1)[:3*n] }
	c.Name, c.Brief = long(30), long(60)
	c.Destination.Country, c.Destination.City = long(30), long(30)
	c.Tags = make([]string, 50)
	for i := range c.Tags {
		c.Tags[i] = fmt.Sprintf("%02d", i) + long(48)
	}
	c.Details = make([]domain.ImageRef, 10)
	for i := range c.Details {
		c.Details[i] = domaintest.Image(fmt.Sprint(i))
	}
	return c
}

func BenchmarkRulesOfAFullProduct(b *testing.B) {
	c := full()
	facts := known(c)
	b.ReportAllocs()
	for b.Loop() {
		one := c
		if _, err := one.Clean(facts); err != nil {
			b.Fatal(err)
		}
	}
}
