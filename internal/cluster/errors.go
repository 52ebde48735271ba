package cluster

import "errors"

var (
	// ErrNameTaken is reported to a node that has the name of another one that is alive.
	ErrNameTaken = errors.New("cluster: another node that is alive has this name")
	// ErrOusted is reported to a node whose row has run out and was removed.
	ErrOusted = errors.New("cluster: the node was taken for dead and must start again")
	// ErrWanted is returned if another number of shards has been asked for meanwhile.
	ErrWanted = errors.New("cluster: another number of shards is asked for already")
	// ErrNoNode is returned for a node that the directory does not know.
	ErrNoNode = errors.New("cluster: there is no such node")
)
