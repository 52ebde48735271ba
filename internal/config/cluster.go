package config

// Cluster makes the server one of several nodes on a store that they share.
type Cluster struct {
	// PeerAddress is the host:port where other nodes reach this one; empty: there are none.
	PeerAddress string
	// PeerListen is the host:port to listen on for them, if it is another one.
	PeerListen string
	// NodeName is what operators call the node.
	NodeName string
	// CertFile, KeyFile and CAFile are PEM files by which nodes know each other.
	CertFile, KeyFile, CAFile string
}

func (c *Cluster) declare(s *Schema, kind Kind) {
	if kind == Development {
		return
	}
	s.Text(&c.PeerAddress, "cluster.peerAddress", "", "host:port where the other nodes of a cluster reach this one; makes the server a node").Flag("peer-address", "")
	s.Text(&c.PeerListen, "cluster.peerListen", "", "host:port to listen on for other nodes, if it is not the peer address").Flag("peer-listen", "")
	s.Text(&c.NodeName, "cluster.nodeName", "", "name of the node, by which shards are placed; empty for the peer address. Keep it when a node is started again").Flag("node-name", "")
	s.Text(&c.CertFile, "cluster.certFile", "", "PEM file of the certificate of this node, signed by the authority of the cluster, for servers and for clients").Flag("peer-cert-file", "")
	s.Text(&c.KeyFile, "cluster.keyFile", "", "PEM file of its key").Flag("peer-key-file", "")
	s.Text(&c.CAFile, "cluster.caFile", "", "PEM file of the authority of the cluster: whoever has a certificate of it is a node").Flag("peer-ca-file", "")
}

func (c *Cluster) check(s *Schema, _ Kind) []error {
	if c.PeerAddress != "" {
		return nil
	}
	for _, set := range []*string{&c.PeerListen, &c.NodeName, &c.CertFile, &c.KeyFile, &c.CAFile} {
		if *set != "" {
			return []error{s.wrong(set, "is of use only with --peer-address")}
		}
	}
	return nil
}
