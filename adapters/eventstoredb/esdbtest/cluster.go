package esdbtest

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc/metadata"
)

// Cluster is several nodes over one log: what one acknowledges, all have at once. The first is the leader until SetLeader;
// nobody is elected when it stops.
type Cluster struct {
	options Options
	log     *log
	nodes   []*Server
	leader  atomic.Int32
}

// NewCluster makes n nodes and starts them. When options.Listen names a port, the nodes take that and the ones after it.
func NewCluster(n int, options Options) (*Cluster, error) {
	if n < 1 {
		return nil, errors.New("a cluster has at least one node")
	}
	options = options.withDefaults()
	host, first, err := net.SplitHostPort(options.Listen)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	l, err := openLog(options)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: options, log: l}
	for i := range n {
		o := options
		if port != 0 {
			o.Listen = net.JoinHostPort(host, strconv.Itoa(port+i))
		}
		s := newServer(o, l)
		s.cluster = c
		c.nodes = append(c.nodes, s)
	}
	for _, s := range c.nodes {
		if err := s.Start(); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// Node is one of the nodes, counted from 0.
func (c *Cluster) Node(i int) *Server { return c.nodes[i] }

// Nodes is how many there are.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// Leader is which node leads.
func (c *Cluster) Leader() int { return int(c.leader.Load()) }

// SetLeader moves leadership. Connections stay; the new leader does not know the ids the old one had in its cache.
func (c *Cluster) SetLeader(i int) {
	c.leader.Store(int32(i)) //nolint:gosec // one of a few nodes
	c.log.forgetIDs()
}

// ConnectionString names all nodes.
func (c *Cluster) ConnectionString() string { return connectionString(c.options, c.nodes...) }

// Close stops all nodes for good.
func (c *Cluster) Close() error {
	for _, s := range c.nodes {
		s.Stop()
	}
	return c.log.close()
}

func (s *Server) isLeader() bool {
	return s.cluster == nil || s.cluster.nodes[s.cluster.Leader()] == s
}

func (s *Server) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running != nil
}

// lead is for writes. A follower passes them on to the leader, unless the caller insists on talking to the leader itself.
func (s *Server) lead(ctx context.Context) error {
	if s.isLeader() {
		return nil
	}
	leader := s.cluster.nodes[s.cluster.Leader()]
	if !leader.alive() {
		return notReady()
	}
	if requiresLeader(ctx) {
		return notLeader(net.JoinHostPort(leader.advertised()))
	}
	return nil
}

// leadRead is for reads: a follower answers them itself, unless the caller insists.
func (s *Server) leadRead(ctx context.Context) error {
	if s.isLeader() || !requiresLeader(ctx) {
		return nil
	}
	return s.lead(ctx)
}

func requiresLeader(ctx context.Context) bool {
	header := metadata.ValueFromIncomingContext(ctx, "requires-leader")
	if len(header) == 0 {
		return false
	}
	yes, err := strconv.ParseBool(header[0])
	return err == nil && yes
}

// members is what this node gossips.
func (s *Server) members() []*gossip.MemberInfo {
	nodes := []*Server{s}
	if s.cluster != nil {
		nodes = s.cluster.nodes
	}
	out := make([]*gossip.MemberInfo, len(nodes))
	for i, n := range nodes {
		state := gossip.MemberInfo_Follower
		if n.isLeader() {
			state = gossip.MemberInfo_Leader
		}
		host, port := n.advertised()
		number, _ := strconv.ParseUint(port, 10, 16) // of a node that never listened: 0
		out[i] = &gossip.MemberInfo{
			InstanceId:   &shared.UUID{Value: &shared.UUID_String_{String_: n.id.String()}},
			TimeStamp:    ticksOf(s.options.Clock()),
			State:        state,
			IsAlive:      n.alive(),
			HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(number)},
		}
	}
	return out
}
