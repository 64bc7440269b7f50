package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	nethttp "net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/http"
)

const (
	// maxDecisions bounds how many cases one request decides.
	maxDecisions = 200
	// DefaultDecisionsTime is how long one request begins decisions. What it leaves of operationTimeout is for the last of them.
	DefaultDecisionsTime = 7 * time.Second
)

var errNotAttempted = http.Refuse(nethttp.StatusServiceUnavailable, "not_attempted",
	"时间不足，该项未处理；请使用相同的幂等键重试", "there was no time left for this one; send it again with the same Idempotency-Key")

// DecideMany decides on many cases, one after the other, each as if it were alone.
func (s *server) DecideMany(c echo.Context, _ DecideManyParams) error {
	begun := time.Now()
	body, err := decode[Decisions](c)
	if err != nil {
		return err
	}
	if err := checkDecisions(body.Items); err != nil {
		return err
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	allowed := s.DecisionsTime
	if allowed == 0 {
		allowed = DefaultDecisionsTime
	}
	var out DecisionOutcomes
	var last domain.Position
	for _, item := range body.Items {
		one, position, err := DecisionOutcome{}, domain.Position(0), error(errNotAttempted)
		if c.Request().Context().Err() == nil && time.Since(begun) < allowed {
			one, position, err = s.decideOne(c, req, item)
		}
		switch {
		case err == nil:
			out.Decided++
			last = max(last, position)
		case errors.Is(err, errNotAttempted):
			out.NotAttempted++
		default:
			out.Refused++
		}
		if err != nil {
			if one, err = s.refusedOne(c, err); err != nil {
				return err
			}
		}
		one.Kind, one.ID = item.Kind, item.ID
		out.Items = append(out.Items, one)
	}
	if last > 0 {
		callOf(c).head.saw(last)
		c.Response().Header().Set("Waybill-Position", strconv.FormatUint(uint64(last), 10))
	}
	return answer(c, nethttp.StatusOK, out)
}

// checkDecisions refuses what cannot be told apart: an item is known by its kind and id, and is answered under them.
func checkDecisions(items []CaseDecision) error {
	var f domain.Fields
	if len(items) == 0 {
		f.Add("/items", "required", "请指明要审核的案件", "name the cases to decide on")
	}
	if len(items) > maxDecisions {
		f.Add("/items", "too_many", fmt.Sprintf("一次最多审核%d项", maxDecisions), fmt.Sprintf("at most %d cases", maxDecisions))
		return f.Err()
	}
	type named struct {
		kind ReviewKind
		id   uuid.UUID
	}
	seen := map[named]bool{}
	for i, item := range items {
		at := fmt.Sprintf("/items/%d", i)
		if item.Kind != ReviewKindProduct && item.Kind != ReviewKindProvider {
			f.Add(at+"/kind", "unknown_value", "须为 product 或 provider", "must be product or provider")
		}
		if item.Outcome != Approve && item.Outcome != Reject {
			f.Add(at+"/outcome", "unknown_value", "须为 approve 或 reject", "must be approve or reject")
		}
		if seen[named{item.Kind, item.ID}] {
			f.Add(at+"/id", "repeated_case", "该案件重复", "is there more than once")
		}
		seen[named{item.Kind, item.ID}] = true
	}
	return f.Err()
}

// decideOne decides on one case, and refuses as the operation for it alone does.
func (s *server) decideOne(c echo.Context, all commands.Request, item CaseDecision) (DecisionOutcome, domain.Position, error) {
	one, ctx := DecisionOutcome{Status: nethttp.StatusOK}, c.Request().Context()
	if err := s.stillMay(c); err != nil {
		return one, 0, err
	}
	d, err := item.toDomain()
	if err != nil {
		return one, 0, err
	}
	req, err := item.request(all)
	if err != nil {
		return one, 0, err
	}
	if item.Kind == ReviewKindProvider {
		decide := s.Commands.ApproveProvider
		if item.Outcome == Reject {
			decide = s.Commands.RejectProvider
		}
		out, err := decide(ctx, req, item.ID, d)
		if err != nil {
			return one, 0, err
		}
		one.Replayed, one.Application = out.Replayed, applicationStateOf(out.ID, out.State)
		return one, out.Position, nil
	}
	decide := s.Commands.ApproveProduct
	if item.Outcome == Reject {
		decide = s.Commands.RejectProduct
	}
	out, err := decide(ctx, req, item.ID, d)
	if err != nil {
		return one, 0, err
	}
	owner, err := s.Commands.OwnerStanding(ctx, out)
	one.Replayed, one.Product = out.Replayed, productStateOf(out.ID, out.State, owner)
	return one, out.Position, err
}

// refusedOne is the outcome of an item that was refused.
func (s *server) refusedOne(c echo.Context, err error) (DecisionOutcome, error) {
	shown, raw, err := s.web.ProblemOf(c, err)
	if err != nil {
		return DecisionOutcome{}, err
	}
	one := DecisionOutcome{Status: int32(shown.Status), Code: shown.Code} //nolint:gosec // of three digits
	return one, json.Unmarshal(raw, &one.Problem)
}

// stillMay asks the log again whether the caller may: many decisions take a while, in which a role can be taken back.
func (s *server) stillMay(c echo.Context) error {
	in := callOf(c)
	principal, err := s.checkAccount(c.Request(), in.principal)
	if err == nil && !principal.Has(in.role) {
		return domain.ErrForbidden
	}
	return err
}

// request is the item's own: the same case under the same key is the same request, whatever is decided beside it, and the fingerprint
// tells whether the same was decided.
func (d CaseDecision) request(all commands.Request) (commands.Request, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return all, fmt.Errorf("fingerprint of a decision: %w", err)
	}
	sum := sha256.Sum256(raw)
	all.ID = uuid.NewSHA1(all.ID, []byte(string(d.Kind)+"\n"+d.ID.String()))
	all.Fingerprint, all.IfRevision = hex.EncodeToString(sum[:16]), nil
	return all, nil
}

func (d CaseDecision) toDomain() (commands.Decision, error) {
	if d.Outcome == Approve && len(d.Reasons) > 0 {
		var f domain.Fields
		f.Add("/reasons", "unknown_field", "通过不能带有拒绝原因", "an approval has no reasons")
		return commands.Decision{}, f.Err()
	}
	full := Rejection{Revision: d.Revision, Digest: d.Digest, Claim: d.Claim, Note: d.Note, Reasons: d.Reasons} // an approval has less
	return full.toDomain(), checkRevision(d.Revision)
}
