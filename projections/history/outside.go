package history

import (
	"fmt"

	"waybill/domain"
	"waybill/domain/audit"
	"waybill/domain/webhook"
	"waybill/projections"
)

// foldOutside is fold for what leaves Waybill: what auditors opened and exported, and who is told of events.
func (s *subject) foldOutside(fact domain.Event, c *changes) []domain.Reason {
	switch e := fact.(type) {
	case audit.Opened:
		c.value("/opened", nil, domain.Stream(e.Kind, e.Object))
		c.value("/until", nil, e.Until.UTC().Format(projections.TimeLayout))
		return note(e.Reason)
	case audit.Exported:
		c.value("/export", nil, e)
	case webhook.Registered:
		s.state.Provider = e.Owner
		c.value("/owner", nil, e.Owner)
		s.replace("/target", e.Target, c)
		c.value("/secret", nil, e.Secret)
	case webhook.Changed:
		s.replace("/target", e.Target, c)
	case webhook.SecretRotated:
		c.value("/secret", nil, e.Secret)
		c.value("/retires_at", nil, e.RetiresAt.UTC().Format(projections.TimeLayout))
	case webhook.Paused:
		s.state.Paused = true
		return note(e.Reason)
	case webhook.Resumed:
		s.state.Paused = false
	case webhook.Removed:
		s.state.Closed = true
		return note(e.Reason)
	default:
		c.err = fmt.Errorf("no meaning for %s here", fact.EventType())
	}
	return nil
}
