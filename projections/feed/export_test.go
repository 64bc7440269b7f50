package feed

import "waybill/domain"

// Hidden are the types that nobody's feed shows.
var Hidden = hidden

// Shown are the audiences and the fields of an event type; none of a hidden one.
func Shown(fact domain.Event) (sees []Audience, fields string) {
	for _, r := range rules {
		if r.fact.EventType() == fact.EventType() {
			return r.compile().sees, r.fields
		}
	}
	return nil, ""
}

// Data is what the feed shows of an event.
func Data(fact domain.Event, blanked bool) (string, error) {
	text, _, err := shown[fact.EventType()].data(fact, blanked)
	return text, err
}

// Subscribers are how many follow the feed now.
func (h *Hub) Subscribers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

// Queued gives runs of a size to a reader that takes nothing, and returns how many bytes wait for it, and whether it has to read others.
func Queued(runs, size int) (bytes int, behind bool) {
	s := &Subscription{wake: make(chan struct{}, 1)}
	for i := range runs {
		r := &run{}
		r.add(domain.Position(i+1), make([]byte, size))
		s.give(r)
	}
	return s.size, s.behind
}
