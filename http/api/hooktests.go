package api

import (
	"errors"
	nethttp "net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/webhook"
)

// errTestUnderWay is for who has another message tested: it goes past the queue of deliveries, which is fair to all.
var errTestUnderWay = after(5*time.Second, domain.Refuse(domain.KindTooSoon, "test_under_way",
	"上一条测试消息尚未结束，请稍后重试", "wait until your other test message is over"))

// maxHookTests bounds the test messages that a node sends at once, of which an account has one.
const maxHookTests = 64

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
	account := callOf(c).Account
	if s.hookTests.enter(account, maxHookTests, 1) != hasRoom {
		return errTestUnderWay
	}
	defer s.hookTests.leave(account)
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
