package server

import (
	"maps"
	"slices"
	"time"

	"github.com/perdure/perdure/internal/activity"
	"github.com/perdure/perdure/internal/batch"
	"github.com/perdure/perdure/internal/callback"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/nexusoperation"
	"github.com/perdure/perdure/internal/schedule"
	"github.com/perdure/perdure/internal/taskqueue"
	"github.com/perdure/perdure/internal/workflow"
)

// machines are the kinds of entities of this release.
func machines(namespaces *namespace.Registry, endpoints *endpoint.Registry, deployments *deployment.Registry, flows *flow.Registry, workflows workflow.Config, schedules schedule.Config, activities activity.Config, operations nexusoperation.Config) map[entity.Kind]entity.Machine {
	return map[entity.Kind]entity.Machine{
		entity.KindActivity:       activity.NewMachine(activities),
		entity.KindNamespaces:     namespaces,
		entity.KindBatch:          batch.Machine{Retention: retention(namespaces)},
		entity.KindCallback:       callback.Machine{},
		entity.KindDeployments:    deployment.Machine{Registry: deployments},
		entity.KindEndpoints:      endpoint.Machine{Registry: endpoints},
		entity.KindFlowPolicies:   flow.PolicyMachine{Registry: flows},
		entity.KindFlowGate:       flow.GateMachine{Registry: flows},
		entity.KindNexusOperation: nexusoperation.NewMachine(operations),
		entity.KindSchedule:       schedule.NewMachine(schedules),
		entity.KindTaskQueue:      taskqueue.Machine{},
		entity.KindWorkflow:       workflow.NewMachine(workflows),
	}
}

// Machines are the kinds of entities of this release, for whoever reads their
// records without running them.
func Machines() map[entity.Kind]entity.Machine {
	return machines(namespace.New(nil), nil, nil, nil, workflow.Config{}, schedule.Config{}, activity.Config{}, nexusoperation.Config{})
}

// kindsInNamespaces are the kinds of entities that are in namespaces, workflows first:
// they make others.
func kindsInNamespaces() []entity.Kind {
	kinds := []entity.Kind{entity.KindWorkflow}
	for _, kind := range slices.Sorted(maps.Keys(Machines())) {
		if kind != entity.KindWorkflow && !kind.Global() {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// retention returns a function that tells how long what is closed is kept in a namespace; 0
// if that is not known.
func retention(namespaces *namespace.Registry) func(id string) time.Duration {
	return func(id string) time.Duration {
		ns, err := namespaces.ByID(id)
		if err != nil {
			return 0
		}
		return ns.Retention
	}
}
