package keys

import (
	"fmt"
	"strings"
)

// Permission is a set of things that a tenant may do. The zero value allows nothing.
type Permission uint8

// The permissions.
const (
	Infer   Permission = 1 << iota // ask the model, and see which models there are
	States                         // keep, upload, download and remove states
	Models                         // load, download and remove models
	Metrics                        // read the metrics

	All = Infer | States | Models | Metrics
)

var permissions = []struct {
	one  Permission
	name string
}{{Infer, "infer"}, {States, "states"}, {Models, "models"}, {Metrics, "metrics"}}

// Has reports whether p allows all of q.
func (p Permission) Has(q Permission) bool { return p&q == q }

// String lists the names of the permissions, such as "infer,states".
func (p Permission) String() string {
	var names []string
	for _, one := range permissions {
		if p.Has(one.one) {
			names = append(names, one.name)
		}
	}
	return strings.Join(names, ",")
}

// ParsePermissions reads a list such as "infer,states", or "all".
func ParsePermissions(list string) (Permission, error) {
	if list == "all" {
		return All, nil
	}
	var p Permission
	for name := range strings.SplitSeq(list, ",") {
		one := permissionOf(name)
		if one == 0 {
			return 0, fmt.Errorf("%q is not a permission: want some of %s, separated by commas, or all", name, All)
		}
		p |= one
	}
	return p, nil
}

func permissionOf(name string) Permission {
	for _, one := range permissions {
		if one.name == name {
			return one.one
		}
	}
	return 0
}
