package conformance

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

const sourceVault = "learn.microsoft.com/rest/api/keyvault/secrets"

// vaultSwitch returns a switch of the emulated vault with the value true.
func vaultSwitch(name string) Switch { return Switch{"vault", name, true} }

// vaultChecks returns the checks about secrets in Azure Key Vault.
func vaultChecks() []Check {
	return []Check{
		{
			Name:      "keyvault/challenge",
			Statement: "A vault names the authority and itself to who comes without a token.",
			Switches:  []string{"LoginWindowsNet"},
			Source:    "learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses",
			Expected:  "401 with the login of the cloud",
			run: func(ctx context.Context, p *probe) Outcome {
				if p.target.Vault == "" {
					return failed(noVault)
				}
				a := p.anonymous(ctx, p.vaultURL("/secrets/"+p.prefix+"nothing"))
				challenge := a.header.Get("WWW-Authenticate")
				switch {
				case a.err != nil:
					return failed(a.err)
				case a.status != 401, !strings.Contains(challenge, "authorization="),
					!strings.Contains(challenge, "resource="):
					return wrong("%s, %s", a, challenge)
				case strings.Contains(challenge, "login.windows.net"):
					return open(challenge, vaultSwitch("LoginWindowsNet"))
				}
				return open(challenge)
			}},
		{
			Name:      "keyvault/open",
			Statement: "The vault lets this machine's address and the login in, by Azure RBAC.",
			Switches:  []string{"Firewall", "AccessPolicies"},
			Source:    "learn.microsoft.com/azure/key-vault/general/rest-error-codes",
			Expected:  "200 or a refusal by RBAC",
			run:       vaultOpen},
		{
			Name:      "keyvault/unknown",
			Statement: "A secret that is not there is refused by name.",
			Source:    sourceVault + "/get-secret",
			Expected:  "404 SecretNotFound",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.vaultUnknown(ctx, "/secrets/%s")
			}},
		{
			Name:      "keyvault/unknown-versions",
			Statement: "A secret that never was has no versions.",
			Switches:  []string{"VersionsRefused"},
			Source:    "session records of Azure's SDKs for .NET and JavaScript",
			Expected:  "200 with an empty list",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.vault(ctx, "GET", "/secrets/"+p.prefix+"nothing/versions", nil)
				switch {
				case a.err != nil || a.status == 403:
					return p.vaultDenied(a)
				case a.ok() && len(a.items("value")) == 0 && a.json != nil:
					return open("200 with an empty list")
				case a.refused(404, "SecretNotFound"):
					return open(a.String(), vaultSwitch("VersionsRefused"))
				}
				return wrong("%s", a)
			}},
		{
			Name:      "keyvault/unknown-deleted",
			Statement: "A deleted secret that is not there is refused in the same words.",
			Source:    "session records of Azure's SDKs for .NET",
			Expected:  "404 A secret with (name/id) … was not found in this key vault",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.vaultUnknown(ctx, "/deletedsecrets/%s")
			}},

		{
			Name: "keyvault/body-first", Writes: true,
			Statement: "Who may not set a secret is refused before the body is judged.",
			Switches:  []string{"BodyBeforeRights"},
			Source:    "not documented",
			Expected:  "403, or the login may set secrets",
			run:       bodyFirst},
		{
			Name: "keyvault/set", Writes: true,
			Statement: "A vault has soft delete and no purge protection.",
			Switches:  []string{"PurgeProtected"},
			Source:    sourceVault + "/set-secret: recoveryLevel",
			Expected:  "Recoverable+Purgeable",
			run: func(ctx context.Context, p *probe) Outcome {
				_, a, err := p.testSecret(ctx)
				if err != nil {
					return failed(err)
				}
				switch level := a.text("attributes", "recoveryLevel"); {
				case level == "Recoverable+Purgeable":
					return open(level)
				case strings.HasPrefix(level, "Recoverable"), strings.HasPrefix(level, "CustomizedRecoverable"):
					if strings.HasSuffix(level, "+Purgeable") {
						return open(level)
					}
					return open(level, vaultSwitch("PurgeProtected"))
				default:
					return wrong("%s, recoveryLevel %q", a, level)
				}
			}},
		{
			Name: "keyvault/dates", Writes: true,
			Statement: "A secret is read outside of its dates.",
			Switches:  []string{"RefuseOutsideDates"},
			Source:    "learn.microsoft.com/azure/key-vault/secrets/about-secrets; users have met the refusal",
			Expected:  "200",
			run:       vaultDates},
		{
			Name: "keyvault/delete", Writes: true,
			Statement: "A deleted secret is among the deleted ones at once, and its name is taken.",
			Switches:  []string{"DeletionDelay"},
			Source: "learn.microsoft.com/azure/key-vault/general/soft-delete-overview; records of Azure's " +
				"SDK for .NET",
			Expected: "at once, then 409",
			run:      vaultDelete},
		{
			Name: "keyvault/recover", Writes: true,
			Statement: "A recovered secret is there at once.",
			Switches:  []string{"RecoveryDelay"},
			Source:    "session records of Azure's SDK for .NET show about 2 s",
			Expected:  "at once",
			run:       vaultRecover},
	}
}

