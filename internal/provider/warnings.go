package provider

import (
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// logins are the logins of a configuration. One that a vault keeps is read at the first call, so what is odd about it
// shows only then.
type logins struct {
	mu  sync.Mutex
	all []*auth.Login
}

func (l *logins) add(login *auth.Login) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, login)
}

// TakeWarnings returns, once, what came up after Configure. The server adds it to the answer of the call that it came
// up in, or of the next one.
func (p *dbxaccess) TakeWarnings() []*tfprotov6.Diagnostic {
	p.logins.mu.Lock()
	defer p.logins.mu.Unlock()
	var found []*tfprotov6.Diagnostic
	for _, login := range p.logins.all {
		for _, w := range login.TakeWarnings() {
			found = append(
				found,
				&tfprotov6.Diagnostic{
					Severity: tfprotov6.DiagnosticSeverityWarning,
					Summary:  w.Summary,
					Detail:   w.Detail,
				},
			)
		}
	}
	return found
}
