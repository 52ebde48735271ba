// Package deployment keeps the worker deployments of namespaces: which versions of workers
// there are, by the polls of those, and which of them new workflows go to.
//
// A deployment is a program that runs workers; each build of it is a version. A version
// polls task queues, and is registered for each with the first poll. One version of a
// deployment is current: what starts goes there, and what upgrades by itself. A second one
// may be ramping: it gets a part of that, by a hash of the workflow id. A version that is
// neither any more is draining as long as workflows are pinned to it, and then drained.
//
// All deployments of a namespace are one entity (Deployments), so that a change is one step
// and there is never a queue that has not heard of it. Its records are one for each
// deployment, 'd' and its name, and one for each version, 'v' and both names.
//
// The Registry has what task queues and workflows have to know of them in memory (View, a
// snapshot for each namespace, replaced after each durable change), and looks it up without
// a lock. Routes is what is known of one task queue.
//
// A version is written "<deployment>:<build id>" (Version.String), and
// "<deployment>.<build id>" in fields of the API that older clients read (Version.Old).
package deployment
