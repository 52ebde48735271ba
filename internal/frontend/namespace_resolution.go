package frontend

import (
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/api/methods"
	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/namespace"
)

// What requests have that say their namespace. Which of them a request has, the
// table knows, and its test knows that it is right.
type (
	namesNamespace interface{ GetNamespace() string }
	hasTaskToken   interface{ GetTaskToken() []byte }
)

// resolveNamespace finds the namespace a request is about, the way that the
// method's row says, checks that its state allows the method, and puts it into the
// call.
func (i *interceptor) resolveNamespace(c *call, req any) error {
	rule := c.method.Namespace
	if rule == methods.NamespaceNone {
		return nil
	}
	name := req.(namesNamespace).GetNamespace()
	if err := c.limits().CheckNamespace(name, check.Request); err != nil {
		return err
	}
	var err error
	switch rule {
	case methods.NamespaceNew:
		return check.NamespaceSet(name)
	case methods.NamespaceOptional:
		if name == "" {
			return nil
		}
		c.namespace, err = i.namespaces.ByName(name)
	case methods.NamespaceByToken:
		err = i.resolveToken(c, name, req.(hasTaskToken).GetTaskToken())
	case methods.NamespaceNameOrID:
		c.namespace, err = i.nameOrID(name, req)
	default:
		if name == "" {
			return errNamespaceEmpty
		}
		c.namespace, err = i.namespaces.ByName(name)
	}
	if err != nil {
		return err
	}
	if !c.method.States.Allow(c.namespace.State) {
		return serviceerror.NewNamespaceInvalidState(c.namespace.Name, c.namespace.State, c.method.States)
	}
	return nil
}

// namespaceOf is the name of the namespace that a request is about, as far as it is known
// after resolveNamespace, whether or not that has failed; empty if there is none.
func namespaceOf(c *call, req any) string {
	if c.namespace != nil {
		return c.namespace.Name
	}
	if r, ok := req.(namesNamespace); ok {
		return r.GetNamespace()
	}
	return ""
}

// resolveToken decodes the task token and finds its namespace. The request may
// leave the name out. If it is there, it has to be the token's: else the right to
// use one namespace would be one to all.
func (i *interceptor) resolveToken(c *call, name string, encoded []byte) (err error) {
	if name != "" {
		if _, err := i.namespaces.ByName(name); err != nil {
			return err
		}
	}
	if c.token, err = tokens.DecodeTask(encoded); err != nil {
		return err
	}
	if c.namespace, err = i.namespaces.ByID(c.token.GetNamespaceId()); err != nil {
		return err
	}
	if name != "" && name != c.namespace.Name {
		return errTokenNamespace
	}
	return nil
}

// nameOrID finds the namespace of a request that has either.
func (i *interceptor) nameOrID(name string, req any) (*namespace.Namespace, error) {
	id := ""
	switch r := req.(type) {
	case interface{ GetNamespaceId() string }:
		id = r.GetNamespaceId()
	case interface{ GetId() string }:
		id = r.GetId()
	}
	switch {
	case name == "" && id == "":
		return nil, check.NamespaceSet("")
	case name != "" && id != "":
		return nil, errNamespaceAndID
	case id != "":
		return i.namespaces.ByID(id)
	}
	return i.namespaces.ByName(name)
}
