package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nexus-rpc/sdk-go/nexus"
)

// RegisterNexusService adds a Nexus service. It fails if the service has no name, or one that
// is reserved or taken.
func (r *Registry) RegisterNexusService(service *nexus.Service) error {
	switch {
	case service == nil:
		return errors.New("tried to register a nil Nexus service")
	case service.Name == "":
		return errors.New("tried to register a Nexus service with no name")
	case strings.HasPrefix(service.Name, ReservedPrefix):
		return fmt.Errorf("the name of Nexus service %q begins with %s, which is reserved for the system", service.Name, ReservedPrefix)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.nexusSealed {
		return errors.New("cannot register Nexus services after worker start")
	}
	if _, taken := r.nexusServices[service.Name]; taken {
		return fmt.Errorf("service name %q is already registered", service.Name)
	}
	if r.nexusServices == nil {
		r.nexusServices = make(map[string]*nexus.Service)
	}
	r.nexusServices[service.Name] = service
	return nil
}

// NexusService finds a service by name.
func (r *Registry) NexusService(name string) (*nexus.Service, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	service, ok := r.nexusServices[name]
	return service, ok
}

// SealNexusServices returns all services, by name. None can be registered any more.
func (r *Registry) SealNexusServices() []*nexus.Service {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nexusSealed = true
	services := make([]*nexus.Service, 0, len(r.nexusServices))
	for _, name := range slices.Sorted(maps.Keys(r.nexusServices)) {
		services = append(services, r.nexusServices[name])
	}
	return services
}
