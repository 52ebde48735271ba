package extstore

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
)

// StorageDriver keeps payloads somewhere else: in an object store, for instance. It is safe
// for concurrent use.
type StorageDriver interface {
	// Name names this driver among those of the program. It is written into histories, so
	// what was stored under one name cannot be found under another.
	Name() string

	// Type names the kind of the driver, the same for all of its kind however they are
	// configured.
	Type() string

	// Store stores payloads, which it must not change, and returns for each, in order, what
	// Retrieve will need to find it. What it stored is never deleted by the SDK, and may be
	// stored again if a request is made anew.
	Store(ctx StorageDriverStoreContext, payloads []*commonpb.Payload) ([]StorageDriverClaim, error)

	// Retrieve returns for each claim, in order, the payload that was stored.
	Retrieve(ctx StorageDriverRetrieveContext, claims []StorageDriverClaim) ([]*commonpb.Payload, error)
}

// StorageDriverClaim says where a driver has put a payload. It is written into histories.
type StorageDriverClaim struct {
	// ClaimData is up to the driver: the name of a bucket and a key in it, for instance.
	ClaimData map[string]string `json:"claim_data"`
}

// StorageDriverSelector chooses where a payload is stored.
type StorageDriverSelector interface {
	// SelectDriver returns one of the drivers of the program, or nil to leave the payload
	// where it is. It sees payloads after they were encoded.
	SelectDriver(ctx StorageDriverSelectContext, payload *commonpb.Payload) (StorageDriver, error)
}

// StorageDriverTargetInfo says whose payloads are stored: a [StorageDriverWorkflowInfo] or
// a [StorageDriverActivityInfo]. It is nil if that is not known.
type StorageDriverTargetInfo interface {
	isStorageDriverTargetInfo()
}

// StorageDriverWorkflowInfo is the workflow whose payloads are stored: also those of its
// activities, and those that are on the way to it.
type StorageDriverWorkflowInfo struct {
	// Namespace where the workflow runs.
	Namespace string
	// WorkflowType is its type, empty if that is not known.
	WorkflowType string
	// WorkflowID, which all its runs have.
	WorkflowID string
	// RunID is the run, empty if that is not known.
	RunID string
}

func (StorageDriverWorkflowInfo) isStorageDriverTargetInfo() {}

// StorageDriverActivityInfo is the activity whose payloads are stored, for activities that
// belong to no workflow.
type StorageDriverActivityInfo struct {
	// Namespace where the activity runs.
	Namespace string
	// ActivityType is its type, empty if that is not known.
	ActivityType string
	// ActivityID, which the starter chose.
	ActivityID string
	// RunID is the run, empty if that is not known.
	RunID string
}

func (StorageDriverActivityInfo) isStorageDriverTargetInfo() {}

// StorageDriverStoreContext is what StorageDriver.Store needs to know.
type StorageDriverStoreContext struct {
	// Context ends when nobody needs the result any more.
	Context context.Context
	// Target says whose payloads they are.
	Target StorageDriverTargetInfo
	// Limiter bounds how much is done at a time.
	Limiter StorageDriverLimiter[*commonpb.Payload]
}

// GetLimiter returns Limiter, or one without bounds if there is none.
func (c StorageDriverStoreContext) GetLimiter() StorageDriverLimiter[*commonpb.Payload] {
	if c.Limiter == nil {
		return unlimited[*commonpb.Payload]{}
	}
	return c.Limiter
}

// StorageDriverRetrieveContext is what StorageDriver.Retrieve needs to know.
type StorageDriverRetrieveContext struct {
	// Context ends when nobody needs the result any more.
	Context context.Context
	// Limiter bounds how much is done at a time.
	Limiter StorageDriverLimiter[StorageDriverClaim]
}

// GetLimiter returns Limiter, or one without bounds if there is none.
func (c StorageDriverRetrieveContext) GetLimiter() StorageDriverLimiter[StorageDriverClaim] {
	if c.Limiter == nil {
		return unlimited[StorageDriverClaim]{}
	}
	return c.Limiter
}

// StorageDriverSelectContext is what StorageDriverSelector.SelectDriver needs to know.
type StorageDriverSelectContext struct {
	// Context ends when nobody needs the result any more.
	Context context.Context
	// Target says whose payload it is.
	Target StorageDriverTargetInfo
}

// ExternalStorage says what is stored elsewhere, and where. The zero value stores nothing.
type ExternalStorage struct {
	// Drivers are all that payloads are stored with or were stored with. Their names must
	// differ.
	Drivers []StorageDriver

	// DriverSelector chooses among them. It may be left out if there is only one.
	DriverSelector StorageDriverSelector

	// PayloadSizeThreshold is the size from which on payloads are stored, in bytes. The
	// default is 256 KiB.
	PayloadSizeThreshold int

	// Concurrency bounds how much is done at a time.
	Concurrency ExternalStorageConcurrency
}

// ExternalStorageConcurrency bounds how much drivers do at a time. They keep to it by
// StorageDriverLimiter.
type ExternalStorageConcurrency struct {
	// MaxDriverOperations is the bound of a client, and of each worker. The default is 64.
	MaxDriverOperations int

	// MaxOperationsPerMessage is the bound of one request, response or task, so that one
	// that has many payloads does not hold up the others. The default is 8.
	MaxOperationsPerMessage int
}
