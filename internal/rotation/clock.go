package rotation

import (
	"fmt"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// maxClockGap is how far the service's clock may be from this machine's where something is rotated, forgotten or
// revoked because of the time.
const maxClockGap = 24 * time.Hour

// ClockIsWrong reports whether the service's clock is too far from this machine's to believe either.
func ClockIsWrong(service time.Time) bool { return time.Since(service).Abs() > maxClockGap }

// CheckClock returns an error if one of the two clocks is wrong and the decision depends on which one. same reports
// whether both times lead to the same decision.
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
