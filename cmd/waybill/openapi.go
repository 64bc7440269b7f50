package main

import (
	"io"

	"waybill/http/api"
)

type openapiCommand struct{}

// Run is called by kong.
func (openapiCommand) Run(out io.Writer) error {
	specification, err := api.Specification()
	if err != nil {
		return err
	}
	_, err = out.Write(specification)
	return err
}
