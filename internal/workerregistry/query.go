package workerregistry

import (
	"strings"
	"time"

	workerpb "go.temporal.io/api/worker/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/filter"
)

// A query is a condition over what a worker says with its heartbeats, as package
// filter has them.

// predicate reports whether a worker matches a query.
type predicate = filter.Predicate[*workerpb.WorkerHeartbeat]

var fields = filter.Fields[*workerpb.WorkerHeartbeat]{
	Of: "worker heartbeat",
	Text: map[string]func(*workerpb.WorkerHeartbeat) string{
		"WorkerInstanceKey": (*workerpb.WorkerHeartbeat).GetWorkerInstanceKey,
		"WorkerIdentity":    (*workerpb.WorkerHeartbeat).GetWorkerIdentity,
		"HostName":          func(h *workerpb.WorkerHeartbeat) string { return h.GetHostInfo().GetHostName() },
		"TaskQueue":         (*workerpb.WorkerHeartbeat).GetTaskQueue,
		"DeploymentName":    func(h *workerpb.WorkerHeartbeat) string { return h.GetDeploymentVersion().GetDeploymentName() },
		"BuildId":           func(h *workerpb.WorkerHeartbeat) string { return h.GetDeploymentVersion().GetBuildId() },
		"SdkName":           (*workerpb.WorkerHeartbeat).GetSdkName,
		"SdkVersion":        (*workerpb.WorkerHeartbeat).GetSdkVersion,
		"WorkerStatus":      status,
		"status":            status, // a word of SQL, which the parser turns to lower case
	},
	Times: map[string]func(*workerpb.WorkerHeartbeat) (time.Time, bool){
		"StartTime":     timeOf((*workerpb.WorkerHeartbeat).GetStartTime),
		"HeartbeatTime": timeOf((*workerpb.WorkerHeartbeat).GetHeartbeatTime),
	},
	Nullable: true,
}

func status(h *workerpb.WorkerHeartbeat) string { return h.GetStatus().String() }

func timeOf(get func(*workerpb.WorkerHeartbeat) *timestamppb.Timestamp) func(*workerpb.WorkerHeartbeat) (time.Time, bool) {
	return func(h *workerpb.WorkerHeartbeat) (time.Time, bool) {
		at := get(h)
		return at.AsTime(), at != nil
	}
}

// parse compiles a query; the empty one matches every worker.
func parse(query string) (predicate, error) {
	if strings.TrimSpace(query) == "" {
		return func(*workerpb.WorkerHeartbeat) bool { return true }, nil
	}
	return fields.Compile(query)
}
