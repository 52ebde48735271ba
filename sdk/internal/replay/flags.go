package replay

import (
	"fmt"
	"os"
	"slices"
	"strconv"
)

// Flag names a change of SDK behaviour that existing runs must not see. A run
// that first uses it records it with the completion of the task; replay obeys
// what was recorded.
type Flag uint32

const (
	// FlagLimitChangeVersionSize leaves out the search attribute of GetVersion
	// when its value would grow beyond the server's limit.
	FlagLimitChangeVersionSize Flag = 1
	// FlagChildWorkflowErrorExecution resolves the execution future of a child
	// that could not even be asked for.
	FlagChildWorkflowErrorExecution Flag = 2
	// FlagProtocolMessageCommand orders protocol messages among commands.
	FlagProtocolMessageCommand Flag = 3
	// FlagPriorityUpdateHandling handles updates before the main routine.
	FlagPriorityUpdateHandling Flag = 4
	// FlagBlockedSelectorReceive keeps a message for which a selector with a
	// default case was woken.
	FlagBlockedSelectorReceive Flag = 5
	// FlagCancelAwaitTimer cancels the timer of AwaitWithTimeout when the
	// condition holds. Off by default.
	FlagCancelAwaitTimer Flag = 6
	// FlagMemoDataConverter encodes memos with the user's data converter.
	FlagMemoDataConverter Flag = 7
	// FlagNewChannelLostMessages narrows FlagBlockedSelectorReceive to
	// selectors with a default case.
	FlagNewChannelLostMessages Flag = 8

	// FlagOrderedChildCancel cancels the contexts below one in the order in which
	// they were made. This SDK always does; it is recorded for others.
	FlagOrderedChildCancel Flag = 9

	lastFlag = FlagOrderedChildCancel
)

// flagSet is the flags of one run.
type flagSet struct {
	recordable bool
	current    uint64 // recorded in the history, or sent
	fresh      uint64 // first used in the current task
}

// use says whether flag applies. With record it may begin to.
func (f *flagSet) use(flag Flag, record bool) bool {
	bit := uint64(1) << flag
	if (f.current|f.fresh)&bit != 0 {
		return true
	}
	if !record || !f.recordable || !allowed(flag) {
		return false
	}
	f.fresh |= bit
	return true
}

// set adds flags that the history has.
func (f *flagSet) set(flags []uint32) error {
	for _, flag := range flags {
		if flag == 0 || Flag(flag) > lastFlag {
			return fmt.Errorf("unknown SDK flag: %d; the history was written by a newer SDK, upgrade this worker", flag)
		}
		f.current |= 1 << flag
	}
	return nil
}

// confirm takes the flags used so far as recorded.
func (f *flagSet) confirm() {
	f.current |= f.fresh
	f.fresh = 0
}

func (f *flagSet) newFlags() []uint32 {
	var flags []uint32
	for flag := uint32(1); flag <= uint32(lastFlag); flag++ {
		if f.fresh&(1<<flag) != 0 {
			flags = append(flags, flag)
		}
	}
	return slices.Clip(flags)
}

// allowed says whether a run may begin to use flag. The environment variable
// TEMPORAL_SDK_FLAG_<number>, 1 or 0, overrides the default.
func allowed(flag Flag) bool {
	switch os.Getenv("TEMPORAL_SDK_FLAG_" + strconv.Itoa(int(flag))) {
	case "1":
		return true
	case "0":
		return false
	}
	return flag != FlagCancelAwaitTimer
}
