package tuner

// DefaultSlots is how many slots of each kind a worker has that was not told.
const DefaultSlots = 1000

// CompositeTunerOptions are the suppliers of a composite tuner.
type CompositeTunerOptions struct {
	// WorkflowSlotSupplier is for workflow tasks.
	WorkflowSlotSupplier SlotSupplier
	// ActivitySlotSupplier is for activity tasks.
	ActivitySlotSupplier SlotSupplier
	// LocalActivitySlotSupplier is for local activities.
	LocalActivitySlotSupplier SlotSupplier
	// NexusSlotSupplier is for Nexus tasks.
	NexusSlotSupplier SlotSupplier
	// SessionActivitySlotSupplier is for activities of sessions.
	SessionActivitySlotSupplier SlotSupplier
}

// composite is a tuner of given suppliers.
type composite struct{ CompositeTunerOptions }

var _ WorkerTuner = composite{}

// NewCompositeTuner returns a tuner of given suppliers.
func NewCompositeTuner(options CompositeTunerOptions) (WorkerTuner, error) {
	return composite{options}, nil
}

func (c composite) GetWorkflowTaskSlotSupplier() SlotSupplier  { return c.WorkflowSlotSupplier }
func (c composite) GetActivityTaskSlotSupplier() SlotSupplier  { return c.ActivitySlotSupplier }
func (c composite) GetLocalActivitySlotSupplier() SlotSupplier { return c.LocalActivitySlotSupplier }
func (c composite) GetNexusSlotSupplier() SlotSupplier         { return c.NexusSlotSupplier }
func (c composite) GetSessionActivitySlotSupplier() SlotSupplier {
	return c.SessionActivitySlotSupplier
}

// FixedSizeTunerOptions are the sizes of a fixed size tuner. What is not positive is
// the default, 1000.
type FixedSizeTunerOptions struct {
	// NumWorkflowSlots is for workflow tasks.
	NumWorkflowSlots int
	// NumActivitySlots is for activity tasks, and as many again for those of sessions.
	NumActivitySlots int
	// NumLocalActivitySlots is for local activities.
	NumLocalActivitySlots int
	// NumNexusSlots is for Nexus tasks.
	NumNexusSlots int
}

// NewFixedSizeTuner returns a tuner with fixed numbers of slots.
func NewFixedSizeTuner(options FixedSizeTunerOptions) (WorkerTuner, error) {
	return NewCompositeTuner(CompositeTunerOptions{
		WorkflowSlotSupplier:        fixedOrDefault(options.NumWorkflowSlots),
		ActivitySlotSupplier:        fixedOrDefault(options.NumActivitySlots),
		LocalActivitySlotSupplier:   fixedOrDefault(options.NumLocalActivitySlots),
		NexusSlotSupplier:           fixedOrDefault(options.NumNexusSlots),
		SessionActivitySlotSupplier: fixedOrDefault(options.NumActivitySlots),
	})
}

func fixedOrDefault(size int) SlotSupplier {
	if size <= 0 {
		size = DefaultSlots
	}
	return &FixedSizeSlotSupplier{taken: make(chan struct{}, size)}
}
