//go:build !unix

package esdbtest

import "os"

// lock does nothing here: that no second process uses the file is up to the user.
func lock(*os.File) error { return nil }
