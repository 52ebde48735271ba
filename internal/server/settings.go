package server

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/activity"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/schedule"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/taskqueue"
	"github.com/perdure/perdure/internal/workflow"
)

// workflowConfig tells the state machine of workflows about namespaces and settings.
func (s *Server) workflowConfig() workflow.Config {
	config := s.settings.Config()
	limits := dynamicconfig.Derive(config, workflow.ReadLimits)
	convert := func(ns *namespace.Namespace, err error) (workflow.Namespace, bool) {
		if err != nil {
			return workflow.Namespace{}, false
		}
		known := workflow.Namespace{ID: ns.ID, Name: ns.Name, Retention: ns.Retention, Rules: ns.Rules, Deleted: ns.State == enumspb.NAMESPACE_STATE_DELETED}
		if bad := ns.BadBinaries; len(bad) > 0 {
			known.BadBinary = func(checksum string) bool { _, is := bad[checksum]; return is }
		}
		return known, true
	}
	return workflow.Config{
		Routes: s.deployments.Routes,
		Flow:   s.flows,
		CommandCancel: func(namespaceID, controlQueue string, taskToken []byte) {
			s.commander.Load().CancelActivity(namespaceID, controlQueue, taskToken)
		},
		LimitsOf: func(id string) *workflow.Limits {
			return limits.Get(func() string {
				ns, _ := convert(s.namespaces.ByID(id))
				return ns.Name
			})
		},
		Namespace:       func(id string) (workflow.Namespace, bool) { return convert(s.namespaces.ByID(id)) },
		NamespaceByName: func(name string) (workflow.Namespace, bool) { return convert(s.namespaces.ByName(name)) },
		Endpoint:        s.endpointID,
		CheckSearchAttributes: func(id string, attributes *commonpb.SearchAttributes) error {
			ns, err := s.namespaces.ByID(id)
			if err != nil {
				return err
			}
			return searchattribute.Check(ns.Name, ns.SearchAttributes, attributes, dynamicconfig.SearchAttributeKeys.Get(config, ns.Name))
		},
	}
}

// scheduleConfig tells the state machine of schedules about namespaces and settings.
func (s *Server) scheduleConfig() schedule.Config {
	name := func(id string) string {
		ns, err := s.namespaces.ByID(id)
		if err != nil {
			return ""
		}
		return ns.Name
	}
	pacer := &schedule.Pacer{Rate: func(id string) float64 {
		return dynamicconfig.ScheduleStartRate.Get(s.settings.Config(), name(id))
	}}
	return schedule.Config{NamespaceName: name, StartDelay: pacer.StartDelay}
}

// activityConfig tells the state machine of activities without a workflow about
// namespaces and settings.
func (s *Server) activityConfig() activity.Config {
	limits := dynamicconfig.Derive(s.settings.Config(), activity.ReadLimits)
	return activity.Config{
		Flow: s.flows,
		Namespace: func(id string) (activity.Namespace, bool) {
			ns, err := s.namespaces.ByID(id)
			if err != nil {
				return activity.Namespace{}, false
			}
			return activity.Namespace{Name: ns.Name, Retention: ns.Retention}, true
		},
		Limits: func(id string) *activity.Limits {
			return limits.Get(func() string {
				ns, err := s.namespaces.ByID(id)
				if err != nil {
					return ""
				}
				return ns.Name
			})
		},
	}
}

// fairQueue reports whether a task queue is fair between fairness keys.
func (s *Server) fairQueue(queue entity.Queue) bool {
	ns, err := s.namespaces.ByID(queue.Namespace)
	if err != nil {
		return dynamicconfig.Fairness.Default()
	}
	return dynamicconfig.Fairness.Get(s.settings.Config(), ns.Name, queue.Name, taskqueue.QueueType(queue.Type))
}

// hotPolls is how many polls a second make a task queue hot. It does not wait.
func (s *Server) hotPolls(queue entity.Queue) int {
	return dynamicconfig.HotQueue.Get(s.settings.Config(), s.namespaces.NameOf(queue.Namespace), queue.Name, taskqueue.QueueType(queue.Type))
}

// scaling says when the pollers of a task queue are to be more or less.
func (s *Server) scaling(queue entity.Queue) matching.Scaling {
	ns, err := s.namespaces.ByID(queue.Namespace)
	if err != nil {
		return matching.DefaultScaling
	}
	config, queueType := s.settings.Config(), taskqueue.QueueType(queue.Type)
	return matching.Scaling{
		DownAfter:    dynamicconfig.ScalingWait.Get(config, ns.Name, queue.Name, queueType),
		UpAge:        dynamicconfig.ScalingAge.Get(config, ns.Name, queue.Name, queueType),
		UpRatio:      dynamicconfig.ScalingRatio.Get(config, ns.Name, queue.Name, queueType),
		UpsPerSecond: dynamicconfig.ScalingRate.Get(config, ns.Name, queue.Name, queueType),
	}
}

// searchAttributeTypes are the custom search attributes of the namespace with the id.
func (s *Server) searchAttributeTypes(id string) map[string]searchattribute.Type {
	ns, err := s.namespaces.ByID(id)
	if err != nil {
		return nil
	}
	return ns.SearchAttributes
}
