// Package endpoint keeps the Nexus endpoints of the cluster: the names by which workflows
// call operations, and where these go, to the workers of a task queue or to a URL outside.
//
// All endpoints are one entity, with a record for each, 'e' and its id. Names are unique.
// Each endpoint has a version, which counts its changes, and which a change has to know.
// An endpoint keeps the id of the namespace whose workers are its target, so it goes
// with the namespace when that is called something else.
package endpoint
