package api

import (
	"encoding/json"
	nethttp "net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/media"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// RecordDecision shows one decision as it was made, and what came of it.
func (s *server) RecordDecision(c echo.Context, kind AuditedKind, id AuditedID, event uuid.UUID) error {
	r, err := s.open(c, kind, id)
	if err != nil {
		return err
	}
	x, err := s.Commands.Examine(c.Request().Context(), r.stream(), event)
	if err != nil {
		return err
	}
	out := RecordDecision{
		Kind: kind, ID: id, Verb: RecordDecisionVerb(x.Verb), Revision: int32of(x.Revision), Reasons: reasonsOf(x.Reasons), Note: x.Note,
		CountedBy: string(x.Calendar),
	}
	if out.Event, err = r.wholeStep(x.Step); err != nil {
		return err
	}
	if err := s.addSeen(&out, r, x); err != nil {
		return err
	}
	if x.Claim != nil {
		out.Claim = RecordClaim{ID: x.Claim.ID, At: at(x.Claim.At)}
	}
	out.WaitedSeconds, out.WaitedWorkingSeconds = secondsOf(x.Waited)
	out.ClaimedSeconds, out.ClaimedWorkingSeconds = secondsOf(x.FromClaim)
	out.Aftermath = make([]RecordStep, len(x.Aftermath))
	for i, step := range x.Aftermath {
		if out.Aftermath[i], err = r.step(step); err != nil {
			return err
		}
	}
	return answer(c, nethttp.StatusOK, out)
}

func secondsOf(t *commands.Taken) (elapsed, working *int64) {
	if t == nil {
		return nil, nil
	}
	return new(int64(t.Elapsed / time.Second)), new(int64(t.Working / time.Second))
}

// addSeen adds what the reviewer saw: as the decision says, and of one that does not, as the submission does.
func (s *server) addSeen(out *RecordDecision, r record, x commands.Examined) error {
	var (
		images    []domain.ImageRef
		verdict   rules.Verdict
		calendar  workdays.Version
		submitted = x.Submission
		err       error
	)
	if submitted != nil {
		if out.Submission, err = r.step(submitted.Step); err != nil {
			return err
		}
		if out.Content, err = json.Marshal(submitted.Content); err != nil {
			return err
		}
		images, verdict, calendar, out.Digest = submitted.Images, submitted.Verdict, submitted.Due.Calendar, submitted.Digest
		out.Mismatches = submitted.Mismatches
		if submitted.Certified != nil {
			out.Certified = certifiedOf(*submitted.Certified)
		}
		if !submitted.Due.At.IsZero() {
			out.DueAt = at(submitted.Due.At)
		}
	}
	if seen := x.Seen; seen != nil {
		images, calendar, out.Digest, out.Mismatches = seen.Images, seen.Calendar, seen.Digest, seen.Mismatches
		verdict.Rules, verdict.Findings = seen.Rules, seen.Findings
		out.Recorded = true
		out.Intact = new(submitted != nil && submitted.Digest == seen.Digest)
	}
	out.Rules, out.Calendar = int32of(verdict.Rules), string(calendar)
	if len(verdict.Findings) > 0 {
		out.Findings = s.findingsOf(verdict)
	}
	out.Images = convert(images, func(ref domain.ImageRef) RecordImage { return r.image(ref, verdict.Images) })
	return nil
}

// image is one that was seen, with what was measured of it. Of what was deleted there is no address: nobody is served its images.
func (r record) image(ref domain.ImageRef, measured []media.Image) RecordImage {
	out := RecordImage{Digest: ImageRef(ref)}
	if !r.opened {
		out.URL = ImageAt(ref)
	}
	for _, m := range measured {
		if m.Digest == string(ref) {
			out.Format, out.Width, out.Height, out.Bytes = string(m.Format), int32of(m.Width), int32of(m.Height), m.Bytes
		}
	}
	return out
}
