package clusters

import (
	"context"
	"errors"
	"net/http"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// pageSize is the largest number of clusters that the service returns in one answer.
const pageSize = 100

// listClusters lists the clusters that the caller may see. One request per 100 clusters; one more if the answer is {},
// because {} alone does not prove that the workspace answered.
// https://docs.databricks.com/api/azure/workspace/clusters/list
func listClusters(ctx context.Context, c *client.Client) ([]cluster, error) {
	var all []cluster
	query := map[string]any{"page_size": pageSize}
	for last, pages := "", 1; ; pages++ {
		var page clusterPage
		if err := c.Call(ctx, http.MethodGet, "/api/2.1/clusters/list", query, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Clusters...)
		if err := client.Bounded(max(pages, len(all)), "clusters, or pages of them"); err != nil {
			return nil, err
		}
		switch next := page.NextPageToken; {
		case next == "" && len(all) == 0:
			return nil, c.ConfirmEmpty(ctx)
		case next == "":
			return all, nil
		case next == last:
			return nil, errors.New("the service sent the same page of clusters twice")
		default:
			last, query["page_token"] = next, next
		}
	}
}

type clusterPage struct {
	Clusters          []cluster `json:"clusters"`
	NextPageToken     string    `json:"next_page_token"`
	PreviousPageToken *string   `json:"prev_page_token"`
}

// cluster is a cluster that the caller can see.
type cluster struct {
	ID           string `json:"cluster_id"`
	Name         string `json:"cluster_name"`
	State        string `json:"state"`
	Source       string `json:"cluster_source"`
	Creator      string `json:"creator_user_name"`
	SparkVersion string `json:"spark_version"`
}

// Lacks implements [client.Answer]: it says what the answer lacks; empty for a complete answer.
func (p *clusterPage) Lacks(bare bool) string {
	if p.Clusters == nil && !bare && p.NextPageToken == "" && p.PreviousPageToken == nil {
		return "the answer has no clusters"
	}
	for _, k := range p.Clusters {
		if lack := client.CheckName("cluster_id", k.ID, ""); lack != "" {
			return lack
		}
	}
	return ""
}
