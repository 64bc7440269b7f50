package api

import (
	"errors"
	nethttp "net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/webhook"
)

// errTestUnderWay is for who has another message tested: it goes past the queue of deliveries, which is fair to all.
var errTestUnderWay = after(5*time.Second, domain.Refuse(domain.KindTooSoon, "test_under_way",
	"上一条测试消息尚未结束，请稍后重试", "wait until your other test message is over"))

// hookTests are the accounts that have a message tested on this node, one at a time.
type hookTests struct{ underWay sync.Map }

// enter holds an account's turn until leave is called.
func (h *hookTests) enter(account uuid.UUID) (leave func(), err error) {
	if _, busy := h.underWay.LoadOrStore(account, true); busy {
		return nil, errTestUnderWay
	}
	return func() { h.underWay.Delete(account) }, nil
}

// TestWebhook sends any webhook a message.
func (s *server) TestWebhook(c echo.Context, id WebhookID, _ TestWebhookParams) error {
	return s.testHook(c, id)
}

// TestOwnWebhook sends one of the provider's a message.
func (s *server) TestOwnWebhook(c echo.Context, id WebhookID, _ TestOwnWebhookParams) error {
	return s.testHook(c, id)
}

func (s *server) testHook(c echo.Context, id uuid.UUID) error {
	if err := s.knowsHook(c, id); err != nil {
		return err
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	leave, err := s.hookTests.enter(callOf(c).Account)
	if err != nil {
		return err
	}
	defer leave()
	err = s.Webhooks.Test(c.Request().Context(), id, req.ID, req.At)
	var failure *webhook.Failure
	if err != nil && !errors.As(err, &failure) {
		return err
	}
	result := WebhookTest{MessageID: req.ID, Delivered: err == nil}
	if failure != nil {
		result.Error = failure.Word
	}
	return answer(c, nethttp.StatusOK, result)
}
