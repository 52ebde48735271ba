package differ

// Groups are all scenarios.
func Groups() []Group {
	return []Group{
		{"workflow-tasks", workflowTasks},
		{"fields", fieldScenarios(brokenCalls)},
		{"commands", commandScenarios(brokenCommands)},
	}
}
