package media

import (
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Receipt is what an upload is answered with.
type Receipt struct {
	Image
	// Findings are the soft ones of the purpose's policy.
	Findings []Finding
	// Replayed says that the request had been answered before.
	Replayed bool
}

// Pointer is where a refusal of an upload points: the part of the form that is the image, also when it is the whole body.
const Pointer = "/file"

// Recorded is one upload as a ledger records it: a zero Request has no Answer to keep, and Fingerprint tells what was sent with it.
type Recorded struct {
	Account     uuid.UUID
	Purpose     Purpose
	Image       Image
	Request     uuid.UUID
	Fingerprint string
	Answer      []byte
}

// Box bounds a picture that is made smaller for display: Width and Height are the most it may have, in pixels.
type Box struct{ Width, Height int }

// Quota bounds what one account uploads in a day of Asia/Shanghai, what was refused too: images, and bytes as sent, beyond which no
// further image is begun. 0 is no bound.
type Quota struct {
	Images int
	Bytes  int64
}

// StandardQuota is enough for forty products with all their detail images.
var StandardQuota = Quota{Images: 500, Bytes: 256 << 20}

// Refusals.
var (
	// ErrQuota says that the account has uploaded as much as it may in a day; After is how long until the next one begins.
	ErrQuota = domain.Refuse(domain.KindTooSoon, "image_quota_reached", "今日上传图片的数量或大小已达上限，请明天再试",
		"as many images, or as many bytes, were uploaded today as an account may; go on tomorrow")
	// ErrUnavailable says that the store of images does not answer.
	ErrUnavailable = domain.Refuse(domain.KindUnavailable, "images_unavailable", "图片存储暂时不可用，请稍后重试",
		"the store of images is not available for now; try again")
)

// QuotaReached is ErrQuota at a time, with how long it is to the next day.
func QuotaReached(now time.Time) *domain.Error {
	local := now.In(domain.Beijing)
	midnight := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, domain.Beijing)
	e := *ErrQuota
	e.After = midnight.Sub(now)
	return &e
}
