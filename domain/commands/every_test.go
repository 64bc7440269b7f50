package commands_test

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/digest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
)

// outcome is any Outcome, for tables over all commands.
type outcome struct {
	id       uuid.UUID
	state    any
	revision domain.Revision
	position domain.Position
	replayed bool
}

func anyOutcome[S any](o commands.Outcome[S], err error) (outcome, error) {
	return outcome{o.ID, o.State, o.Revision, o.Position, o.Replayed}, err
}

type call = func(context.Context, *world, commands.Request) (outcome, error)

// every has each command, ready to be carried out: set prepares the world for it.
var every = map[string]func(w *world) (commands.Request, call){
	"OpenAccount": func(*world) (commands.Request, call) {
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.OpenAccount(ctx, req, "海丰"))
		}
	},
	"OpenAccountWith": func(w *world) (commands.Request, call) {
		return staff().ByItself(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.OpenAccountWith(ctx, req, account.Open{DisplayName: "吴海", Roles: []domain.Role{domain.RoleOperator}}))
		}
	},
	"IssueToken": func(w *world) (commands.Request, call) {
		id := w.enterprise(w.codeA)
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.IssueToken(ctx, req, id, token(domain.RoleEnterprise), day))
		}
	},
	"RevokeToken": func(w *world) (commands.Request, call) {
		id := w.enterprise(w.codeA)
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.RevokeToken(ctx, req, id, token(domain.RoleEnterprise), "遗失"))
		}
	},
	"CertifyAccount": func(w *world) (commands.Request, call) {
		id := must[account.State](w.t)(w.OpenAccount(w.t.Context(), staff(), "海丰")).ID
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.CertifyAccount(ctx, req, id, certificate(w.codeA), "operator"))
		}
	},
	"GrantRole": func(w *world) (commands.Request, call) {
		id := w.enterprise(w.codeA)
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.GrantRole(ctx, req, id, domain.RoleAuditor))
		}
	},
	"RevokeRole": func(w *world) (commands.Request, call) {
		id := w.enterprise(w.codeA)
		must[account.State](w.t)(w.GrantRole(w.t.Context(), staff(), id, domain.RoleAuditor))
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.RevokeRole(ctx, req, id, domain.RoleAuditor, "调岗"))
		}
	},
	"CloseAccount": func(w *world) (commands.Request, call) {
		id := w.enterprise(w.codeA)
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.CloseAccount(ctx, req, id, "注销"))
		}
	},
	"ApplyAsProvider": func(w *world) (commands.Request, call) {
		return as(w.enterprise(w.codeA)), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.ApplyAsProvider(ctx, req, profile(w.codeA)))
		}
	},
	"ReviseApplication": func(w *world) (commands.Request, call) {
		return as(w.provider(w.codeA)), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.ReviseApplication(ctx, req, profile(w.codeA)))
		}
	},
	"ApproveProvider": func(w *world) (commands.Request, call) {
		id := w.enterprise(w.codeA)
		must[provider.State](w.t)(w.ApplyAsProvider(w.t.Context(), as(id), profile(w.codeA)))
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.ApproveProvider(ctx, req, id, commands.Decision{Revision: 1}))
		}
	},
	"RejectProvider": func(w *world) (commands.Request, call) {
		id := w.enterprise(w.codeA)
		must[provider.State](w.t)(w.ApplyAsProvider(w.t.Context(), as(id), profile(w.codeA)))
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.RejectProvider(ctx, req, id, commands.Decision{Revision: 1, Reasons: unfit}))
		}
	},
	"RevokeProviderApproval": func(w *world) (commands.Request, call) {
		id := w.provider(w.codeA)
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.RevokeProviderApproval(ctx, req, id, commands.Decision{Revision: 1, Reasons: unfit}))
		}
	},
	"SuspendProvider": func(w *world) (commands.Request, call) {
		id := w.provider(w.codeA)
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.SuspendProvider(ctx, req, id, "复核"))
		}
	},
	"ReinstateProvider": func(w *world) (commands.Request, call) {
		id := w.provider(w.codeA)
		must[provider.State](w.t)(w.SuspendProvider(w.t.Context(), staff(), id, "复核"))
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.ReinstateProvider(ctx, req, id, "通过"))
		}
	},
	"CloseProvider": func(w *world) (commands.Request, call) {
		id := w.provider(w.codeA)
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.CloseProvider(ctx, req, id, "注销"))
		}
	},
	"SetPinLimit": func(w *world) (commands.Request, call) {
		id := w.provider(w.codeA)
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.SetPinLimit(ctx, req, id, new(int), "首页位置有限"))
		}
	},
	"SubmitProduct": func(w *world) (commands.Request, call) {
		return as(w.provider(w.codeA)), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.SubmitProduct(ctx, req, content()))
		}
	},
	"ReviseProduct": onProduct(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		return anyOutcome(w.ReviseProduct(ctx, req, id, content()))
	}),
	"ApproveProduct": func(w *world) (commands.Request, call) {
		id := must[product.State](w.t)(w.SubmitProduct(w.t.Context(), as(w.provider(w.codeA)), content())).ID
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.ApproveProduct(ctx, req, id, commands.Decision{Revision: 1}))
		}
	},
	"RejectProduct": func(w *world) (commands.Request, call) {
		id := must[product.State](w.t)(w.SubmitProduct(w.t.Context(), as(w.provider(w.codeA)), content())).ID
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.RejectProduct(ctx, req, id, commands.Decision{Revision: 1, Reasons: unfit}))
		}
	},
	"RevokeProductApproval": func(w *world) (commands.Request, call) {
		id := w.listed(w.provider(w.codeA))
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.RevokeProductApproval(ctx, req, id, commands.Decision{Revision: 1, Reasons: unfit}))
		}
	},
	"EndProductReview": func(w *world) (commands.Request, call) {
		owner := w.provider(w.codeA)
		id := must[product.State](w.t)(w.SubmitProduct(w.t.Context(), as(owner), content())).ID
		must[provider.State](w.t)(w.CloseProvider(w.t.Context(), staff(), owner, "注销"))
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.EndProductReview(ctx, req, id))
		}
	},
	"EndProviderReview": func(w *world) (commands.Request, call) {
		id := w.enterprise(w.codeA)
		applied := must[provider.State](w.t)(w.ApplyAsProvider(w.t.Context(), as(id), profile(w.codeA)))
		// Older logs have an application that its provider's end left pending.
		closed := domain.NewEvent{
			ID: uuid.New(), Type: provider.Closed{}.EventType(), Data: []byte(`{"reason":"注销"}`), Metadata: []byte(`{}`),
		}
		_, err := w.store.EventStore.Append(w.t.Context(), domain.Stream(provider.Category, id), domain.Exactly(applied.Revision), []domain.NewEvent{closed})
		if err != nil {
			w.t.Fatal(err)
		}
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.EndProviderReview(ctx, req, id))
		}
	},
	"MatchPlace": func(w *world) (commands.Request, call) {
		id := w.older(w.provider(w.codeA))
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.MatchPlace(ctx, req, id, 1))
		}
	},
	"SetReviewTexts": func(*world) (commands.Request, call) {
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.SetReviewTexts(ctx, req, canned.SetTexts{Code: "duplicate", Texts: []domain.Text{{ZH: "重复", EN: "twice"}}}))
		}
	},
	"CorrectCalendar": func(w *world) (commands.Request, call) {
		change := w.dayOff()
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.CorrectCalendar(ctx, req, change))
		}
	},
	"ClaimCase": onCase(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		return anyOutcome(w.ClaimCase(ctx, req, product.Category, id, 1, uuid.Nil))
	}, false),
	"ClaimNext": onCase(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		out, ok, err := w.ClaimNext(ctx, req, commands.Waiting{
			List: func(context.Context, int, []uuid.UUID) ([]commands.WaitingCase, domain.Position, error) {
				return []commands.WaitingCase{{Kind: product.Category, ID: id}}, 0, nil
			},
		})
		if err == nil && !ok {
			err = domain.ErrNotFound
		}
		return anyOutcome(out, err)
	}, false),
	"HandBackClaim": onCase(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		return anyOutcome(w.HandBackClaim(ctx, req, product.Category, id))
	}, true),
	"TakeOverClaim": func(w *world) (commands.Request, call) {
		id, ben := w.pending(w.provider(w.codeA)), w.reviewer("林芳")
		must[claim.State](w.t)(w.claims(by(w.reviewer("吴海"), 0), id))
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.TakeOverClaim(ctx, req, product.Category, id, commands.TakeOver{Reason: "请假", Reviewer: ben}))
		}
	},
	"ExpireClaim": func(w *world) (commands.Request, call) {
		id := w.pending(w.provider(w.codeA))
		reviewer := w.reviewer("吴海")
		held := must[claim.State](w.t)(w.claims(by(reviewer, -day), id)).State.Claim
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.ExpireClaim(ctx, req, id, held))
		}
	},
	"UnpublishProduct": onProduct(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		return anyOutcome(w.UnpublishProduct(ctx, req, id))
	}),
	"PublishProduct": func(w *world) (commands.Request, call) {
		owner := w.provider(w.codeA)
		id := w.listed(owner)
		must[product.State](w.t)(w.UnpublishProduct(w.t.Context(), as(owner), id))
		return as(owner), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.PublishProduct(ctx, req, id))
		}
	},
	"PinProduct": onProduct(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		return anyOutcome(w.PinProduct(ctx, req, id))
	}),
	"UnpinProduct": func(w *world) (commands.Request, call) {
		owner := w.provider(w.codeA)
		id := w.listed(owner)
		must[product.State](w.t)(w.PinProduct(w.t.Context(), as(owner), id))
		return as(owner), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.UnpinProduct(ctx, req, id))
		}
	},
	"DeleteProduct": onProduct(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		return anyOutcome(w.DeleteProduct(ctx, req, id))
	}),
	"TakeDownProduct": func(w *world) (commands.Request, call) {
		id := w.listed(w.provider(w.codeA))
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.TakeDownProduct(ctx, req, id, "投诉"))
		}
	},
	"RequestBooking": func(w *world) (commands.Request, call) {
		id := w.listed(w.provider(w.codeA))
		return as(w.enterprise(w.codeB)), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.RequestBooking(ctx, req, id, inquiry()))
		}
	},
	"ReplyToBooking": onBooking(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		return anyOutcome(w.ReplyToBooking(ctx, req, id, "请联系陈琳"))
	}, true),
	"MarkBookingRead": func(w *world) (commands.Request, call) {
		owner, enterprise, id := w.booking()
		must[booking.State](w.t)(w.ReplyToBooking(w.t.Context(), as(owner), id, "请联系陈琳"))
		return as(enterprise), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.MarkBookingRead(ctx, req, id))
		}
	},
	"WithdrawBooking": onBooking(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		return anyOutcome(w.WithdrawBooking(ctx, req, id))
	}, false),
	"CloseBooking": onBooking(func(ctx context.Context, w *world, req commands.Request, id uuid.UUID) (outcome, error) {
		return anyOutcome(w.CloseBooking(ctx, req, id, booking.ProductDeleted))
	}, false),
	"RecordExport": func(*world) (commands.Request, call) {
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.RecordExport(ctx, req, req.ID, audit.Exported{Format: "csv", SHA256: strings.Repeat("0a", 32)}))
		}
	},
	"MakeDigest": func(*world) (commands.Request, call) {
		return staff(), func(ctx context.Context, w *world, req commands.Request) (outcome, error) {
			return anyOutcome(w.MakeDigest(ctx, req, digest.Made{Day: workdays.DayOf(noon), At: noon}))
		}
	},
}

