package server

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// TestStopWaitsForTheAnswerOfAChange checks that a termination waits if a change has just returned its answer, because
// the answer may not have been sent yet.
func TestStopWaitsForTheAnswerOfAChange(t *testing.T) {
	t.Parallel()
	const limit = 8 * time.Second
	for name, tc := range map[string]struct {
		change    bool          // whether there is a change
		ends      time.Duration // when the change ends, after the termination; negative if before
		wantStops time.Duration // when Stop returns, after the termination
	}{
		"no change":                       {},
		"a change that has just ended":    {change: true, ends: -time.Millisecond, wantStops: sending - time.Millisecond},
		"a change that ended a while ago": {change: true, ends: -sending},
		"a change under way":              {change: true, ends: time.Second, wantStops: time.Second + sending},
		"a change that takes too long":    {change: true, ends: time.Minute, wantStops: limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var p Process
				if tc.change {
					_, done, err := p.begin(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if tc.ends < 0 {
						done()
						time.Sleep(-tc.ends)
					} else {
						time.AfterFunc(tc.ends, done)
					}
				}
				began := time.Now()
				p.Stop(limit)
				if took := time.Since(began); took != tc.wantStops {
					t.Errorf("it stopped after %s, not %s", took, tc.wantStops)
				}
				if _, _, err := p.begin(t.Context()); err == nil {
					t.Error("another change began")
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// opener is a server whose ephemeral resource needs some time to open after its request was canceled.
type opener struct{ framework }

func (opener) OpenEphemeralResource(
	ctx context.Context, _ *tfprotov6.OpenEphemeralResourceRequest,
) (*tfprotov6.OpenEphemeralResourceResponse, error) {
	<-ctx.Done()
	time.Sleep(3 * time.Second)
	return &tfprotov6.OpenEphemeralResourceResponse{}, nil
}

// TestStopWaitsForTokenBeingOpened checks that a termination waits until an ephemeral resource is open, and opens no
// further one. Otherwise the process would end before it knows the id of the token, and could not revoke the token.
func TestStopWaitsForTokenBeingOpened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p Process
		s := server{
			next: opener{}, warnings: func() []*tfprotov6.Diagnostic { return nil }, process: &p,
			ongoing: &ongoing{forget: func() {}},
		}
		opened := make(chan error, 1)
		go func() {
			_, err := s.OpenEphemeralResource(t.Context(), &tfprotov6.OpenEphemeralResourceRequest{})
			opened <- err
		}()
		synctest.Wait()
		began := time.Now()
		p.Stop(8 * time.Second)
		if took := time.Since(began); took != 3*time.Second+sending {
			t.Errorf("it stopped after %s", took)
		}
		if err := <-opened; err != nil {
			t.Error(err)
		}
		_, err := s.OpenEphemeralResource(t.Context(), &tfprotov6.OpenEphemeralResourceRequest{})
		if !errors.Is(err, errEnding) {
			t.Errorf("another one was opened: %v", err)
		}
	})
}
