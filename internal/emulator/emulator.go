// Package emulator imitates, in memory, the services behind the access to model serving in Azure Databricks. These are
// Microsoft Entra ID and any number of workspaces with their own OAuth tokens and the hosts of route-optimized
// endpoints, all in one [Tenant]. The package also imitates what a login may need: Key Vault, Azure Resource Manager,
// the managed identities of a machine, the OIDC tokens of a pipeline, and the Azure CLI.
//
// Each service is an [http.Handler] that opens no port. A test can pass it to httptest, redirect an HTTP transport to
// it, or let [Serve] give it a TLS listener on a loopback address. A [Proxy] forwards requests for the services' real
// host names to the handlers, for clients that accept no other names. The tenant holds what the services share: the
// registered applications and their credentials, the key that signs access tokens, a certificate authority, a [Clock]
// that a test moves by hand, the declared [Faults], and a [Journal] of all requests.
//
// The emulator is strict. It refuses an unknown route, a wrong token or a missing right in the same way as the real
// service, and accepts nothing merely because that would be convenient. It shares no code with the provider that it
// tests: if both used the same struct, a wrong field name would be wrong on both sides and no test would notice it.
// Where public documentation does not say what the real service does, the behaviour is a named switch ([Switches] for
// Entra ID), so that a finding on a live tenant changes one line.
//
// The emulator deliberately uses two clocks. What the services themselves issue, such as access tokens, secrets,
// personal access tokens and the tokens of an [OIDCIssuer], expires by the [Clock] that tests move. What the caller
// dates with its own clock, such as client assertions and certificates, is checked against real time, because the
// caller cannot see that a test moved the emulator's clock.
package emulator