const noVault = missing("needs a Key Vault")

func (p *probe) vaultURL(path string) string { return p.target.Vault + path + "?api-version=7.4" }

// vault sends a request to the vault with the run's own login.
func (p *probe) vault(ctx context.Context, method, path string, body any) answer {
	if p.target.Vault == "" {
		return answer{err: noVault}
	}
	login := func(ctx context.Context) (string, error) { return p.target.Login(ctx, p.target.VaultScope) }
	return p.do(ctx, request{method: method, url: p.vaultURL(path), body: body, login: login})
}

// vaultDenied returns the outcome of a check for which the login lacks a permission in the vault.
func (p *probe) vaultDenied(a answer) Outcome {
	if a.err != nil {
		return failed(a.err)
	}
	return skipped("the login may not do this in the vault")
}

// vaultUnknown requests a secret that does not exist, and judges whether the answer is the documented 404.
func (p *probe) vaultUnknown(ctx context.Context, path string) Outcome {
	name := p.prefix + "nothing"
	a := p.vault(ctx, "GET", fmt.Sprintf(path, name), nil)
	if a.err != nil || a.status == 403 {
		return p.vaultDenied(a)
	}
	words := "A secret with (name/id) " + name + " was not found in this key vault"
	return byAnswer(a, a.refused(404, "SecretNotFound") && strings.HasPrefix(a.message(), words))
}

func vaultOpen(ctx context.Context, p *probe) Outcome {
	a := p.vault(ctx, "GET", "/secrets/"+p.prefix+"nothing/versions", nil)
	inner, _ := a.at("error", "innererror", "code").(string)
	seen := strings.TrimSpace(fmt.Sprintf("%d %s", a.status, inner))
	switch {
	case a.err != nil:
		return failed(a.err)
	case a.ok(), a.status == 404, inner == "ForbiddenByRbac":
		return open(seen)
	case inner == "ForbiddenByFirewall":
		return open(seen, vaultSwitch("Firewall"))
	case inner == "AccessDenied":
		return open(seen, vaultSwitch("AccessPolicies"))
	}
	return wrong("%s", a)
}

// testSecret sets the run's own secret in the vault and returns its name and the answer.
func (p *probe) testSecret(ctx context.Context) (name string, set answer, err error) {
	name = p.prefix + "secret"
	if p.target.Vault == "" {
		return name, answer{}, noVault
	}
	if !p.secretNoted {
		p.secretNoted = true
		p.made(creation{
			what:   "secret " + name,
			remove: func(ctx context.Context) error { return p.removeSecret(ctx, name) },
			gone:   func(ctx context.Context) (bool, error) { return p.secretGone(ctx, name) },
		})
	}
	set = p.vault(ctx, "PUT", "/secrets/"+name, object{"value": "conformance"})
	switch {
	case set.err != nil:
		return name, set, set.err
	case set.status == 403:
		p.secretNoted = false
		p.notMade()
		return name, set, missing("the login may not do this in the vault")
	case !set.ok():
		return name, set, fmt.Errorf("setting a secret: %s", set)
	}
	return name, set, nil
}

