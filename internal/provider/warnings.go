package provider

import (
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// logins collects the logins of one provider configuration. A credential in a vault is read at the first request, so a
// warning about it may arise only after Configure.
type logins struct {
	mu  sync.Mutex
	all []*auth.Login
}

func (l *logins) add(login *auth.Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, login)
}

// TakeWarnings returns the warnings about logins that arose after Configure, each once. The server adds them to the
// response of the call during which they arose, or of the next call.
func (p *dbxaccess) TakeWarnings() []*tfprotov6.Diagnostic {
	p.logins.mu.Lock()
	defer p.logins.mu.Unlock()
	var found []*tfprotov6.Diagnostic
	for _, login := range p.logins.all {
		for _, w := range login.TakeWarnings() {
			found = append(found, &tfprotov6.Diagnostic{
				Severity: tfprotov6.DiagnosticSeverityWarning,
				Summary:  w.Summary,
				Detail:   w.Detail,
			})
		}
	}
	return found
}
