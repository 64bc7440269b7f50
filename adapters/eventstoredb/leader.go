package eventstoredb

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"waybill/domain"
)

// dialLeader connects to the leader, for a call that the client does not have. The caller closes the connection.
func dialLeader(ctx context.Context, config *esdb.Configuration) (*grpc.ClientConn, error) {
	if !config.DnsDiscover && len(config.GossipSeeds) == 0 {
		return dial(config, config.Address)
	}
	candidates := []string{config.Address}
	if !config.DnsDiscover {
		candidates = nil
		for _, seed := range config.GossipSeeds {
			candidates = append(candidates, seed.String())
		}
	}
	failures := []error{domain.ErrUnavailable}
	for _, candidate := range candidates {
		leader, err := leaderBy(ctx, config, candidate)
		if err == nil {
			return dial(config, leader)
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// leaderBy asks a node which one leads.
func leaderBy(ctx context.Context, config *esdb.Configuration, candidate string) (address string, err error) {
	conn, err := dial(config, candidate)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // it was read from
	ctx, cancel := context.WithTimeout(ctx, time.Duration(config.GossipTimeout)*time.Second)
	defer cancel()
	info, err := gossip.NewGossipClient(conn).Read(ctx, &shared.Empty{})
	if err != nil {
		return "", fmt.Errorf("gossip of %s: %w", candidate, err)
	}
	for _, m := range info.GetMembers() {
		if m.GetIsAlive() && m.GetState() == gossip.MemberInfo_Leader {
			at := m.GetHttpEndPoint()
			return net.JoinHostPort(at.GetAddress(), strconv.Itoa(int(at.GetPort()))), nil
		}
	}
	return "", fmt.Errorf("gossip of %s: no leader", candidate)
}

func dial(config *esdb.Configuration, address string) (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if !config.DisableTLS {
		secured := &tls.Config{
			RootCAs: config.RootCAs, MinVersion: tls.VersionTLS12,
			InsecureSkipVerify: config.SkipCertificateVerification, //nolint:gosec // tlsVerifyCert=false, as for the client
		}
		if config.UserCertFile != "" {
			pair, err := tls.LoadX509KeyPair(config.UserCertFile, config.UserKeyFile)
			if err != nil {
				return nil, fmt.Errorf("the user's certificate: %w", err)
			}
			secured.Certificates = []tls.Certificate{pair}
		}
		transport = credentials.NewTLS(secured)
	}
	return grpc.NewClient(address, grpc.WithTransportCredentials(transport))
}

// asUser adds what the client sends with every call: who we are, and that the leader is to answer.
func asUser(ctx context.Context, config *esdb.Configuration) context.Context {
	ctx = onLeader(ctx)
	if config.Username == "" || config.DisableTLS {
		return ctx
	}
	login := base64.StdEncoding.EncodeToString([]byte(config.Username + ":" + config.Password))
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Basic "+login)
}
