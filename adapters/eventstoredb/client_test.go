package eventstoredb

import (
	"errors"
	"strings"
	"testing"
)

// A panic of the client, which a close under its calls causes, is an error of the call, and the client's end.
func TestPanicIsAnError(t *testing.T) {
	err := guarded(func() error { panic("send on closed channel") })
	if !errors.Is(err, errPanicked) || !strings.Contains(err.Error(), "send on closed channel") {
		t.Errorf("got %v", err)
	}
	if !isLost(err) || judge(err) != unknown || !worthAnother(err) {
		t.Errorf("it is judged %v, lost %v", judge(err), isLost(err))
	}
	if err := guarded(func() error { return errSilent }); !errors.Is(err, errSilent) || isLost(err) {
		t.Errorf("without a panic: %v", err)
	}
}
