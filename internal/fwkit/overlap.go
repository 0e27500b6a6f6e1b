package fwkit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// Shared is a thing at one address of a plan, of which another address may have the same thing.
type Shared struct {
	client.Placed
	Name string // of the thing, in messages
	Lost string // what is lost where Terraform destroys it before it creates it again
}

// PlanToKeep notes that the plan has these at the address of object, and warns where another address removes one. asIs
// says that nothing changes at this one, so that the apply does not come here.
func (r *Resource) PlanToKeep(object string, asIs bool, diags *diag.Diagnostics, all ...Shared) {
	for _, g := range grouped(all, r.Client.PlanToKeep(placed(all)...)) {
		what := "Terraform does the two in no order. Where it creates first, destroying leaves what is there; where " +
			"it destroys first, " + g.lost + "."
		if asIs {
			what = "Nothing changes at the address that has it, so this apply removes it and the next plan creates " +
				"it again: " + g.lost + "."
		}
		g.warn(g.other, g.mine, object, what, diags)
	}
}

// PlanToRemove notes that the plan removes these from the address of object, and warns where another address has one.
// Then it leaves word for Delete, and gives them: Delete sees what the same apply has created, and not what it is yet
// to create.
func (r *Resource) PlanToRemove(
	ctx context.Context,
	object string,
	private WritablePrivate,
	diags *diag.Diagnostics,
	all ...Shared,
) (stay []client.Thing) {
	pairs := r.Client.PlanToRemove(placed(all)...)
	for _, p := range pairs {
		if p.As == p.Other.As {
			stay = append(stay, p.Thing)
		}
	}
	if len(stay) > 0 {
		Remember(ctx, private, keptElsewhere, stay, diags)
	} else {
		Forget(ctx, private, keptElsewhere, diags)
	}
	for _, s := range all {
		if r.Client.Keeps(s.Thing) { // the apply has come to a removal after its creation
			stay = append(stay, s.Thing)
		}
	}
	for _, g := range grouped(all, pairs) {
		what := "Destroying leaves it as it is."
		if g.differs {
			what = "It is to be something else there, so it is removed unless Terraform creates it first: " + g.lost +
				"."
		}
		g.warn(g.mine, g.other, object, what, diags)
	}
	return stay
}

func placed(all []Shared) []client.Placed {
	places := make([]client.Placed, 0, len(all))
	for _, s := range all {
		places = append(places, s.Placed)
	}
	return places
}

// group are the things that two resources have to do with.
type group struct {
	mine, other string // types of the resources
	names       []string
	lost        string
	differs     bool // one of them is another at the other address
}

// grouped gives one group for each other type of resource.
func grouped(all []Shared, pairs []client.Pair) []*group {
	var groups []*group
	for _, p := range pairs {
		s := all[slices.IndexFunc(all, func(s Shared) bool { return s.Thing == p.Thing })]
		i := slices.IndexFunc(groups, func(g *group) bool { return g.other == p.Other.Resource })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{mine: p.Resource, other: p.Other.Resource, lost: s.Lost})
		}
		groups[i].names = append(groups[i].names, s.Name)
		groups[i].differs = groups[i].differs || p.As != p.Other.As
	}
	return groups
}

func (g *group) warn(removed, kept, object, what string, diags *diag.Diagnostics) {
	advice := fmt.Sprintf(
		"Let Terraform forget the old address instead of destroying it:\n\n  removed {\n    from = %s.OLD\n    "+
			"lifecycle {\n      destroy = false\n    }\n  }",
		removed,
	)
	if removed == kept {
		advice = fmt.Sprintf(
			"Where the resource only has another address now, write:\n\n  moved {\n    from = %s.OLD\n    to   = "+
				"%s.NEW\n  }\n\nWhere count has shifted the addresses, for_each keeps them. Where two addresses "+
				"had the same thing, let Terraform forget one: a removed block with destroy = false.",
			removed,
			kept,
		)
	}
	diags.AddWarning(
		"Removed at one address and kept at another: "+object,
		fmt.Sprintf(
			"This plan removes it as a %s and has it as a %s at another address: %s. %s\n\n%s",
			removed,
			kept,
			strings.Join(g.names, ", "),
			what,
			advice,
		),
	)
}

// The keys in private state under which a plan leaves word for Delete. Each holds things.
const (
	keptElsewhere = "kept_elsewhere" // another address has it
	createdAgain  = "created_again"  // Terraform replaces, and has planned to create the same thing
)

// NoteCreation leaves word, while a creation is planned, for the destruction that comes before it where Terraform
// replaces.
func NoteCreation(ctx context.Context, p WritablePrivate, t client.Thing, diags *diag.Diagnostics) {
	Remember(ctx, p, createdAgain, []client.Thing{t}, diags)
}

// Stays reports whether Delete must leave the thing, because this run keeps it or its plan does.
func (r *Resource) Stays(ctx context.Context, p ReadablePrivate, planned, kept client.Thing, diags *diag.Diagnostics) bool {
	return r.Client.Keeps(kept) || slices.Contains(Planned(ctx, p, diags), planned)
}

// Planned are the things that the plan of a removal has seen at another address, or as a replacement.
func Planned(ctx context.Context, p ReadablePrivate, diags *diag.Diagnostics) (stay []client.Thing) {
	return append(
		Recall[[]client.Thing](ctx, p, keptElsewhere, diags),
		Recall[[]client.Thing](ctx, p, createdAgain, diags)...,
	)
}

// WarnOfKept says that Delete has left what this run keeps.
func WarnOfKept(diags *diag.Diagnostics, object string) {
	diags.AddWarning(
		"Left as it is, because this run keeps it: "+object,
		"Terraform destroys it at one address, and in the same run it was created, or found as wanted, at another "+
			"or as its own replacement. Only the state entry that was to be destroyed is gone.",
	)
}
