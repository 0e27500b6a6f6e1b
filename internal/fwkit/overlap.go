package fwkit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// SharedObject is an object that several addresses of one configuration may manage, such as a grant.
type SharedObject struct {
	client.PlannedObject
	Name string // how messages name the object
	// Consequence is a clause for messages: what is lost if Terraform destroys the object before it creates it again.
	Consequence string
}

// PlanToKeep records that the plan creates or keeps these objects, at the address of object. It adds a warning if
// another address removes one of them. unchanged says that nothing changes at the address of object, so that the apply
// does not call the resource there.
func (r *Resource) PlanToKeep(object string, unchanged bool, diags *diag.Diagnostics, all ...SharedObject) {
	for _, g := range grouped(all, r.Client.PlanToKeep(plannedObjects(all)...)) {
		what := "Terraform does both in an unknown order. If Terraform creates first, the destroy leaves the object " +
			"as it is. If Terraform destroys first, " + g.lost + "."
		if unchanged {
			what = "The plan changes nothing at the address that keeps the object, so this apply removes the object " +
				"and the next plan creates it again. That means: " + g.lost + "."
		}
		g.warn(g.other, g.mine, object, what, diags)
	}
}

// PlanToRemove records that the plan removes these objects at the address of object. It adds a warning if another
// address keeps or creates one of them. It returns the objects that Delete must not remove. In private state it stores
// the objects that another address keeps according to the plan. Delete can see what this apply has already created, but
// not what the apply is going to create.
func (r *Resource) PlanToRemove(
	ctx context.Context,
	object string,
	private WritablePrivate,
	diags *diag.Diagnostics,
	all ...SharedObject,
) (stay []client.ObjectKey) {
	pairs := r.Client.PlanToRemove(plannedObjects(all)...)
	for _, p := range pairs {
		if p.As == p.Other.As {
			stay = append(stay, p.ObjectKey)
		}
	}
	if len(stay) > 0 {
		Remember(ctx, private, keptElsewhere, stay, diags)
	} else {
		Forget(ctx, private, keptElsewhere, diags)
	}
	for _, s := range all {
		if r.Client.Keeps(s.ObjectKey) { // this apply has already created the object at another address
			stay = append(stay, s.ObjectKey)
		}
	}
	for _, g := range grouped(all, pairs) {
		what := "The destroy leaves the object as it is."
		if g.differs {
			what = "The configuration at the other address differs, so the destroy removes the object unless " +
				"Terraform creates the other one first. That means: " + g.lost + "."
		}
		g.warn(g.mine, g.other, object, what, diags)
	}
	return stay
}

func plannedObjects(all []SharedObject) []client.PlannedObject {
	planned := make([]client.PlannedObject, 0, len(all))
	for _, s := range all {
		planned = append(planned, s.PlannedObject)
	}
	return planned
}

// group holds objects that resources of one type remove while resources of the same or a second type keep them. One
// warning reports the whole group.
type group struct {
	mine, other string // resource types at the address of the plan and at the other address
	names       []string
	lost        string
	differs     bool // at the other address one of the objects differs, for example in its permission level
}

// grouped sorts the pairs into groups, one per resource type at the other address. all holds the names of the objects.
func grouped(all []SharedObject, pairs []client.Overlap) []*group {
	var groups []*group
	for _, p := range pairs {
		s := all[slices.IndexFunc(all, func(s SharedObject) bool { return s.ObjectKey == p.ObjectKey })]
		i := slices.IndexFunc(groups, func(g *group) bool { return g.other == p.Other.Resource })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{mine: p.Resource, other: p.Other.Resource, lost: s.Consequence})
		}
		groups[i].names = append(groups[i].names, s.Name)
		groups[i].differs = groups[i].differs || p.As != p.Other.As
	}
	return groups
}

func (g *group) warn(removed, kept, object, what string, diags *diag.Diagnostics) {
	advice := fmt.Sprintf(
		"Let Terraform forget the old address instead of destroying the object:\n\n  removed {\n    from = "+
			"%s.OLD\n    lifecycle {\n      destroy = false\n    }\n  }",
		removed,
	)
	if removed == kept {
		advice = fmt.Sprintf(
			"If the resource only moved to another address, write:\n\n  moved {\n    from = %s.OLD\n    to   = "+
				"%s.NEW\n  }\n\nIf count has shifted the addresses, use for_each, which keeps them. If two addresses "+
				"manage the same object, let Terraform forget one of them with a removed block and destroy = false.",
			removed,
			kept,
		)
	}
	diags.AddWarning(
		"Removed at one address and kept at another: "+object,
		fmt.Sprintf(
			"This plan removes an object at one address, as a %s, and keeps it at another address, as a %s. The "+
				"object is: %s. %s\n\n%s",
			removed,
			kept,
			strings.Join(g.names, ", "),
			what,
			advice,
		),
	)
}

// The keys of private state under which a plan stores the objects that Delete must not remove.
const (
	keptElsewhere = "kept_elsewhere" // another address keeps these objects
	createdAgain  = "created_again"  // a replacement creates these objects again
)

// NoteCreation stores in private state the object that a plan creates. In a replacement Terraform calls Delete before
// the creation, and [Resource.MustKeep] then finds the object there.
func NoteCreation(ctx context.Context, p WritablePrivate, t client.ObjectKey, diags *diag.Diagnostics) {
	Remember(ctx, p, createdAgain, []client.ObjectKey{t}, diags)
}

// MustKeep reports whether Delete must leave an object as it is, because this run keeps it at another address, or
// because the plan keeps it there or creates it again. If so, it adds a warning about the object. planned and kept are
// two keys of this object: planned is used in plans, and kept in the operations of this run.
func (r *Resource) MustKeep(
	ctx context.Context,
	p ReadablePrivate,
	planned, kept client.ObjectKey,
	object string,
	diags *diag.Diagnostics,
) bool {
	keep := r.Client.Keeps(kept) || slices.Contains(KeptByPlan(ctx, p, diags), planned)
	if keep {
		WarnOfKept(diags, object)
	}
	return keep
}

// KeptByPlan returns the objects that Delete must not remove according to the plan: another address keeps them, or a
// replacement creates them again.
func KeptByPlan(ctx context.Context, p ReadablePrivate, diags *diag.Diagnostics) (stay []client.ObjectKey) {
	return append(
		Recall[[]client.ObjectKey](ctx, p, keptElsewhere, diags),
		Recall[[]client.ObjectKey](ctx, p, createdAgain, diags)...,
	)
}

// WarnOfKept adds a warning that Delete has left the object as it is, because this run keeps the object at another
// address or as its own replacement.
func WarnOfKept(diags *diag.Diagnostics, object string) {
	diags.AddWarning(
		"Not destroyed, because the same run keeps it: "+object,
		"Terraform destroys the object at one address. In the same run, another address or the replacement of this "+
			"resource has created or adopted the object. So the provider left the object as it is. Only its old "+
			"entry in the state was removed.",
	)
}
