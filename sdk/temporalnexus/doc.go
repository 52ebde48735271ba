// Package temporalnexus makes Nexus operations out of workflows, updates, activities and
// ordinary functions.
//
// A Nexus service is a set of named operations that other teams call through an endpoint, from
// other namespaces, without knowing how they are carried out. A worker serves those that are
// registered with it:
//
//	charge := temporalnexus.NewWorkflowRunOperation("charge", ChargeWorkflow,
//		func(ctx context.Context, order Order, options nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
//			return client.StartWorkflowOptions{ID: "charge-" + order.ID}, nil
//		})
//	service := nexus.NewService("payments")
//	err := service.Register(charge)
//	w.RegisterNexusService(service)
//
// Workflows call them with workflow.NewNexusClient, programs with client.NexusClient.
//
//   - [NewWorkflowRunOperation] starts a workflow: the operation ends when it does.
//   - [NewTemporalOperation] starts a workflow, an update or an activity, or answers at once,
//     as its function decides.
//   - nexus.NewSyncOperation, of the Nexus SDK, answers at once; the function has what
//     GetClient, GetLogger and the other functions of this package return.
//
// A request to start may come twice. Operations make sure that it has one effect by ids that
// are made from the input, or of the request's id.
package temporalnexus
