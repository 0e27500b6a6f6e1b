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
		"By one of these clocks the credential is due, expired or to be revoked, and by the other it is not, so "+
			"nothing was decided. Set the clock of this machine. If it is right, a proxy in between changes the Date "+
			"header of answers.")
}
