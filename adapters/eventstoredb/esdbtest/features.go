package esdbtest

import (
	"context"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
)

// features is the ServerFeatures service: what this server can do, and nothing that it cannot.
type features struct {
	serverfeatures.UnimplementedServerFeaturesServer
	*Server
}

// GetSupportedMethods lists methods in small letters, with the features the real server states for them.
func (s features) GetSupportedMethods(ctx context.Context, _ *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	effect := s.faults.take(Features)
	if err := effect.before(ctx, s.Server); err != nil {
		return nil, err
	}
	const ofStreams = "event_store.client.streams.streams"
	method := func(service, name string, features ...string) *serverfeatures.SupportedMethod {
		return &serverfeatures.SupportedMethod{ServiceName: service, MethodName: name, Features: features}
	}
	return &serverfeatures.SupportedMethods{
		EventStoreServerVersion: s.options.Version,
		Methods: []*serverfeatures.SupportedMethod{
			method(ofStreams, "read", "position", "events"),
			method(ofStreams, "append"),
			method(ofStreams, "delete"),
			method(ofStreams, "tombstone"),
			method(ofStreams, "batchappend", "deadline_duration"),
			method("event_store.client.gossip.gossip", "read"),
			method("event_store.client.server_features.serverfeatures", "getsupportedmethods"),
		},
	}, effect.after(ctx, s.Server)
}

// gossiper is the Gossip service as clients use it.
type gossiper struct {
	gossip.UnimplementedGossipServer
	*Server
}

// Read lists the members; a server by itself is its own leader.
func (s gossiper) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	effect := s.faults.take(Gossip)
	if err := effect.before(ctx, s.Server); err != nil {
		return nil, err
	}
	return &gossip.ClusterInfo{Members: s.members()}, effect.after(ctx, s.Server)
}
