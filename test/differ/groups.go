package differ

// Groups are all scenarios.
func Groups() []Group {
	return []Group{
		{"workflow-tasks", workflowTasks},
		{"starts", starts},
		{"policies", policies()},
		{"activities", activities},
		{"signals", signals},
		{"children", children},
		{"close-policies", closePolicies()},
		{"updates", updates},
		{"fields", fieldScenarios(brokenCalls)},
		{"commands", commandScenarios(brokenCommands)},
	}
}