// removeSecret deletes the secret and purges it, if the vault and the login's permissions allow a purge.
func (p *probe) removeSecret(ctx context.Context, name string) error {
	var a answer
	var err error
	p.eventually(ctx, func() bool {
		// For some seconds after its deletion, a secret is neither among the existing secrets nor among the deleted
		// ones.
		if err = refusedRemoval(p.vault(ctx, "DELETE", "/secrets/"+name, nil)); err != nil {
			return true
		}
		a = p.vault(ctx, "DELETE", "/deletedsecrets/"+name, nil)
		return a.status != 409 && a.status != 404
	})
	if err != nil {
		return err
	}
	if a.status == 403 {
		return nil // the secret stays among the deleted ones until the vault itself purges it
	}
	return refusedRemoval(a)
}

// secretGone reports whether the secret no longer exists. Under purge protection it is still among the deleted secrets.
func (p *probe) secretGone(ctx context.Context, name string) (bool, error) {
	a := p.vault(ctx, "GET", "/secrets/"+name, nil)
	return a.refused(404, "SecretNotFound"), a.err
}

func bodyFirst(ctx context.Context, p *probe) Outcome {
	a := p.vault(ctx, "PUT", "/secrets/"+p.prefix+"nothing", object{})
	switch {
	case a.err != nil:
		return failed(a.err)
	case a.status == 403:
		return open(a.String())
	case a.status != 400:
		return wrong("%s", a)
	}
	// The refusal of an invalid body proves something only if the login may not set a secret.
	_, set, err := p.testSecret(ctx)
	switch {
	case err == nil:
		return open("the login may set secrets")
	case set.status == 403:
		return open(a.String(), vaultSwitch("BodyBeforeRights"))
	}
	return failed(err)
}

func vaultDates(ctx context.Context, p *probe) Outcome {
	name, set, err := p.testSecret(ctx)
	if err != nil {
		return failed(err)
	}
	version := set.text("id")[strings.LastIndex(set.text("id"), "/")+1:]
	path := "/secrets/" + name + "/" + url.PathEscape(version)
	from := p.clock.Now().Add(day).Unix()
	if a := p.vault(ctx, "PATCH", path, object{"attributes": object{"nbf": from}}); !a.ok() {
		return p.vaultDeniedOr(a)
	}
	switch a := p.vault(ctx, "GET", path, nil); {
	case a.err != nil:
		return failed(a.err)
	case a.ok():
		return open("200")
	case a.status == 403:
		return open(a.String(), vaultSwitch("RefuseOutsideDates"))
	default:
		return wrong("%s", a)
	}
}

// vaultDeniedOr returns the outcome of a refused request: skipped if the login lacks the permission, and wrong
// otherwise.
func (p *probe) vaultDeniedOr(a answer) Outcome {
	if a.err != nil || a.status == 403 {
		return p.vaultDenied(a)
	}
	return wrong("%s", a)
}

func vaultDelete(ctx context.Context, p *probe) Outcome {
	name, _, err := p.testSecret(ctx)
	if err != nil {
		return failed(err)
	}
	if a := p.vault(ctx, "DELETE", "/secrets/"+name, nil); !a.ok() {
		return p.vaultDeniedOr(a)
	}
	var a answer
	after, ok := p.eventually(ctx, func() bool {
		a = p.vault(ctx, "GET", "/deletedsecrets/"+name, nil)
		return a.ok()
	})
	if !ok {
		return wrong("%s after %s", a, p.wait)
	}
	p.secretDeleted = true
	if taken := p.vault(ctx, "PUT", "/secrets/"+name, object{"value": "conformance"}); !taken.refused(409, "Conflict") {
		return wrong("its name is not taken: %s", taken)
	}
	return lateIn("vault", after, "DeletionDelay")
}

func vaultRecover(ctx context.Context, p *probe) Outcome {
	if !p.secretDeleted {
		return skipped("needs the deletion before it")
	}
	name := p.prefix + "secret"
	if a := p.vault(ctx, "POST", "/deletedsecrets/"+name+"/recover", nil); !a.ok() {
		return p.vaultDeniedOr(a)
	}
	var a answer
	after, ok := p.eventually(ctx, func() bool {
		a = p.vault(ctx, "GET", "/secrets/"+name+"/versions", nil)
		return a.ok() && len(a.items("value")) > 0
	})
	if !ok {
		return wrong("%s after %s", a, p.wait)
	}
	return lateIn("vault", after, "RecoveryDelay")
}
