package api

import (
	"context"
	"errors"
	nethttp "net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/http/tabular"
)

// An export goes on only while its caller may have it: it is asked between two pieces, not only at the beginning.
func TestAnExportEndsWithTheRightToIt(t *testing.T) {
	t.Parallel()
	recorded := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(context.Background(), nethttp.MethodGet, "/", nethttp.NoBody)
	out := newSender(echo.New().NewContext(request, recorded), 1, tabular.JSONLines)
	asked := 0
	out.allowed = func() error {
		if asked++; asked > 2 {
			return domain.ErrForbidden
		}
		return nil
	}
	n, err := out.Write(make([]byte, 5*maxChunk))
	if !errors.Is(err, domain.ErrForbidden) || n != 2*maxChunk || recorded.Body.Len() != n {
		t.Errorf("%d bytes went out, %d came, %v", n, recorded.Body.Len(), err)
	}
}
