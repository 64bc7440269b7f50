package access_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"waybill/domain/access"
)

func TestSecretIsDrawnFromItsReader(t *testing.T) {
	secret, err := access.NewSecret(bytes.NewReader(bytes.Repeat([]byte{0xff}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	if want := access.Secret("wb_" + strings.Repeat("_", 42) + "8"); secret != want {
		t.Errorf("got %s, want %s", secret, want)
	}
	if secret.Hash() != sha256.Sum256([]byte(secret)) {
		t.Error("the hash is not the SHA-256 of the secret")
	}
	if _, err := access.NewSecret(bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("31 random bytes made a secret")
	}
}

func TestOnlyTheShapeOfASecretIsLookedUp(t *testing.T) {
	secret, err := access.NewSecret(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	for candidate, want := range map[access.Secret]bool{
		secret:                  true,
		"":                      false,
		"wb_":                   false,
		secret + "A":            false,
		"xx_" + secret[3:]:      false,
		secret[:len(secret)-1]:  false,
		"Bearer " + secret[:10]: false,
	} {
		if got := candidate.Valid(); got != want {
			t.Errorf("%q: got %v", string(candidate), got)
		}
	}
}

func TestSecretStaysOutOfTheLog(t *testing.T) {
	var log bytes.Buffer
	secret := access.Secret("wb_" + strings.Repeat("s", 43))
	slog.New(slog.NewTextHandler(&log, nil)).Info("issued", "token", secret)
	if strings.Contains(log.String(), "sss") {
		t.Errorf("it shows: %s", log.String())
	}
}

func TestTokenErr(t *testing.T) {
	expiry := time.Date(2026, 2, 13, 8, 0, 0, 0, time.UTC)
	revoked := expiry.Add(-time.Hour)
	for _, tt := range []struct {
		token access.Token
		now   time.Time
		want  error
	}{
		{access.Token{ExpiresAt: expiry}, expiry.Add(-time.Nanosecond), nil},
		{access.Token{ExpiresAt: expiry}, expiry, access.ErrTokenExpired},
		{access.Token{ExpiresAt: expiry, RevokedAt: revoked}, expiry.Add(-time.Minute), access.ErrTokenRevoked},
		{access.Token{ExpiresAt: expiry, RevokedAt: revoked}, expiry.Add(time.Minute), access.ErrTokenRevoked},
	} {
		t.Run(fmt.Sprint(tt.want), func(t *testing.T) {
			if err := tt.token.Err(tt.now); !errors.Is(err, tt.want) || (tt.want == nil && err != nil) {
				t.Errorf("got %v", err)
			}
		})
	}
}
