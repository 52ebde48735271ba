// Package check has the checks of all fields that requests and commands carry, and
// their limits (limits.go). A field is checked by the same function wherever it
// comes in: at the door, in a request, or in a command of a workflow task.
//
// The checks are about form: what is wrong with a value whatever the state of the
// server. Where a field may be left out they fill in its default, in the message,
// which belongs to the server.
//
// Nearly all fail with InvalidArgument and name the field. The Temporal server refuses the
// same fault with other words in a request than in a command, and clients match
// some of them: so a check that is made in both takes a Place, which has the words.
//
// Checks are on the path of every call. One that passes allocates nothing of
// its own (protobuf does, to reckon the size of a map); words are put together only
// for a refusal.
package check

import (
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/robfig/cron/v3"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// invalid makes the error of every check.
func invalid(format string, args ...any) error {
	return serviceerror.NewInvalidArgumentf(format, args...)
}

// Fault is what is wrong with one field: an InvalidArgument that also says which
// field it is, for refusals that go on with what else a command names.
type Fault struct {
	*serviceerror.InvalidArgument
	// Field is its name.
	Field string
	// Unset: the field has to be there, and is not.
	Unset bool
	// Length and Limit, in bytes, are those of a text that is too long, else 0.
	Length, Limit int
}

func (f *Fault) Unwrap() error { return f.InvalidArgument }

// fault makes the fault of a field.
func fault(f Fault, format string, args ...any) error {
	f.InvalidArgument = &serviceerror.InvalidArgument{Message: fmt.Sprintf(format, args...)}
	return &f
}

// Place is where a field stands: in a request, in a command, or in a part of
// either. It has the words of refusals, formats of fmt: in all of them argument 1 is
// the field and argument 2 the name of the place.
type Place struct {
	name string
	// unset: a field that has to be there is not.
	unset string
	// long: a text is longer than may be. Arguments 3 and 4 are its length and the
	// limit, in bytes.
	long string
	// duration: a duration is none. Argument 3 is the cause.
	duration string
	// malformed: a text is not of the form it should have.
	malformed string
}

// Request is the place of the fields of requests.
var Request = &Place{
	name:      "request",
	unset:     "%[1]s is not set on %[2]s.",
	long:      "%[1]s length exceeds limit.",
	duration:  "An invalid %[1]s is set on %[2]s. cause: %[3]v",
	malformed: "Invalid %[1]s.",
}

// Loading is the place of what a workflow is named by in requests that are not looked at
// before the workflow is to be loaded.
var Loading = &Place{
	unset:     "Can't load workflow execution.  %[1]s not set.",
	malformed: "%[1]s is not valid UUID.",
}

// Command returns the place of the fields of a type of command. A refusal is a whole
// sentence, which the command ends with what it names (Fault).
func Command(name string) *Place {
	return &Place{
		name:      name,
		unset:     "%[1]s is not set on %[2]s.",
		long:      "%[1]s on %[2]s exceeds length limit.",
		duration:  "Invalid %[1]s on %[2]s: %[3]v.",
		malformed: "Invalid %[1]s set on %[2]s.",
	}
}

// StartChild is the place of what a child workflow is started with.
var StartChild = func() *Place {
	place := Command("StartChildWorkflowExecutionCommand")
	place.unset = "Required field " + place.unset
	return place
}()

// StartTimer is the place of what a timer is started with.
var StartTimer = func() *Place {
	place := Command("StartTimerCommand")
	place.duration = "An invalid %[1]s is set on %[2]s: %[3]v."
	return place
}()

// NexusCommand is the place of the timeouts of a Nexus operation.
var NexusCommand = func() *Place {
	place := Command("ScheduleNexusOperationCommandAttributes")
	place.duration = "%[2]s.%[1]s is invalid: %[3]v"
	return place
}()

// NexusRequest is the place of the timeouts of an operation without a workflow.
var NexusRequest = func() *Place {
	place := Command("request")
	place.duration = "%[1]s is invalid: %[3]v"
	return place
}()

// Part returns the place of the fields of something that is part of requests and
// commands, such as a retry policy.
func Part(name string) *Place {
	return &Place{
		name:      name,
		unset:     "%[1]s is not set on %[2]s",
		long:      "%[1]s of %[2]s exceeds length limit. Length=%[3]d Limit=%[4]d",
		duration:  "invalid %[1]s set on %[2]s: %[3]v",
		malformed: "invalid %[1]s set on %[2]s",
	}
}

// Brief returns the place of fields of which little is said if they are wrong.
func Brief() *Place {
	return &Place{name: "request", unset: "%[1]s is not set.", long: "%[1]s is too long."}
}

// Activity is the place of what an activity is scheduled with. The caller says which
// activity it is.
var Activity = &Place{
	name:      "ScheduleActivityTaskCommand",
	unset:     "%[1]s is not set",
	long:      "%[1]s exceeds length limit. Length=%[3]d Limit=%[4]d",
	duration:  "invalid %[1]s: %[3]v",
	malformed: "invalid %[1]s",
}

// Set checks that a field that has to be there is.
func Set(field, value string, place *Place) error {
	if value == "" {
		return fault(Fault{Field: field, Unset: true}, place.unset, field, place.name)
	}
	return nil
}

// CheckLength checks that a name or an id, if it is there, is not longer than Limits.ID.
func (l *Limits) CheckLength(field, value string, place *Place) error {
	return atMost(field, value, l.ID, place)
}

func atMost(field, value string, limit int, place *Place) error {
	if len(value) > limit {
		return fault(Fault{Field: field, Length: len(value), Limit: limit}, place.long, field, place.name, len(value), limit)
	}
	return nil
}

// CheckID checks a name or an id that has to be there.
func (l *Limits) CheckID(field, value string, place *Place) error {
	if err := Set(field, value, place); err != nil {
		return err
	}
	return l.CheckLength(field, value, place)
}

// CheckWorkflowID checks the id of a workflow.
func (l *Limits) CheckWorkflowID(id string, place *Place) error {
	return l.CheckID("WorkflowId", id, place)
}

// starting is the place of what a workflow is started with, where the words are not
// those of other requests.
var starting = &Place{
	unset: "%[1]s not set",
	long:  "%[1]s exceeds maximum allowed length (%[3]d/%[4]d)",
}

// CheckNewWorkflowID checks the id of a workflow that is to be started.
func (l *Limits) CheckNewWorkflowID(id string) error {
	if err := Set("WorkflowId", id, Request); err != nil {
		return err
	}
	return l.CheckLength("WorkflowId", id, starting)
}

// CheckSignalWithStart checks the names in a request that signals a workflow and starts it.
func (l *Limits) CheckSignalWithStart(req *workflowservice.SignalWithStartWorkflowExecutionRequest) error {
	if err := l.CheckNewWorkflowID(req.GetWorkflowId()); err != nil {
		return err
	}
	for _, name := range []struct{ unset, long, value string }{
		{"signal", "signal name", req.GetSignalName()},
		{"workflow type", "workflow type name", req.GetWorkflowType().GetName()},
		{"request ID", "Request ID", req.GetRequestId()},
	} {
		if err := Set(name.unset, name.value, starting); err != nil {
			return err
		}
		if err := l.CheckLength(name.long, name.value, starting); err != nil {
			return err
		}
	}
	return nil
}

// CheckWorkflowType checks the type of a workflow.
func (l *Limits) CheckWorkflowType(t *commonpb.WorkflowType, place *Place) error {
	return l.CheckID("WorkflowType", t.GetName(), place)
}

// CheckSignalName checks the name of a signal.
func (l *Limits) CheckSignalName(name string, place *Place) error {
	return l.CheckID("SignalName", name, place)
}

// CheckIdentity checks who a client says it is; it may say nothing.
func (l *Limits) CheckIdentity(identity string) error {
	return l.CheckLength("Identity", identity, Request)
}

// CheckWorkerInstanceKey checks what a worker is told apart by.
func (l *Limits) CheckWorkerInstanceKey(key string) error {
	return l.CheckLength("WorkerInstanceKey", key, Request)
}

// CheckRequestID checks the id of a request, which may have none.
func (l *Limits) CheckRequestID(id string) error { return l.CheckLength("RequestId", id, Request) }

// FillRequestID gives a request without an id one of its own, so that everything
// behind the door can count on it.
func (l *Limits) FillRequestID(id *string) error {
	if *id == "" {
		*id = NewRequestID()
	}
	return l.CheckRequestID(*id)
}

// NewRequestID is an id for a request that has none.
func NewRequestID() string { return uuid.NewString() }

// RunID accepts the id of a run, in the one form in which the server makes them, or
// none.
func RunID(id string, place *Place) error {
	if id != "" && (len(id) != 36 || uuid.Validate(id) != nil) {
		return fault(Fault{Field: "RunId"}, place.malformed, "RunId", place.name)
	}
	return nil
}

// CheckExecution checks how a workflow is named that should be there: by its id, and perhaps
// that of a run.
func (l *Limits) CheckExecution(execution *commonpb.WorkflowExecution, place *Place) error {
	if execution == nil {
		return invalid(place.unset, "Execution", place.name)
	}
	if err := l.CheckKnownWorkflowID(execution.GetWorkflowId(), place); err != nil {
		return err
	}
	return RunID(execution.GetRunId(), place)
}

// CheckKnownWorkflowID checks the id of a workflow that should be there. It fails with
// NotFound for one that is too long: no workflow is called so.
func (l *Limits) CheckKnownWorkflowID(id string, place *Place) error {
	if len(id) > l.ID {
		return NoWorkflow(id)
	}
	return Set("WorkflowId", id, place)
}

// NoWorkflow is the error for a workflow that is not there.
func NoWorkflow(id string) error {
	return serviceerror.NewNotFoundf("workflow not found for ID: %s", id)
}

// NamespaceSet checks that a request that has to say its namespace does.
func NamespaceSet(name string) error {
	if name == "" {
		return invalid("Namespace not set on request.")
	}
	return nil
}

// CheckNamespace checks the name of a namespace, which may be missing.
func (l *Limits) CheckNamespace(name string, place *Place) error {
	return l.CheckLength("Namespace", name, place)
}

// Priority checks a priority; nil is fine, and so is a weight of 0, which is none.
func Priority(priority *commonpb.Priority) error {
	if priority.GetPriorityKey() < 0 {
		return invalid("priority key can't be negative")
	}
	if err := FairnessKey(priority.GetFairnessKey()); err != nil {
		return err
	}
	if weight := priority.GetFairnessWeight(); weight != 0 {
		return FairnessWeight(weight)
	}
	return nil
}

// FairnessKey checks a fairness key, which may be empty.
func FairnessKey(key string) error {
	if len(key) > MaxFairnessKey {
		return invalid("fairness key length exceeds limit")
	}
	return nil
}

// FairnessWeight checks that a fairness weight is a finite number greater than 0.
func FairnessWeight(weight float32) error {
	// Not "<= 0": that would let pass what is not a number.
	if !(weight > 0) || math.IsInf(float64(weight), 0) {
		return invalid("must be greater than zero")
	}
	return nil
}

// FairnessWeightOverrides checks which fairness keys of a task queue get weights of
// their own, and which lose theirs.
func FairnessWeightOverrides(set map[string]float32, unset []string) error {
	if n := len(set) + len(unset); n > MaxWeightOverrides {
		return invalid("too many fairness weight overrides in request: got %d, maximum %d", n, MaxWeightOverrides)
	}
	for key, weight := range set {
		if err := overriddenKey(key); err != nil {
			return err
		}
		if err := FairnessWeight(weight); err != nil {
			return invalid("invalid fairness weight weight for key %q: %v", key, err)
		}
	}
	for _, key := range unset {
		if err := overriddenKey(key); err != nil {
			return err
		}
		if _, both := set[key]; both {
			return invalid("fairness weight override key %q present in both set and unset lists", key)
		}
	}
	return nil
}

func overriddenKey(key string) error {
	if key == "" {
		return invalid("fairness weight override key must not be empty")
	}
	return FairnessKey(key)
}

// Rate checks a limit of requests per second, which may be 0. The label says which
// limit it is.
func Rate(label string, perSecond float32) error {
	// Not "< 0": that would let pass what is not a number.
	if !(perSecond >= 0) || math.IsInf(float64(perSecond), 0) {
		return invalid("RequestsPerSecond for %s rate limit must be non-negative.", label)
	}
	return nil
}

// CheckBuildID checks the build id of a worker, which may have none.
func (l *Limits) CheckBuildID(id string) error {
	if len(id) > l.BuildID {
		return invalid("Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.")
	}
	return nil
}

// configuration is the place of what the configuration of a task queue is changed by.
var configuration = &Place{long: "%[1]s field too long (max %[4]d characters)."}

// Reason checks why somebody changes something; it may be left out.
func Reason(field, reason string) error {
	return atMost(field, reason, MaxReason, configuration)
}

// CronSchedule checks a cron schedule; empty is none. One whose time never comes, such as a 30 February, is refused.
func CronSchedule(schedule string) error {
	if schedule == "" {
		return nil
	}
	parsed, err := cron.ParseStandard(schedule)
	switch {
	case err != nil:
		return invalid("invalid CronSchedule.")
	case parsed.Next(leapYear).IsZero():
		return invalid("invalid CronSchedule, no time can be found to satisfy the schedule")
	}
	return nil
}

// leapYear begins four years in which every day comes that there is.
var leapYear = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// CheckBlob bounds the encoded size of payloads, a header or a failure.
func (l *Limits) CheckBlob(blob proto.Message) error { return BlobSize(proto.Size(blob), l.Blob) }

// BlobSize is CheckBlob for a size and a limit in bytes.
func BlobSize(size, limit int) error { return requestSize("Blob data", size, limit) }

// CheckMemo bounds the encoded size of a memo.
func (l *Limits) CheckMemo(memo *commonpb.Memo) error {
	return requestSize("Memo", proto.Size(memo), l.Memo)
}

func requestSize(field string, size, limit int) error {
	if size > limit {
		return invalid("%s size exceeds limit.", field)
	}
	return nil
}

// StoredSize bounds the size, in bytes, of what a command wants to have stored.
func StoredSize(what string, size, limit int) error {
	if size > limit {
		return invalid("%s exceeds size limit.", what)
	}
	return nil
}

// Policies gives both policies a value, and replaces the old reuse policy that was
// about conflicts by the conflict policy that it meant.
func Policies(reuse *enumspb.WorkflowIdReusePolicy, conflict *enumspb.WorkflowIdConflictPolicy, conflictDefault enumspb.WorkflowIdConflictPolicy) error {
	if _, known := enumspb.WorkflowIdReusePolicy_name[int32(*reuse)]; !known {
		return invalid("Unknown WorkflowIDReusePolicy.")
	}
	if _, known := enumspb.WorkflowIdConflictPolicy_name[int32(*conflict)]; !known {
		return invalid("Unknown WorkflowIDConflictPolicy.")
	}
	if *reuse == enumspb.WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED {
		*reuse = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}
	//lint:ignore SA1019 older clients use it
	if *reuse == enumspb.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING {
		if *conflict != enumspb.WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED {
			return invalid("Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used together with a WorkflowIDConflictPolicy")
		}
		*reuse = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
		*conflict = enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
	}
	if *conflict == enumspb.WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED {
		*conflict = conflictDefault
	}
	if *conflict == enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING &&
		*reuse == enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE {
		return invalid("Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be used together with WorkflowIdConflictPolicy WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING")
	}
	return nil
}
