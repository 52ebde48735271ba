//go:build !linux

package launch

import "errors"

type cluster struct{ nodes []*Server }

func startCluster(string, int, ...string) (*Server, error) {
	return nil, errors.New("nodes are started on Linux only")
}

func (*cluster) stop() {}
