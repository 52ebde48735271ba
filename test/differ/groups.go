package differ

// Groups are all scenarios on servers as they are by default.
func Groups() []Group {
	return []Group{
		{"workflow-tasks", workflowTasks},
		{"starts", starts},
		{"policies", policies()},
		{"activities", activities},
		{"standalone-activities", standalone},
		{"signals", signals},
		{"children", children},
		{"close-policies", closePolicies()},
		{"updates", updates},
		{"chains", chains},
		{"resets", resets},
		{"update-messages", updateMessages},
		{"limits", limits},
		{"misbehaviour", misbehaviour},
		{"workers", workers},
		{"namespaces", namespaces},
		{"search-attributes", attributes},
		{"visibility", searches},
		{"batches", batches},
		{"endpoints", endpoints},
		{"nexus", operations},
		{"nexus-tasks", nexusTasks},
		{"nexus-fields", append(fieldScenarios(nexusCalls), commandScenarios(nexusCommands)...)},
		{"deployments", deployments},
		{"versions", versions},
		{"schedules", schedules},
		{"schedule-fields", fieldScenarios(brokenScheduleCalls)},
		{"lives", lives()},
		{"fields", fieldScenarios(brokenCalls)},
		{"commands", commandScenarios(brokenCommands)},
		{"operators", operators},
		{"operator-fields", fieldScenarios(operatorCalls)},
		{"refusals", refusals},
	}
}

// SwitchedOn are scenarios about what servers have turned off by default. They are played on
// servers with the dynamic configuration of switchedOn.
func SwitchedOn() []Group {
	return []Group{
		{"pauses", pauses},
		{"rules", rules},
		{"skips", skips},
		{"standalone-operators", standaloneOperators},
		{"limits-of-runs", limitsOfRuns},
		{"switched-on", switched},
	}
}

// switchedOn is the file with the settings.
const switchedOn = "testdata/switched-on.yaml"

// lives are made-up lives that are compared with what was recorded of them.
func lives() []Scenario {
	var all []Scenario
	for seed := range uint64(20) {
		all = append(all, Life(seed+1, 25, nil))
	}
	return all
}
