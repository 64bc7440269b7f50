package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestWebhooks(t *testing.T) {
	t.Parallel()
	load := func(env map[string]string) (Config, error) {
		return Load(func(name string) string { return env[name] })
	}
	c, err := load(nil)
	if err != nil || c.Webhooks.Plain || c.Webhooks.Private != nil {
		t.Errorf("standard: %+v, %v", c.Webhooks, err)
	}
	c, err = load(map[string]string{"WAYBILL_WEBHOOK_HTTP": "true", "WAYBILL_WEBHOOK_PRIVATE": "10.20.0.5, 10.30.1.7/24"})
	if err != nil || !c.Webhooks.Plain || fmt.Sprint(c.Webhooks.Private) != "[10.20.0.5/32 10.30.1.0/24]" {
		t.Errorf("given: %+v, %v", c.Webhooks, err)
	}
	for name, env := range map[string]map[string]string{
		"WAYBILL_WEBHOOK_HTTP":            {"WAYBILL_WEBHOOK_HTTP": "perhaps"},
		"WAYBILL_WEBHOOK_PRIVATE=intra":   {"WAYBILL_WEBHOOK_PRIVATE": "10.0.0.1,intranet"},
		"WAYBILL_WEBHOOK_PRIVATE=::ffff:": {"WAYBILL_WEBHOOK_PRIVATE": "::ffff:10.0.0.0/100"},
	} {
		if _, err := load(env); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
