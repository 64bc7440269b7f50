package main

import (
	"waybill/domain/commands"
	"waybill/domain/media"
)

// sources are where the facts come from that commands are decided on.
//
// TO BE WIRED HERE, and nowhere else: the library of uploaded images for Believing, the configured policies for Standard, and the
// gazetteer as Places. Until then every reference is taken for an image that fits, and every city for one that was typed.
func sources() commands.Sources {
	policies := media.Standard()
	return commands.Sources{Images: media.Believing{Policies: policies}, Policies: policies}
}