const day = 24 * time.Hour

// token lives for a day.
func token(roles ...domain.Role) account.Token {
	return account.Token{Label: "值班电脑", Roles: roles, ExpiresAt: noon.Add(day)}
}

func onProduct(do func(context.Context, *world, commands.Request, uuid.UUID) (outcome, error)) func(*world) (commands.Request, call) {
	return func(w *world) (commands.Request, call) {
		owner := w.provider(w.codeA)
		id := w.listed(owner)
		return as(owner), func(ctx context.Context, w *world, req commands.Request) (outcome, error) { return do(ctx, w, req, id) }
	}
}

// onCase is a command of a reviewer's on a product that awaits a decision, and that the reviewer has claimed or not.
func onCase(do func(context.Context, *world, commands.Request, uuid.UUID) (outcome, error), claimed bool) func(*world) (commands.Request, call) {
	return func(w *world) (commands.Request, call) {
		id := w.pending(w.provider(w.codeA))
		reviewer := w.reviewer("吴海")
		if claimed {
			must[claim.State](w.t)(w.claims(by(reviewer, 0), id))
		}
		return by(reviewer, 0), func(ctx context.Context, w *world, req commands.Request) (outcome, error) { return do(ctx, w, req, id) }
	}
}

func onBooking(do func(context.Context, *world, commands.Request, uuid.UUID) (outcome, error),
	byProvider bool,
) func(*world) (commands.Request, call) {
	return func(w *world) (commands.Request, call) {
		owner, enterprise, id := w.booking()
		by := enterprise
		if byProvider {
			by = owner
		}
		return as(by), func(ctx context.Context, w *world, req commands.Request) (outcome, error) { return do(ctx, w, req, id) }
	}
}

func (w *world) booking() (owner, enterprise, id uuid.UUID) {
	w.t.Helper()
	owner, enterprise = w.provider(w.codeA), w.enterprise(w.codeB)
	requested := must[booking.State](w.t)(w.RequestBooking(w.t.Context(), as(enterprise), w.listed(owner), inquiry()))
	return owner, enterprise, requested.ID
}
