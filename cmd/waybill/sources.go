package main

import (
	"waybill/domain/commands"
	"waybill/domain/media"
	"waybill/domain/place"
)

// takeSubmissions lets the commands take what refers to images and places. Without it they refuse every image.
func (a *app) takeSubmissions(images media.Library, places place.Gazetteer) {
	a.commands = commands.New(a.store, commands.Sources{
		Now:    a.clock.Now,
		Images: images, Policies: a.cfg.ImagePolicies, Places: places,
		ClaimLease: a.cfg.ClaimLease, SecondApprover: a.cfg.SecondApprover, Webhooks: a.cfg.Webhooks,
	})
}
