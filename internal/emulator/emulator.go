// Package emulator imitates, in memory, the services that Azure Databricks
// model-serving access is made of: Microsoft Entra ID and any number of
// workspaces with their own OAuth tokens and the hosts of route-optimized
// endpoints, all over one [Tenant]; and what a login may need besides: Key Vault,
// Azure Resource Manager, a machine's managed identities, a pipeline's OIDC tokens
// and the Azure CLI.
//
// Each service is an [http.Handler] that opens no port, so that a test can hand
// it to httptest, rewrite a transport towards it, or let [Serve] give it a
// loopback TLS listener. A [Proxy] leads their real names to them, for clients that
// accept no others. The tenant holds what the services share: the
// registered applications and their credentials, the key that signs access
// tokens, a certificate authority, a [Clock] that is moved by hand, declared
// [Faults] and a [Journal] of what was asked.
//
// The emulator is strict. An unknown route, a wrong token, a missing right are
// refused the way the real service refuses them, and nothing is accepted because
// it would be convenient. It knows nothing of the provider it tests: were the
// two to share a struct, a wrong field name would be wrong on both sides and no
// test would see it. What public documentation leaves open about the real
// service is a named switch ([Switches] for Entra ID), so that a finding on a
// live tenant changes one line.
//
// Two clocks run here, deliberately. Whatever the services decide about what
// they issued (access tokens, secrets, personal access tokens) follows the moved
// [Clock], tokens of an [OIDCIssuer] included. Whatever the caller dates by its own watch (client assertions and
// certificates) is judged by real time, because the caller cannot see that the
// emulator's clock was moved.
package emulator
