package replay

// sdkIdentity tracks which SDK last completed a task of the run.
type sdkIdentity struct {
	name, version               string
	nameChanged, versionChanged bool
}

func (s *sdkIdentity) task(replaying bool, segment *segment, options Options) {
	if replaying {
		if segment.sdkName != "" {
			s.name = segment.sdkName
		}
		if segment.sdkVersion != "" {
			s.version = segment.sdkVersion
		}
		return
	}
	if s.name != options.SDKName {
		s.name, s.nameChanged = options.SDKName, true
	}
	if s.version != options.SDKVersion {
		s.version, s.versionChanged = options.SDKVersion, true
	}
}

func (s *sdkIdentity) takeChanged() (name, version string) {
	if s.nameChanged {
		name, s.nameChanged = s.name, false
	}
	if s.versionChanged {
		version, s.versionChanged = s.version, false
	}
	return name, version
}
