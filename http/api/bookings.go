package api

import (
	"context"
	nethttp "net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/projections"
	"waybill/projections/bookings"
)

// RequestBooking files an inquiry about a public product (R40).
func (s *server) RequestBooking(c echo.Context, _ RequestBookingParams) error {
	body, err := decode[BookingRequest](c)
	if err != nil {
		return err
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := s.Commands.RequestBooking(c.Request().Context(), req, body.ProductID, body.toDomain())
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/api/v1/bookings/"+out.ID.String())
	return bookingWritten(c, nethttp.StatusCreated, out)
}

// ListBookings is the enterprise's side (R38).
func (s *server) ListBookings(c echo.Context, params ListBookingsParams) error {
	page, err := s.bookings.ByEnterprise(c.Request().Context(), callOf(c).Account,
		bookings.Filter{
			State: booking.Status(params.State), Product: params.ProductID, Unread: params.Unread,
			After: params.Cursor, Limit: params.Limit, Total: params.Total,
		})
	return bookingPage(c, page, err)
}

// ListReceivedBookings is the provider's side (R36).
func (s *server) ListReceivedBookings(c echo.Context, params ListReceivedBookingsParams) error {
	page, err := s.bookings.ByProvider(c.Request().Context(), callOf(c).Account,
		bookings.Filter{
			State: booking.Status(params.State), Product: params.ProductID, Unread: params.Unread,
			After: params.Cursor, Limit: params.Limit, Total: params.Total,
		})
	return bookingPage(c, page, err)
}

// GetBooking is one of the enterprise's own, with the reply (R38, R39).
func (s *server) GetBooking(c echo.Context, id BookingID, _ GetBookingParams) error {
	b, err := s.bookings.OfEnterprise(c.Request().Context(), callOf(c).Account, id)
	if err != nil {
		return err
	}
	return conditional(c, b.Revision, bookingOf(b))
}

// GetReceivedBooking is one that the provider received (R36, R39).
func (s *server) GetReceivedBooking(c echo.Context, id BookingID, _ GetReceivedBookingParams) error {
	b, err := s.bookings.OfProvider(c.Request().Context(), callOf(c).Account, id)
	if err != nil {
		return err
	}
	return conditional(c, b.Revision, bookingOf(b))
}

// MarkBookingRead records that the enterprise has seen the reply (Q21).
func (s *server) MarkBookingRead(c echo.Context, id BookingID, _ MarkBookingReadParams) error {
	return s.changeBooking(c, id, s.Commands.MarkBookingRead)
}

// WithdrawBooking takes an unanswered inquiry back.
func (s *server) WithdrawBooking(c echo.Context, id BookingID, _ WithdrawBookingParams) error {
	return s.changeBooking(c, id, s.Commands.WithdrawBooking)
}

// ReplyToBooking replies to the inquiry (R37).
func (s *server) ReplyToBooking(c echo.Context, id BookingID, _ ReplyToBookingParams) error {
	reply, err := decode[Reply](c)
	if err != nil {
		return err
	}
	return s.changeBooking(c, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[booking.State], error) {
		return s.Commands.ReplyToBooking(ctx, req, id, reply.Text)
	})
}

func (s *server) changeBooking(c echo.Context, id uuid.UUID,
	command func(context.Context, commands.Request, uuid.UUID) (commands.Outcome[booking.State], error),
) error {
	return change(c, s, id, command, bookingWritten)
}

func bookingWritten(c echo.Context, status int, out commands.Outcome[booking.State]) error {
	return written(c, status, out, bookingStateOf(out.ID, out.State))
}

func bookingPage(c echo.Context, page projections.Page[bookings.Booking], err error) error {
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, BookingPage{
		Items: convert(page.Rows, bookingOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}
