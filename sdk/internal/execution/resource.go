package execution

// ResourceID names in requests what they are about, for servers that route by it: a
// workflow, or an activity that belongs to none. It is empty if neither is known.
func ResourceID(workflowID, activityID string) string {
	switch {
	case workflowID != "":
		return "workflow:" + workflowID
	case activityID != "":
		return "activity:" + activityID
	default:
		return ""
	}
}
