package rotation

import (
	"fmt"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// maxClockGap is the largest difference between the service's clock and this machine's at which the time may decide
// that a credential is rotated, forgotten or revoked.
const maxClockGap = 24 * time.Hour

// ClockIsWrong reports whether the service's clock differs from this machine's by more than 24 hours. Neither of the
// two can be trusted then.
func ClockIsWrong(service time.Time) bool { return time.Since(service).Abs() > maxClockGap }

// CheckClock returns an error if one of the two clocks is wrong and a decision depends on which one. same reports
// whether the decision is the same at the service's time and at this machine's time.
func CheckClock(service time.Time, same func(service, machine time.Time) bool) error {
	machine := time.Now()
	if !ClockIsWrong(service) || same(service, machine) {
		return nil
	}
	return client.Advise(fmt.Errorf("the workspace's clock shows %s, and this machine's %s",
		service.UTC().Format(time.RFC3339), machine.UTC().Format(time.RFC3339)), "",
		"The two clocks disagree on whether the credential is due for rotation, has expired or must be revoked, so "+
			"the provider decided nothing. Correct the clock of this machine. If that clock is right, a proxy "+
			"changes the Date header of the workspace's answers.")
}
