package converter

import "github.com/perdure/perdure/sdk/internal/extstore"

type (
	// ExternalStorage says which payloads are stored elsewhere, and where. It is an option of
	// clients.
	ExternalStorage = extstore.ExternalStorage

	// ExternalStorageConcurrency bounds how much drivers do at a time.
	ExternalStorageConcurrency = extstore.ExternalStorageConcurrency

	// StorageDriver keeps payloads somewhere else.
	StorageDriver = extstore.StorageDriver

	// StorageDriverClaim says where a driver has put a payload.
	StorageDriverClaim = extstore.StorageDriverClaim

	// StorageDriverSelector chooses where a payload is stored.
	StorageDriverSelector = extstore.StorageDriverSelector

	// StorageDriverSelectContext is what StorageDriverSelector.SelectDriver needs to know.
	StorageDriverSelectContext = extstore.StorageDriverSelectContext

	// StorageDriverStoreContext is what StorageDriver.Store needs to know.
	StorageDriverStoreContext = extstore.StorageDriverStoreContext

	// StorageDriverRetrieveContext is what StorageDriver.Retrieve needs to know.
	StorageDriverRetrieveContext = extstore.StorageDriverRetrieveContext

	// StorageDriverLimiter bounds how much drivers do at a time.
	StorageDriverLimiter[T any] = extstore.StorageDriverLimiter[T]

	// StorageDriverTargetInfo says whose payloads are stored.
	StorageDriverTargetInfo = extstore.StorageDriverTargetInfo

	// StorageDriverWorkflowInfo is the workflow whose payloads are stored.
	StorageDriverWorkflowInfo = extstore.StorageDriverWorkflowInfo

	// StorageDriverActivityInfo is the activity whose payloads are stored.
	StorageDriverActivityInfo = extstore.StorageDriverActivityInfo
)
