package acl

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// retryUntilKnown calls try, and repeats it while access lists do not know a principal that the workspace knows: a new
// principal can take minutes to reach them. It does not wait for a principal that the workspace does not know either,
// because that name is mistyped. It gives up when ctx ends. One more request per principal when a write was refused.
func retryUntilKnown(
	ctx context.Context,
	c *client.Client,
	object Object,
	try func() outcome,
	ps ...Principal,
) outcome {
	var list List
	for _, p := range ps {
		list = append(list, Entry{Principal: p})
	}
	began := time.Now()
	known := map[Principal]bool{}
	for pause := time.Second; ; pause = min(2*pause, 15*time.Second) {
		r := try()
		text, ok := unknownPrincipal(r.err)
		if !ok {
			return r
		}
		p, ok := principalIn(text, list)
		if !ok {
			return r
		}
		if !known[p] {
			there, err := inWorkspace(ctx, c, p)
			if err == nil && !there && p.Kind == ServicePrincipal {
				r.err = c.SuggestPrincipal(ctx, r.err, p.Name)
			}
			if err != nil || !there {
				return r // r.err, from the refused write, says more than an error of this lookup
			}
			known[p] = true
		}
		tflog.Info(ctx, "waiting until access lists accept a new principal", map[string]any{
			"object": object.String(), "principal": p.String(), "seconds": int(time.Since(began).Seconds()),
		})
		if web.Pause(ctx, pause) != nil {
			r.err = client.Advise(r.err, string(p.Kind), fmt.Sprintf("The workspace has %s, but after %s its "+
				"access lists still do not accept this principal. A new principal may need some minutes before "+
				"access lists accept it. Apply again, or set a longer create in timeouts.",
				p, time.Since(began).Round(time.Second)))
			return r
		}
	}
}

// inWorkspace reports whether the workspace has the principal. One request; none for a service principal that this run
// has created.
func inWorkspace(ctx context.Context, c *client.Client, p Principal) (bool, error) {
	switch p.Kind {
	case ServicePrincipal:
		if c.HasAdded(p.Name) {
			return true, nil
		}
		found, err := c.ServicePrincipals(ctx, client.SCIMEquals("applicationId", p.Name))
		return len(found) > 0, err
	case User:
		found, err := c.Users(ctx, client.SCIMEquals("userName", p.Name))
		return len(found) > 0, err
	default:
		_, err := c.GroupByName(ctx, p.Name)
		return err == nil, err
	}
}
