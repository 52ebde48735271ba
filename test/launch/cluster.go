//go:build linux

package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // SDKs compress
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// cluster is the nodes of a Server that is one.
type cluster struct {
	postgres *Postgres
	nodes    []*Server
	spread   *spread
	web      net.Listener
}

// startCluster starts so many nodes.
func startCluster(binary string, count int, args ...string) (s *Server, err error) {
	c := &cluster{}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	if c.postgres, err = StartPostgres("", "fsync=off", "full_page_writes=off", "max_connections=200"); err != nil {
		return nil, err
	}
	var addresses, web []string
	for i := range count {
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		node, err := startOn(binary, append([]string{"--store", "postgres", "--postgres-url", fmt.Sprintf("postgres://postgres:secret@127.0.0.1:%d/postgres", c.postgres.Port),
			"--node-name", fmt.Sprint("node", i+1), "--peer-address", fmt.Sprintf("127.0.0.1:%d", port)}, args...)...)
		if err != nil {
			return nil, err
		}
		c.nodes, addresses, web = append(c.nodes, node), append(addresses, node.Address), append(web, node.HTTP)
	}
	if err = settle(binary, addresses[0], count); err != nil {
		return nil, err
	}
	if c.spread, err = newSpread(addresses); err != nil {
		return nil, err
	}
	if c.web, err = spreadHTTP(web); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	return &Server{Address: c.spread.address, HTTP: c.web.Addr().String(), cluster: c, exited: exited}, nil
}

// settle waits until so many nodes each have their share of the shards: what workers are known is in the memory of a node.
func settle(binary, address string, count int) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(250 * time.Millisecond) {
		out, err := exec.Command(binary, "cluster", "status", "--address", address, "--output", "json").Output()
		var state struct{ Nodes []struct{ State string } }
		if err == nil {
			err = json.Unmarshal(out, &state)
		}
		ready := 0
		for _, node := range state.Nodes {
			if node.State == "ready" {
				ready++
			}
		}
		if ready == count {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d nodes are ready: %w", ready, count, err)
		}
	}
}

func (c *cluster) stop() {
	if c.spread != nil {
		c.spread.close()
	}
	if c.web != nil {
		_ = c.web.Close()
	}
	for _, node := range c.nodes {
		node.Stop()
	}
	if c.postgres != nil {
		c.postgres.Remove()
	}
}

// spreadHTTP passes each connection on to the next of several HTTP servers.
func spreadHTTP(addresses []string) (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for next := 0; ; next++ {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go join(in, addresses[next%len(addresses)])
		}
	}()
	return listener, nil
}

// join passes all that comes on a connection on to an address, and back.
func join(in net.Conn, address string) {
	defer in.Close()
	out, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
}

// spread is a gRPC server that has each call carried out by the next of several others.
type spread struct {
	address string
	server  *grpc.Server
	conns   []*grpc.ClientConn
	next    atomic.Uint64
}

func newSpread(addresses []string) (*spread, error) {
	s := &spread{}
	for _, address := range addresses {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(1<<30)))
		if err != nil {
			return nil, err
		}
		s.conns = append(s.conns, conn)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.address = listener.Addr().String()
	s.server = grpc.NewServer(grpc.UnknownServiceHandler(s.pass), grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(1<<30))
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

func (s *spread) close() {
	s.server.Stop()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
}

// pass passes a call on, and its answers back.
func (s *spread) pass(_ any, in grpc.ServerStream) error {
	ctx := in.Context()
	method, _ := grpc.Method(ctx)
	headers, _ := metadata.FromIncomingContext(ctx)
	headers = headers.Copy()
	for _, name := range []string{":authority", "content-type", "te", "grpc-accept-encoding"} {
		headers.Delete(name)
	}
	conn := s.conns[int(s.next.Add(1))%len(s.conns)]
	out, err := conn.NewStream(metadata.NewOutgoingContext(ctx, headers), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	request := new(raw)
	if err := in.RecvMsg(request); err != nil {
		return err
	}
	if err := out.SendMsg(request); err != nil {
		return err
	}
	if err := out.CloseSend(); err != nil {
		return err
	}
	for {
		response := new(raw)
		if err := out.RecvMsg(response); err != nil {
			in.SetTrailer(out.Trailer())
			if errors.Is(err, io.EOF) {
				return nil
			}
			return status.Convert(err).Err()
		}
		if err := in.SendMsg(response); err != nil {
			return err
		}
	}
}

// raw is a message as it is on the wire.
type raw struct{ data []byte }

// rawCodec passes messages through.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.(*raw).data)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	v.(*raw).data = data.Materialize()
	return nil
}
