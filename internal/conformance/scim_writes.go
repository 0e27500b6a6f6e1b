package conformance

import (
	"context"
	"fmt"
)

// replace sends a PUT request that writes a service principal with the given name.
func (p *probe) replace(ctx context.Context, made principal, name string) answer {
	return p.send(ctx, "PUT", principals+"/"+made.id, servicePrincipal(made.applicationID, name))
}

// set sends a PATCH request that replaces one attribute of a service principal.
func (p *probe) set(ctx context.Context, made principal, attribute string, value any) answer {
	return p.send(ctx, "PATCH", principals+"/"+made.id,
		patchBody(object{"op": "replace", "path": attribute, "value": value}))
}

// writeAnswer judges the answer to a request that changes a service principal.
func (p *probe) writeAnswer(ctx context.Context, write func(principal) answer) Outcome {
	made, err := p.testPrincipal(ctx)
	if err != nil {
		return failed(err)
	}
	switch a := write(made); {
	case a.err != nil:
		return failed(a.err)
	case !a.ok():
		return wrong("%s", a)
	case len(a.raw) == 0:
		return open(a.String(), workspaceSwitch("PatchAnswersEmpty", true))
	case string(a.raw) == "{}":
		return open("{}", workspaceSwitch("SCIMWritesAnswerNothing", true))
	case a.text("id") == made.id:
		return open("the object")
	default:
		return wrong("%s, with id %q", a, a.text("id"))
	}
}

// rename renames a service principal and judges whether reads show the new name within the waiting time.
func (p *probe) rename(ctx context.Context, by, suffix string, write func(made principal, name string) answer) Outcome {
	made, err := p.testPrincipal(ctx)
	if err != nil {
		return failed(err)
	}
	wanted := p.prefix + suffix
	a := write(made, wanted)
	switch {
	case a.err != nil:
		return failed(a.err)
	case a.status >= 400 && a.status < 500:
		return open(a.String(), workspaceSwitch(by, "refused"))
	case !a.ok():
		return wrong("%s", a)
	}
	var shown answer
	if _, ok := p.eventually(ctx, func() bool {
		shown = p.get(ctx, principals+"/"+made.id)
		return shown.text("displayName") == wanted
	}); ok {
		return open("renamed")
	}
	if shown.err != nil || !shown.ok() {
		return byAnswer(shown, false)
	}
	seen := fmt.Sprintf("accepted, and the name stays %q", shown.text("displayName"))
	return open(seen, workspaceSwitch(by, "ignored"))
}

func deactivate(ctx context.Context, p *probe) Outcome {
	made, err := p.testPrincipal(ctx)
	if err != nil {
		return failed(err)
	}
	set := func(to string) answer {
		return p.set(ctx, made, "active", []object{{"value": to}})
	}
	a := set("false")
	if !a.ok() {
		return byAnswer(a, false)
	}
	_, ok := p.eventually(ctx, func() bool { return p.get(ctx, principals+"/"+made.id).at("active") == false })
	if restored := set("true"); !restored.ok() {
		return byAnswer(restored, false)
	}
	if !ok {
		return wrong("accepted, and it is active")
	}
	return holds("active false")
}
