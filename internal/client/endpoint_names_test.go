package client

import "testing"

func TestCloseNames(t *testing.T) {
	t.Parallel()
	for _, pair := range []struct {
		name, given string
		want        bool
	}{
		{"churn-scoring", "Churn-Scoring", true}, {"churn-scoring", "churn_scoring", true}, {"churn-scoring", "churnscoring", true},
		{"churn-scoring", "churn-scorng", true}, {"churn-scoring", "chrun-scoring", true}, {"churn-scoring", "churn", true},
		{"churn-scoring-v2", "churn-scoring", true}, {"dev-churn", "churn", true}, {"iris", "irus", true},
		{"churn-scoring", "fraud-scoring", false}, {"iris", "isir", false}, {"iris", "roses", false}, {"a", "b", false}, {"ab-model", "ab", false}, {"x", "-", false},
	} {
		if got := closeNames(pair.name, pair.given); got != pair.want {
			t.Errorf("closeNames(%q, %q) = %t", pair.name, pair.given, got)
		}
	}
}
